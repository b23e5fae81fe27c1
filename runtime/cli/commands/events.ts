/** `tsrun events`: samples of a container's use, and events when its memory runs out. */
import type { Command, Context } from "../command.ts";
import { UsageError } from "../flags.ts";
import { parseDuration } from "../duration.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { type ContainerSample, printStats, type ShowEvent, streamEvents } from "../../container/events.ts";
import { writeText } from "../../host/log.ts";
import { screenColumns } from "../../host/screen.ts";
import { readState } from "../../container/record.ts";
import { statusOf } from "../../container/status.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "events",
  usage: "show what a container uses, and its out-of-memory events",
  operands: "<container-id>",
  description:
    "Prints measurements of the container's cgroup at every interval, and an event whenever the kernel runs out\n" +
    "of the container's memory: one JSON object a line, or on a terminal a table. Ends with the container.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    {
      name: "interval",
      kind: "string",
      usage: "time between measurements, such as 500ms or 1m",
      default: "5s",
    },
    { name: "stats", kind: "bool", usage: "print one measurement and end" },
    {
      name: "format",
      short: "f",
      kind: "string",
      usage: "json, table, or with --stats prometheus; table on a terminal, json elsewhere, when not given",
      values: ["json", "table", "prometheus"],
    },
  ],
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    const interval = parseDuration(flags.string("interval"));
    if (interval === undefined) {
      const given = JSON.stringify(flags.string("interval"));
      throw new UsageError(`invalid value ${given} for flag -interval: parse error`);
    }
    const state = readState(global.root, id);
    if (interval <= 0) throw new RuntimeError("EINVAL_FLAG", "duration interval must be greater than 0");
    const status = statusOf(global.root, state);
    if (status === "stopped" || status === "creating") {
      throw new RuntimeError("ESRCH_CONTAINER", `container with id ${id} is not running`);
    }
    const sinks = {
      print: (line: string) => writeText(Deno.stdout, line),
      warn: (line: string) => log.warn(line, "runtime/cli/commands/events.ts run"),
    };
    const show = await showing(flags.string("format"), flags.bool("stats"), sinks.print);
    await (flags.bool("stats")
      ? printStats(local(), state, sinks, show)
      : streamEvents(local(), state, interval, sinks, show));
    return 0;
  },
};

/**
 * What makes a line of an event; undefined for the lines that clients read.
 *
 * @param stats One measurement is asked for.
 * @param print Takes the titles of a table.
 */
async function showing(
  format: string,
  stats: boolean,
  print: (line: string) => void,
): Promise<ShowEvent | undefined> {
  if (!["", "json", "table", "prometheus"].includes(format)) {
    throw new RuntimeError("EINVAL_FLAG", "invalid format option");
  }
  if (format === "prometheus") {
    if (!stats) {
      throw new RuntimeError("EINVAL_FLAG", "--format prometheus is of one measurement: give --stats, too");
    }
    const { prometheusText } = await import("../show/prometheus.ts");
    const { measuresOf } = await import("../show/measures.ts");
    return (event) => prometheusText(measuresOf(event as ContainerSample));
  }
  const screen = screenColumns(local());
  if (format === "json" || (format === "" && screen === undefined)) return undefined;
  const { StatsStream, statsTable } = await import("../show/stats.ts");
  const { measuresOf } = await import("../show/measures.ts");
  if (stats) return (event) => statsTable(measuresOf(event as ContainerSample), screen);
  const stream = new StatsStream(screen);
  print(stream.head());
  return (event) => stream.line(event, new Date(), performance.now());
}
