/** `tsrun configure`: tells a client of containers that tsrun is there. */
import { RuntimeError } from "../../../ffi/errors.ts";
import { printableJson } from "../../../ffi/printable.ts";
import type { Command, Context } from "../command.ts";
import { type MadeChange, makeChanges } from "../configure/change.ts";
import { planClient } from "../configure/clients.ts";
import { unifiedDiff } from "../configure/diff.ts";
import { type Client, type ClientPlan, CLIENTS, type Wish } from "../configure/plan.ts";
import { type FlagValues, UsageError } from "../flags.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { absolute } from "../globals.ts";
import { callerIsRoot, callerVariable } from "../../host/caller.ts";
import { writeText } from "../../host/log.ts";
import { ownProgram } from "../../host/own_program.ts";

/** Names that every client takes: those of Kubernetes. */
const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

export const command: Command = {
  name: "configure",
  usage: "add tsrun to the configuration of docker, containerd, CRI-O or podman",
  operands: "docker|containerd|crio|podman|kubernetes",
  description:
    "Changes the client's files, shows the difference, and says how the client takes notice of it. Everything\n" +
    "else in the files stays as it is, and a copy of each is kept. For a user other than root, the files of\n" +
    "that user are meant. kubernetes prints a RuntimeClass and a pod that tries it. Doing it again changes\n" +
    "nothing.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    { name: "name", kind: "string", usage: "name that the client knows the runtime by", default: "tsrun" },
    { name: "default", kind: "bool", usage: "use it where no runtime is named" },
    { name: "remove", kind: "bool", usage: "undo what configure did for the name" },
    { name: "dry-run", kind: "bool", usage: "show the difference and change nothing" },
    { name: "program", kind: "string", usage: "path of tsrun; this program when not given", values: "file" },
    {
      name: "config-file",
      kind: "string",
      usage: "file of the client to change in place of the usual one",
      values: "file",
    },
    FORMAT,
  ],
  run({ flags, args: [client] }: Context): number {
    if (!isClient(client)) {
      throw new UsageError(`unknown client ${JSON.stringify(client)}: want ${CLIENTS.join(", ")}`);
    }
    const format = chosenFormat(flags);
    const name = flags.string("name"), plan = planClient(client, wishOf(name, flags));
    const dry = flags.bool("dry-run");
    const made = dry
      ? plan.files.map((file) => ({ ...file, backup: undefined }))
      : makeChanges(plan.files, new Date());
    writeText(Deno.stdout, (format === "json" ? showJson : showText)({ client, name, plan, made, dry }));
    return 0;
  },
};

function isClient(word: string): word is Client {
  return CLIENTS.some((client) => client === word);
}

function wishOf(name: string, flags: FlagValues): Wish {
  if (!NAME.test(name)) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid --name ${JSON.stringify(name)}: want lower-case letters, digits and minus signs`,
    );
  }
  const isDefault = flags.bool("default"), remove = flags.bool("remove");
  if (isDefault && remove) throw new RuntimeError("EINVAL_FLAG", "--default and --remove exclude each other");
  const given = flags.string("config-file");
  return {
    ...{ name, isDefault, remove },
    program: flags.has("program") ? checkProgram(absolute(flags.string("program"))) : ownProgram(),
    file: given === "" ? undefined : absolute(given),
    user: callerIsRoot() ? undefined : userPlaces(),
  };
}

function checkProgram(path: string): string {
  try {
    const { isFile, mode } = Deno.statSync(path);
    if (isFile && ((mode ?? 0) & 0o111) !== 0) return path;
  } catch { /* it is refused */ }
  throw new RuntimeError("EINVAL_FLAG", `invalid --program ${JSON.stringify(path)}: not an executable file`);
}

function userPlaces(): { home: string; configHome: string } {
  const home = callerVariable("HOME");
  if (!home) throw new RuntimeError("ENOENT_HOME", "HOME is not set: where are the files of this user?");
  return { home, configHome: callerVariable("XDG_CONFIG_HOME") || `${home}/.config` };
}

/** What was done, or would be. */
interface Outcome {
  client: Client;
  name: string;
  plan: ClientPlan;
  made: readonly MadeChange[];
  dry: boolean;
}

function showText({ client, plan, made, dry }: Outcome): string {
  if (plan.manifest !== undefined) return plan.notes.map((note) => `# ${note}\n`).join("") + plan.manifest;
  if (made.length === 0) return `${client}: nothing to change\n`;
  const lines = made.map(({ path, before, after }) => unifiedDiff(path, before, after));
  for (const { backup } of made) if (backup !== undefined) lines.push(`backup: ${backup}\n`);
  if (dry) lines.push("nothing was changed (--dry-run)\n");
  else {
    if (plan.reload !== undefined) lines.push(`to take effect: ${plan.reload}\n`);
    for (const note of plan.notes) lines.push(`${note}\n`);
  }
  return lines.join("");
}

function showJson({ client, name, plan, made, dry }: Outcome): string {
  const files = made.map(({ path, before, after, backup }) => ({
    path,
    change: before === undefined ? "created" : after === undefined ? "removed" : "changed",
    backup: backup ?? null,
    diff: unifiedDiff(path, before, after),
  }));
  const { manifest = null, reload = null, notes } = plan;
  const outcome = { client, name, dryRun: dry, changed: made.length > 0, files, reload, notes, manifest };
  return printableJson(JSON.stringify(outcome)) + "\n";
}
