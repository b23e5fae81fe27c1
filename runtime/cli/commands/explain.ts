/** `tsrun explain`: what a command would do with a container, and why. */
import { RuntimeError } from "../../../ffi/errors.ts";
import { printableJson } from "../../../ffi/printable.ts";
import { local } from "../../../ffi/local.ts";
import { explain, EXPLAINED, type ExplainedCommand } from "../../container/explain/explain.ts";
import { supposeRoot } from "../../host/caller.ts";
import { isFile } from "../../host/files.ts";
import { writeText } from "../../host/log.ts";
import { painter } from "../colours.ts";
import type { Command, Context } from "../command.ts";
import { createOptions } from "../create_flags.ts";
import { CREATE_FLAGS } from "../create_flags.ts";
import { formatSteps } from "../explain_text.ts";
import { chosenFormat, FORMAT_WITHOUT_LETTER } from "../format_flag.ts";

/** Version of the JSON. */
const VERSION = 1;
/** Where the master of a terminal would be sent, if the command line does not name a socket. */
const SUPPOSED_SOCKET = "/run/console.sock";

export const command: Command = {
  name: "explain",
  usage: "show what create, start, exec or delete would do, and why",
  operands: "[create|start|exec|delete] [program [argument...]]",
  description:
    "Shows what a command would do with a container of a bundle: each step in words, with its system calls and\n" +
    "the part of config.json that asks for it, in their order. Nothing is made, started or written, and root's\n" +
    "rights are not needed. Without the name of a command it is create. For exec a program may be named; it is\n" +
    "the container's own otherwise.",
  minArgs: 0,
  maxArgs: Infinity,
  stopAtOperand: true,
  flags: [
    FORMAT_WITHOUT_LETTER,
    {
      name: "id",
      kind: "string",
      usage: "name of the container that is to be thought of",
      default: "container",
    },
    ...CREATE_FLAGS,
  ],
  async run(context: Context): Promise<number> {
    const { flags, args: [name = "create", ...args] } = context;
    const format = chosenFormat(flags), known = EXPLAINED.find((known) => known === name);
    if (known === undefined) {
      const list = EXPLAINED.join(", ");
      throw new RuntimeError("EINVAL_COMMAND", `explain ${JSON.stringify(name)}: want one of ${list}`);
    }
    if (args.length > 0 && known !== "exec") {
      throw new RuntimeError("EINVAL_COMMAND", `explain ${known}: only exec takes a program`);
    }
    await explainTo(context, known, args, format);
    return 0;
  },
};

async function explainTo(
  context: Context,
  command: ExplainedCommand,
  args: readonly string[],
  format: "text" | "json",
): Promise<void> {
  const id = context.flags.string("id");
  const given = createOptions({ ...context, args: [id] });
  const { needsRoot, terminal } = lookAt(given.config ?? `${given.bundle}/config.json`);
  if (needsRoot) supposeRoot();
  const consoleSocket = given.consoleSocket ?? (terminal ? SUPPOSED_SOCKET : undefined);
  const options = { ...given, consoleSocket, serviceManager: false };
  const steps = await explain(local(), command, options, args);
  const text = format === "json"
    ? printableJson(JSON.stringify({ version: VERSION, command, steps }, null, 2)) + "\n"
    : formatSteps(steps, painter());
  writeText(Deno.stdout, text);
}

/** What an explanation supposes of the caller, by the config in a file. */
interface Supposed {
  /** Only root could make the container: it has no user namespace. */
  needsRoot: boolean;
  /** The process has a terminal, whose master has to be sent somewhere. */
  terminal: boolean;
}

function lookAt(path: string): Supposed {
  // A pipe can be read once only.
  if (!isFile(path)) return { needsRoot: false, terminal: false };
  try {
    const config = JSON.parse(Deno.readTextFileSync(path));
    const types = config?.linux?.namespaces?.map((namespace: { type?: unknown }) => namespace.type) ?? [];
    return { needsRoot: !types.includes("user"), terminal: config?.process?.terminal === true };
  } catch {
    // What is wrong with it is found where it is read in earnest.
    return { needsRoot: false, terminal: false };
  }
}
