/**
 * Samples of `events` as tables for people.
 * @module
 */
import type { ContainerEvent } from "../../container/events.ts";
import { type Measures, measuresOf } from "./measures.ts";
import { cutText } from "./table.ts";
import { formatBytes, seconds } from "./units.ts";

/** Seconds with three digits behind the point at most. */
function time(nanoseconds: bigint): string {
  return `${seconds(nanoseconds / 1_000_000n * 1_000_000n)} s`;
}

function ofLimit(amount: string, limit: string | undefined): string {
  return limit === undefined ? amount : `${amount} of ${limit}`;
}

function memoryText({ memory: { usage, max, limit, cache, failures } }: Measures): string {
  const share = limit === undefined ? "" : ` (${Math.round(Number(usage) * 100 / Number(limit))}%)`;
  return ofLimit(formatBytes(usage), limit === undefined ? undefined : formatBytes(limit)) + share +
    (max === 0n ? "" : `, at most ${formatBytes(max)}`) +
    (cache === 0n ? "" : `, ${formatBytes(cache)} of files`) +
    (failures === 0n ? "" : `, limit reached ${failures} times`);
}

/** Sums over all devices. */
function transfers({ devices }: Measures): { read: bigint; written: bigint; reads: bigint; writes: bigint } {
  const sum = (field: "readBytes" | "writtenBytes" | "reads" | "writes") =>
    devices.reduce((total, device) => total + device[field], 0n);
  return { read: sum("readBytes"), written: sum("writtenBytes"), reads: sum("reads"), writes: sum("writes") };
}

/** One sample, a line for each thing. @param screen Columns of the terminal; undefined: nothing is cut. */
export function statsTable(measures: Measures, screen?: number): string {
  const { id, cpu, throttling, pids, pressure } = measures;
  const { read, written, reads, writes } = transfers(measures);
  const { periods, throttledPeriods, throttledTime } = throttling;
  const rows: [string, string][] = [
    ["CONTAINER", id],
    ["CPU TIME", `${time(cpu.total)} (programs ${time(cpu.user)}, kernel ${time(cpu.kernel)})`],
    ...periods === 0n ? [] : [
      ["THROTTLED", `${throttledPeriods} of ${periods} periods, ${time(throttledTime)}`] as [
        string,
        string,
      ],
    ],
    ["MEMORY", memoryText(measures)],
    ["TASKS", ofLimit(`${pids.current}`, pids.limit?.toString())],
    ["READ", `${formatBytes(read)} in ${reads} operations`],
    ["WRITTEN", `${formatBytes(written)} in ${writes} operations`],
    ...[...pressure].map(([name, { some, full }]): [string, string] => [
      `${name.toUpperCase()} STALLS`,
      `${some.avg10}% of the last 10 s, ${some.avg60}% of 60 s, ${full.avg10}% and ${full.avg60}% of all tasks`,
    ]),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  return rows.map(([name, text]) => cutText(name.padEnd(width) + text, screen ?? Infinity) + "\n").join("");
}

/** Title and width of each column; numbers stand at the right. */
const COLUMNS: readonly [string, number][] = [
  ["TIME", 8],
  ["CPU %", 7],
  ["MEMORY", 10],
  ["LIMIT", 10],
  ["TASKS", 6],
  ["READ", 10],
  ["WRITTEN", 10],
];

function streamLine(cells: readonly string[], screen?: number): string {
  const line = cells.map((cell, i) => cell.padStart(COLUMNS[i][1])).join("  ").trimEnd();
  return cutText(line, screen ?? Infinity) + "\n";
}

/** The events of a container, a line each. */
export class StatsStream {
  #before: { total: bigint; at: number } | undefined;

  /** @param screen Columns of the terminal; undefined: nothing is cut. */
  constructor(readonly screen?: number) {}

  /** The line of titles. */
  head(): string {
    return streamLine(COLUMNS.map(([title]) => title), this.screen);
  }

  /** The line of an event. @param now Time of day. @param at Milliseconds of a clock that is not set. */
  line(event: ContainerEvent, now: Date, at: number): string {
    const clock = now.toTimeString().slice(0, 8);
    if (event.type === "oom") return cutText(`${clock}  out of memory`, this.screen ?? Infinity) + "\n";
    const measures = measuresOf(event);
    const { cpu: { total }, memory: { usage, limit }, pids } = measures;
    const { read, written } = transfers(measures);
    const before = this.#before;
    this.#before = { total, at };
    const share = before === undefined || at <= before.at
      ? "-"
      : (Number(total - before.total) / ((at - before.at) * 1e6) * 100).toFixed(1);
    return streamLine([
      clock,
      share,
      formatBytes(usage),
      limit === undefined ? "-" : formatBytes(limit),
      `${pids.current}`,
      formatBytes(read),
      formatBytes(written),
    ], this.screen);
  }
}
