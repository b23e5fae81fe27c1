/** Samples as people and Prometheus read them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { readPage, readTable } from "../../../tests/docs/pages.ts";
import { emptyStats } from "../../cgroups/stats.ts";
import { statsEvent } from "../../container/stats_json.ts";
import { measuresOf } from "./measures.ts";
import { prometheusText } from "./prometheus.ts";
import { StatsStream, statsTable } from "./stats.ts";

const MIB = 1n << 20n;

/** A sample with something in every field that is shown. */
function sample(cpu = 2_500_000_000n) {
  const stats = emptyStats();
  Object.assign(stats.cpu, { total: cpu, user: 2_000_000_000n, kernel: 500_000_000n });
  stats.cpu.throttling = { periods: 120n, throttledPeriods: 3n, throttledTime: 200_000_001n };
  stats.memory.usage = { limit: 64n * MIB, usage: 16n * MIB, max: 20n * MIB, failcnt: 2n };
  stats.memory.cache = MIB;
  stats.pids = { current: 3n, limit: 9n };
  stats.blkio.serviceBytes = [
    { major: 8n, minor: 0n, op: "Read", value: 4096n },
    { major: 8n, minor: 0n, op: "Write", value: 8192n },
    { major: 8n, minor: 0n, op: "Total", value: 12288n },
    { major: 8n, minor: 16n, op: "Read", value: 1024n },
  ];
  stats.blkio.serviced = [{ major: 8n, minor: 0n, op: "Read", value: 1n }];
  const line = { avg10: 1.5, avg60: 0.25, avg300: 0, total: 1_500_000n };
  stats.memory.psi = { some: line, full: { ...line, avg10: 0, total: 7n } };
  return statsEvent("web", stats);
}

/** The grammar of the format: what Prometheus' own parser takes. */
const HELP = /^# HELP ([a-zA-Z_:][a-zA-Z0-9_:]*) [^\n]+$/;
const TYPE = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram|summary|untyped)$/;
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\["\\\\n])*"';
const SAMPLE = new RegExp(
  `^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?(?:\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?|Inf)|NaN)$`,
);

/** Values by metric and labels. @throws {Error} where the text is not of the grammar. */
function parsePrometheus(text: string): Map<string, number> {
  assert(text.endsWith("\n"), "the last line ends");
  const values = new Map<string, number>(), types = new Map<string, string>();
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const [help, type, value] = [HELP, TYPE, SAMPLE].map((pattern) => pattern.exec(line));
    if (help) {
      assert(!types.has(help[1]), `a second group of ${help[1]}`);
      current = help[1];
    } else if (type) {
      assertEquals(type[1], current);
      types.set(current, type[2]);
      assertEquals(type[2] === "counter", current.endsWith("_total"), `the name of ${current}`);
    } else if (value === null) throw new Error(`not of the grammar: ${line}`);
    else {
      assertEquals(value[1], current, "a value stands below the head of its metric");
      const key = `${value[1]}{${value[2]}}`;
      assert(types.has(current) && !values.has(key), key);
      values.set(key, Number(value[3]));
    }
  }
  return values;
}

Deno.test("prometheus: the text is of the format's grammar, and every value is the sample's", () => {
  const values = parsePrometheus(prometheusText(measuresOf(sample())));
  const of = (name: string, labels = "") => values.get(`tsrun_container_${name}{id="web"${labels}}`);
  assertEquals(of("cpu_usage_seconds_total"), 2.5);
  assertEquals([of("cpu_user_seconds_total"), of("cpu_kernel_seconds_total")], [2, 0.5]);
  assertEquals([of("cpu_periods_total"), of("cpu_throttled_periods_total")], [120, 3]);
  assertEquals(of("cpu_throttled_seconds_total"), 0.200000001);
  assertEquals([of("memory_usage_bytes"), of("memory_limit_bytes")], [Number(16n * MIB), Number(64n * MIB)]);
  assertEquals([of("memory_max_usage_bytes"), of("memory_cache_bytes")], [Number(20n * MIB), Number(MIB)]);
  assertEquals([of("memory_failures_total"), of("tasks"), of("tasks_limit")], [2, 3, 9]);
  assertEquals(of("block_read_bytes_total", ',device="8:0"'), 4096);
  assertEquals(of("block_read_bytes_total", ',device="8:16"'), 1024);
  assertEquals(of("block_written_bytes_total", ',device="8:0"'), 8192);
  assertEquals(of("block_reads_total", ',device="8:0"'), 1);
  assertEquals(of("pressure_waiting_seconds_total", ',resource="memory"'), 1.5);
  assertEquals(of("pressure_stalled_seconds_total", ',resource="memory"'), 0.000007);
});

Deno.test("prometheus: the table of the metrics in docs/tools.md is complete", () => {
  const found = new Map<string, Set<string>>(), types = new Map<string, string>();
  for (const line of prometheusText(measuresOf(sample())).split("\n")) {
    const [, name, type] = TYPE.exec(line) ?? [];
    if (name) types.set(name, type);
    const [, metric, labels] = SAMPLE.exec(line) ?? [];
    if (metric) found.set(metric, new Set([...labels.matchAll(/(\w+)=/g)].map(([, label]) => label)));
  }
  const rows = readTable(readPage("docs/tools.md"), "events --format");
  assertEquals(
    rows.map(({ metric, type, labels }) => [`tsrun_container_${metric}`, type, labels]),
    [...found].map(([metric, labels]) => [metric, types.get(metric), [...labels].join(" ")]),
  );
});

Deno.test("prometheus: what there is no limit of, and no device of, has no value", () => {
  const stats = emptyStats();
  stats.memory.usage.limit = 9223372036854771712n;
  const text = prometheusText(measuresOf(statsEvent('a"\\b', stats)));
  const names = [...parsePrometheus(text).keys()].join("\n");
  assert(!/limit|block|pressure/.test(names), names);
  assert(text.includes('tsrun_container_cpu_usage_seconds_total{id="a\\"\\\\b"} 0\n'), text);
});

Deno.test("stats: a table of one sample", () => {
  assertEquals(
    statsTable(measuresOf(sample())),
    "CONTAINER      web\n" +
      "CPU TIME       2.5 s (programs 2 s, kernel 0.5 s)\n" +
      "THROTTLED      3 of 120 periods, 0.2 s\n" +
      "MEMORY         16 MiB of 64 MiB (25%), at most 20 MiB, 1 MiB of files, limit reached 2 times\n" +
      "TASKS          3 of 9\n" +
      "READ           5 KiB in 1 operations\n" +
      "WRITTEN        8 KiB in 0 operations\n" +
      "MEMORY STALLS  1.5% of the last 10 s, 0.25% of 60 s, 0% and 0.25% of all tasks\n",
  );
  for (const line of statsTable(measuresOf(sample()), 30).trimEnd().split("\n")) {
    assert([...line].length <= 30, line);
  }
});

Deno.test("stats: a line for each event, with the share of a CPU since the one before", () => {
  const stream = new StatsStream(80), now = new Date(2026, 0, 2, 3, 4, 5);
  const head = stream.head();
  const first = stream.line(sample(), now, 1000);
  const second = stream.line(sample(3_000_000_000n), now, 2000);
  assertMatch(first, /^03:04:05 +- +16 MiB +64 MiB +3 +5 KiB +8 KiB\n$/);
  assertMatch(second, /^03:04:05 +50\.0 +16 MiB/);
  assertEquals([first.length, second.length], [head.length, head.length]);
  assertEquals(stream.line({ type: "oom", id: "web" }, now, 3000), "03:04:05  out of memory\n");
});
