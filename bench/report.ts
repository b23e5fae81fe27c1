/** What the samples say: tables, the targets, the chart. */
import { CASE_NAMES, type CaseName, COMMANDS, type SampleBook } from "./cases.ts";
import type { Chart, Group } from "./chart.ts";
import type { ConfigName } from "./configs.ts";
import type { MemoryResult } from "./memory.ts";
import { machineLine } from "./machine.ts";
import type { Results } from "./bench.ts";
import { bootstrap, difference, type Estimate, median, ratio, summarize } from "./samples.ts";
import type { Table } from "./tables.ts";

/** What the configurations are called in the report. */
export const CONFIG_TITLES: Record<ConfigName, string> = {
  small: "Small config.json (as `runc spec` writes it)",
  docker: "Docker-made config.json (seccomp profile, limits, binds, hook)",
};

/** Bytes that the init of a created container may hold (PSS). */
const INIT_TARGET = 200_000;
/** The same for what an exec may take of the container's memory. */
const EXEC_TARGET = 300_000;

/** One aim of the project, and whether the figures meet it. */
export interface Target {
  met: boolean;
  /** The statement with its figures. */
  text: string;
}

const figure = (value: number) => value.toFixed(value < 10 ? 2 : 1);
const estimate = ({ value, low, high }: Estimate) =>
  `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
const kilobytes = (bytes: number) =>
  bytes < 1e6 ? `${(bytes / 1000).toFixed(0)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;

function spread(samples: readonly number[]): string {
  const { p10, median, p90 } = summarize(samples);
  return `${figure(median)} (${figure(p10)}–${figure(p90)})`;
}

/**
 * Whether two sets are of the same rounds, but for a failed turn or two: the load of other rounds was
 * another, and a runtime that failed early must not be judged by it.
 */
function comparable(a: readonly number[], b: readonly number[]): boolean {
  return Math.min(a.length, b.length) >= 0.9 * Math.max(a.length, b.length);
}

/** What of tsrun's case is beyond the empty Deno program, once per process that the case starts. */
function beyondFloor(book: SampleBook, config: ConfigName, name: CaseName): Estimate | undefined {
  const [samples, floor] = [book.wall("tsrun", config, name), book.wall("floor")];
  return samples && floor && difference(samples, floor, COMMANDS[name]);
}

/** Wall times of one configuration, or undefined if nothing was measured under it. */
export function wallTable(book: SampleBook, runtimes: string[], config: ConfigName): Table | undefined {
  const [subject, ...others] = runtimes;
  const cases = CASE_NAMES.filter((name) => runtimes.some((runtime) => book.wall(runtime, config, name)));
  if (cases.length === 0) return undefined;
  const beyond = subject === "tsrun" ? ["tsrun beyond floor"] : [];
  const row = (name: CaseName) => {
    const samples = book.wall(subject, config, name);
    const ratios = others.map((other) => {
      const theirs = book.wall(other, config, name);
      return samples && theirs && comparable(samples, theirs) ? estimate(ratio(samples, theirs)) : "—";
    });
    const rest = beyondFloor(book, config, name);
    const spreads = runtimes.map((runtime) => book.wall(runtime, config, name)).map((own) =>
      own ? spread(own) : "—"
    );
    return [name, ...spreads, ...ratios, ...beyond.map(() => rest ? estimate(rest) : "—")];
  };
  return {
    title: `${CONFIG_TITLES[config]}: wall time, ms`,
    header: ["", ...runtimes, ...others.map((other) => `${subject}/${other}`), ...beyond],
    rows: cases.map(row),
  };
}

/** CPU times of one configuration. */
export function cpuTable(book: SampleBook, runtimes: string[], config: ConfigName): Table | undefined {
  const cases = CASE_NAMES.filter((name) => runtimes.some((runtime) => book.cpu(runtime, config, name)));
  if (cases.length === 0) return undefined;
  const row = (name: CaseName) => {
    const all = runtimes.map((runtime) => book.cpu(runtime, config, name));
    return [name, ...all.map((samples) => samples ? spread(samples) : "—")];
  };
  return { title: `${CONFIG_TITLES[config]}: CPU time, ms`, header: ["", ...runtimes], rows: cases.map(row) };
}

/** Memory of created containers and the smallest limits. */
export function memoryTable(results: Results): Table | undefined {
  const entries = Object.entries(results.memory);
  if (entries.length === 0) return undefined;
  const cell = (value: number | null | undefined) =>
    value === null ? "none found" : value === undefined ? "—" : kilobytes(value);
  const rows = entries.map(([key, { created, limit, execRoom }]: [string, MemoryResult]) => {
    const charge = created?.charge ?? undefined;
    return [
      key,
      `${created?.processes ?? "—"}`,
      cell(created?.pss),
      cell(created?.rss),
      cell(charge),
      cell(limit),
      cell(execRoom),
    ];
  });
  const floor = results.limitWithoutRuntime;
  const { step, repeats } = results.settings.search;
  const notes = floor == null ? [] : [
    `Limits were tried in steps of ${step} bytes; one counts when ${repeats} of ${repeats} runs succeed.`,
    `Without any runtime (a shell enters the cgroup and becomes /bin/true) the smallest limit is ${
      kilobytes(floor)
    }.`,
  ];
  return {
    title: "Memory of a container in state created, and the smallest limit that still runs /bin/true",
    header: ["", "processes", "PSS", "RSS", "cgroup charge", "smallest limit", "room for exec"],
    rows,
    notes,
  };
}

/** The targets that these figures can answer. */
export function targetsOf(results: Results, book: SampleBook): Target[] {
  const targets: Target[] = [];
  for (const config of results.settings.configs) {
    const [own, floor, theirs] = [
      book.wall("tsrun", config, "create"),
      book.wall("floor"),
      book.wall("runc", config, "create"),
    ];
    if (own && floor && theirs && comparable(own, theirs)) {
      const margin = bootstrap([own, floor, theirs], (a, b, c) => median(c) - (median(a) - median(b)));
      const rest = difference(own, floor);
      const sure = margin.low > 0 || margin.high < 0;
      targets.push({
        met: margin.value >= 0,
        text: `${config}: tsrun create beyond the empty Deno program takes ${estimate(rest)} ms, ` +
          `the whole of runc create ${figure(median(theirs))} ms${sure ? "" : " (too close to be certain)"}`,
      });
    }
    const pss = results.memory[`tsrun/${config}`]?.created?.pss;
    if (pss !== undefined) {
      const text = `${config}: the init of a created container holds ${
        kilobytes(pss)
      } (PSS), the aim is under 200 KB`;
      targets.push({ met: pss < INIT_TARGET, text });
    }
    const room = results.memory[`tsrun/${config}`]?.execRoom;
    if (room != null) {
      const text = `${config}: exec /bin/true needs ${
        kilobytes(room)
      } of the container's memory, the aim is under 300 KB`;
      targets.push({ met: room < EXEC_TARGET, text });
    }
  }
  return targets;
}

/** How to read the figures, line by line. */
export function readingNotes(results: Results): string[] {
  const { runs, warmup, pause } = results.settings;
  return [
    `Machine: ${machineLine(results.machine)}.`,
    ...results.runtimes.map(({ name, version }) => `${name}: ${version}.`),
    `Floor: ${results.floor.how}: ${results.floor.wall} ms wall, ${results.floor.cpu} ms CPU.`,
    `${runs} rounds after ${warmup} for warming up; in each, all runtimes take turns in a balanced order, with ${pause} ms of rest between.`,
    "Wall time is that of whole commands, from before posix_spawn to after wait4; `create+start+delete` also holds the wait for /bin/true to end.",
    "Cells are medians with the 10th and 90th percentile; figures in brackets are 95 % bootstrap intervals of a ratio or difference of medians.",
    "CPU time is user and system time of a command and of the children it waited for (an init that outlives its command is not in it).",
    ...results.notes.map((note) => `${note}.`),
    ...results.failures.map((failure) => `FAILED: ${failure}`),
  ];
}

/** The figures as a chart: one panel per configuration, one for memory. */
export function chartOf(results: Results, book: SampleBook): Chart {
  const series = results.runtimes.map(({ name }) => name);
  const floor = book.wall("floor");
  const panels: Chart["panels"] = results.settings.configs.map((config) => ({
    title: `${CONFIG_TITLES[config].replaceAll("`", "")}`,
    format: (value) => `${value < 10 && value % 1 !== 0 ? value.toFixed(1) : value.toFixed(0)} ms`,
    groups: CASE_NAMES.map((name): Group => ({
      label: name,
      bars: series.flatMap((runtime) => {
        const samples = book.wall(runtime, config, name);
        if (samples === undefined) return [];
        const { median: value, p10: low, p90: high } = summarize(samples);
        const below = runtime === "tsrun" && floor ? { floor: median(floor) * COMMANDS[name] } : {};
        return [{ series: runtime, value, low, high, ...below }];
      }),
    })).filter(({ bars }) => bars.length > 0),
  }));
  const memory = (label: string, pick: (result: MemoryResult) => number | null | undefined): Group => ({
    label,
    bars: series.flatMap((runtime) => {
      const value = pick(results.memory[`${runtime}/small`] ?? {});
      return value == null ? [] : [{ series: runtime, value }];
    }),
  });
  panels.push({
    title: "Memory (small config.json)",
    format: (bytes) => bytes === 0 ? "0" : kilobytes(bytes),
    groups: [
      memory("init, created (PSS)", ({ created }) => created?.pss),
      memory("smallest limit", ({ limit }) => limit),
    ].filter(({ bars }) => bars.length > 0),
  });
  return {
    title: "Container lifecycle latency and memory",
    subtitle:
      `medians with 10th to 90th percentile, ${results.settings.runs} rounds; Linux ${results.machine.kernel}, ${results.machine.cpu}, ${
        results.date.slice(0, 10)
      }`,
    series,
    panels,
  };
}
