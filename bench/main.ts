/**
 * `./x bench`: latency and memory of tsrun beside runc, crun and the empty Deno program.
 *
 * Prints tables; writes results.json (with all samples), report.md and chart.svg.
 */
import { parseArgs } from "@std/cli/parse-args";
import { fromFileUrl } from "@std/path/posix";
import { type Results, runBenchmark, type Settings } from "./bench.ts";
import { CASE_NAMES, configsNamed, SampleBook, type UnitName } from "./cases.ts";
import { renderChart } from "./chart.ts";
import { CLIENT_NAMES, type ClientName, clientsTable } from "./clients.ts";
import { CONFIG_NAMES } from "./configs.ts";
import { manyTable } from "./many_mounts.ts";
import { ptyTable } from "./pty.ts";
import { chartOf, cpuTable, memoryTable, readingNotes, type Target, targetsOf, wallTable } from "./report.ts";
import { RUNTIME_NAMES } from "./runtimes.ts";
import { renderMarkdown, renderText, type Table } from "./tables.ts";

const USAGE =
  `usage: bench [--runs N] [--out DIR] [--only NAME,...] [--runtime NAME=PATH]... [--pause MS] [--quick]

  --runs N       rounds that count (default 40)
  --out DIR      directory of results.json, report.md, chart.svg (default dist/bench)
  --only NAMES   runtimes (${RUNTIME_NAMES.join(" ")}), configurations (${CONFIG_NAMES.join(" ")}),
                 cases (${CASE_NAMES.join(" ")} lifecycle memory limit pty many-mounts
                 ${CLIENT_NAMES.join(" ")}); all of a kind if none of it is named
  --runtime NAME=PATH
                 one more runtime, or another program for a name; may be repeated
  --pause MS     rest after each turn (default 25)
  --quick        3 rounds and a coarse search of the memory limit, to see that it works
`;

/** A command line that cannot be followed. */
export class UsageError extends Error {}

/** A signal ended the benchmark. */
class Interruption extends Error {}

/** What the command line asks for. */
export interface Request {
  settings: Settings;
  out: string;
  help: boolean;
}

const UNITS: UnitName[] = ["lifecycle", "run", "exec"];

function count(name: string, value: string | undefined, normal: number): number {
  if (value === undefined) return normal;
  if (!/^\d{1,6}$/.test(value)) throw new UsageError(`--${name} ${value}: not a number`);
  return Number(value);
}

/** What is to be measured. */
interface Cases {
  units: UnitName[];
  created: boolean;
  limit: boolean;
  pty: boolean;
  many: boolean;
  clients: ClientName[];
}

/** What of the names is asked for: units of rounds, kinds of memory measurement, clients. */
function casesNamed(names: string[], runtimes: readonly string[], quick: boolean): Cases {
  const cases = names.filter((name) =>
    !runtimes.includes(name) && !CONFIG_NAMES.some((config) => config === name)
  );
  const others: string[] = ["run", "exec", "memory", "limit", "pty", "many-mounts", ...CLIENT_NAMES];
  const known: string[] = [...CASE_NAMES, "lifecycle", ...others];
  const unknown = cases.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    throw new UsageError(`--only ${unknown.join(",")}: no such runtime, configuration or case`);
  }
  // To start daemons is not quick.
  const clients = quick ? [] : [...CLIENT_NAMES];
  if (cases.length === 0) return { units: UNITS, created: true, limit: true, pty: true, many: true, clients };
  const life = cases.some((name) => !others.includes(name));
  const units = UNITS.filter((unit) => unit === "lifecycle" ? life : cases.includes(unit));
  return {
    units,
    created: cases.includes("memory"),
    limit: cases.includes("limit"),
    pty: cases.includes("pty"),
    many: cases.includes("many-mounts"),
    clients: CLIENT_NAMES.filter((name) => cases.includes(name)),
  };
}

/** Reads `NAME=PATH` words. */
function runtimePaths(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(words.map((word) => {
    const [, name, path] = /^([a-z][a-z0-9.-]*)=(\/.+)$/.exec(word) ?? [];
    if (name === undefined) throw new UsageError(`--runtime ${word}: not of the form NAME=/PATH`);
    return [name, path];
  }));
}

