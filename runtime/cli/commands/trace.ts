/** `tsrun trace merge`: several traces on one axis of time. */
import { local } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { printableJson } from "../../../ffi/printable.ts";
import { writeText } from "../../host/log.ts";
import type { Trace } from "../../host/tracing/trace.ts";
import { writePrivately } from "../../host/tracing/write.ts";
import type { Command, Context } from "../command.ts";
import { UsageError } from "../flags.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";
import { absolute } from "../globals.ts";
import { readTraces } from "../tracing/merge.ts";
import { formatTraces, traceTarget } from "../tracing/target.ts";

export const command: Command = {
  name: "trace",
  usage: "put the traces of a container's commands together",
  operands: "merge <directory>",
  description:
    "Puts the traces that --trace or TSRUN_TRACE have left in a directory on one axis of time: create, start,\n" +
    "exec, delete and whatever else a client called. Time between the commands is left out of a picture. The\n" +
    "format of the file is that of its suffix: .json (ui.perfetto.dev opens it), .svg or .txt. --format is\n" +
    "about what is printed: nothing, or as JSON what was put together.",
  minArgs: 2,
  maxArgs: 2,
  flags: [
    {
      name: "output",
      short: "o",
      kind: "string",
      usage: "file to write, with the suffix .json, .svg or .txt",
      values: "file",
    },
    { name: "id", kind: "string", usage: "the container, where the directory has traces of several" },
    FORMAT,
  ],
  async run({ global, flags, args: [operation, directory] }: Context): Promise<number> {
    if (operation !== "merge") {
      throw new UsageError(`tsrun trace: ${JSON.stringify(operation)} is no operation: use "merge"`);
    }
    if (!flags.has("output")) throw new UsageError("tsrun trace merge: no file to write: use --output");
    const format = chosenFormat(flags),
      target = traceTarget(flags.string("output"), global.traceFormat, () => false);
    if (target.name === undefined) {
      throw new RuntimeError(
        "EINVAL_TRACE",
        `${flags.string("output")}: not the name of a file with a suffix`,
      );
    }
    const traces = readTraces(absolute(directory), flags.string("id"));
    const text = await formatTraces(traces, target.format);
    writePrivately(local(), target.directory, target.name, new TextEncoder().encode(text));
    if (format === "json") writeText(Deno.stdout, merged(absolute(flags.string("output")), traces));
    return 0;
  },
};

/** What was put together, for programs. */
function merged(output: string, traces: readonly Trace[]): string {
  const commands = traces.map(({ command, start, status }) => ({ command, start: String(start), status }));
  return printableJson(JSON.stringify({ output, id: traces[0].id, commands })) + "\n";
}
