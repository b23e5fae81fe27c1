/** `tsrun validate`: everything that is wrong with a config, or may be, at once. */
import { RuntimeError } from "../../../ffi/errors.ts";
import { local, type LocalKernel } from "../../../ffi/local.ts";
import { tryOptions } from "../../../init/filesystem_trial.ts";
import { type JudgedHost, unreadable, validateText } from "../../container/validate/validate.ts";
import { inputFailure, readInput, readStream } from "../../host/input.ts";
import { writeText } from "../../host/log.ts";
import { isRootless } from "../../host/rootless.ts";
import { thisHost } from "../../host/view.ts";
import { painter } from "../colours.ts";
import type { Command, Context } from "../command.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { absolute } from "../globals.ts";
import { findingsJson, formatFindings, type JudgedFile, verdictOf } from "../validate/report.ts";

const HOSTS = ["this", "none"];

export const command: Command = {
  name: "validate",
  usage: "show everything that is wrong with a config",
  operands: "[FILE...]",
  description:
    "Judges the config.json of a bundle, or the FILEs; - is standard input. Each finding is one line: an\n" +
    "error breaks a rule of the specification, a host problem is something that this host lacks, a warning\n" +
    "is probably not meant: an unknown field, a deprecated one, a dangerous setting. Nothing is made.\n" +
    "\n" +
    "Exit status: 1 if create would refuse a config; 2 for any other finding with --strict; 0.",
  minArgs: 0,
  maxArgs: Infinity,
  flags: [
    {
      name: "bundle",
      short: "b",
      kind: "string",
      usage: "directory of the bundle; without FILEs the working directory when not given",
      values: "directory",
    },
    {
      name: "host",
      kind: "string",
      usage: "this, or none: judge the document alone",
      values: HOSTS,
      default: "this",
    },
    { name: "strict", kind: "bool", usage: "exit with 2 if there are warnings" },
    FORMAT,
  ],
  async run({ global, flags, args }: Context): Promise<number> {
    const format = chosenFormat(flags);
    const host = oneOf("host", flags.string("host"), HOSTS);
    const k = local(), { systemdCgroup } = global;
    const judged: JudgedHost | undefined = host === "none" ? undefined : {
      view: thisHost(k, (type, data) => k.scratch(() => tryOptions(k, type, data))),
      systemdCgroup,
      rootless: isRootless(global.rootless, global.systemdCgroup),
    };
    const bundle = flags.has("bundle") || args.length === 0 ? absolute(flags.string("bundle")) : undefined;
    const names = args.length > 0 ? args : [`${bundle}/config.json`];
    const files: JudgedFile[] = [];
    for (const file of names) {
      files.push({ file, findings: await judge(k, file, (text) => validateText(text, bundle, judged)) });
    }
    writeText(
      Deno.stdout,
      format === "json" ? findingsJson(files, host) : formatFindings(files, painter()),
    );
    return verdictOf(files, flags.bool("strict"));
  },
};

/** Reads a document and judges it. A document that cannot be read is a finding, and the others are judged. */
async function judge(
  k: LocalKernel,
  file: string,
  validate: (text: string) => Promise<JudgedFile["findings"]>,
): Promise<JudgedFile["findings"]> {
  let text: string;
  try {
    text = file === "-" ? readStream(k, 0) : await readInput(k, absolute(file));
  } catch (error) {
    return [unreadable(error, inputFailure(error))];
  }
  return await validate(text);
}

/** @throws {RuntimeError} For a value that the flag does not have. */
function oneOf(flag: string, value: string, values: readonly string[]): string {
  if (values.includes(value)) return value;
  throw new RuntimeError(
    "EINVAL_FLAG",
    `invalid --${flag} value ${JSON.stringify(value)}: want ${values.join(" or ")}`,
  );
}