/** Reads the command line; throws a UsageError. */
export function readCommandLine(args: string[]): Request {
  const unknown = (arg: string) => {
    throw new UsageError(`${arg}: unknown argument`);
  };
  const flags = parseArgs(args, {
    string: ["runs", "out", "only", "pause", "runtime"],
    boolean: ["quick", "help"],
    collect: ["runtime"],
    unknown,
  });
  const only: string = flags.only ?? "";
  const names = only.split(",").filter((name) => name !== "");
  const paths = runtimePaths(flags.runtime);
  const known = [...new Set([...RUNTIME_NAMES, ...Object.keys(paths)])];
  const runtimes = known.filter((name) => names.includes(name));
  const runs = count("runs", flags.runs, flags.quick ? 3 : 40);
  if (runs < 1) throw new UsageError("--runs: at least one");
  const cases = casesNamed(names, known, flags.quick);
  const settings: Settings = {
    ...cases,
    pty: cases.pty ? flags.quick ? 1 : 5 : 0,
    manyMounts: cases.many ? flags.quick ? 1 : runs : 0,
    runs,
    warmup: flags.quick ? 1 : 2,
    pause: count("pause", flags.pause, flags.quick ? 5 : 25),
    runtimes: runtimes.length > 0 ? runtimes : known,
    paths,
    clientRounds: flags.quick ? 1 : Math.min(runs, 20),
    configs: configsNamed(names),
    search: flags.quick ? { step: 256 * 1024, repeats: 1 } : { step: 4096, repeats: 3 },
  };
  return {
    settings,
    out: flags.out ?? fromFileUrl(new URL("../dist/bench", import.meta.url)),
    help: flags.help,
  };
}

/** Tables and targets of the results, in the order of the report. */
export function evaluate(results: Results): { tables: Table[]; targets: Target[]; book: SampleBook } {
  const book = new SampleBook(results.samples);
  const names = results.runtimes.map(({ name }) => name);
  const { configs } = results.settings;
  const tables = [
    ...configs.map((config) => wallTable(book, names, config)),
    ...configs.map((config) => cpuTable(book, names, config)),
    memoryTable(results),
    ptyTable(results.pty),
    manyTable(results.manyMounts),
    clientsTable(results.clients, names),
  ].filter((table) => table !== undefined);
  return { tables, targets: targetsOf(results, book), book };
}

/** Writes the three files and returns the text for the terminal. */
export function writeReport(results: Results, out: string): string {
  const { tables, targets, book } = evaluate(results);
  const notes = readingNotes(results);
  const verdicts = targets.map(({ met, text }) => `${met ? "PASS" : "FAIL"}  ${text}`);
  const markdown = [
    `## Benchmark of ${results.date.slice(0, 10)}`,
    "",
    "![chart](chart.svg)",
    "",
    ...tables.map(renderMarkdown),
    ...verdicts.map((verdict) => `- ${verdict}`),
    "",
    ...notes.map((note) => `- ${note}`),
    "",
  ];
  Deno.mkdirSync(out, { recursive: true });
  Deno.writeTextFileSync(`${out}/results.json`, JSON.stringify({ ...results, targets }, undefined, 1));
  Deno.writeTextFileSync(`${out}/report.md`, markdown.join("\n"));
  Deno.writeTextFileSync(`${out}/chart.svg`, renderChart(chartOf(results, book)));
  return [...tables.map(renderText), ...verdicts, "", ...notes, `Written to ${out}.`].join("\n");
}

async function main(args: string[]): Promise<number> {
  const request = readCommandLine(args);
  if (request.help) {
    console.log(USAGE);
    return 0;
  }
  const interruption = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    Deno.addSignalListener(signal, () => interruption.abort(new Interruption(`ended by ${signal}`)));
  }
  const terminal = Deno.stderr.isTerminal();
  const progress = (line: string) => {
    if (terminal) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
  };
  const results = await runBenchmark(request.settings, interruption.signal, progress);
  progress("");
  console.log(writeReport(results, request.out));
  return results.failures.length === 0 ? 0 : 1;
}

if (import.meta.main) {
  try {
    Deno.exit(await main(Deno.args));
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    console.error(`bench: ${message}`);
    if (error instanceof UsageError) console.error(USAGE);
    Deno.exit(error instanceof UsageError ? 2 : error instanceof Interruption ? 130 : 1);
  }
}
