/**
 * A sample in the text format of Prometheus, version 0.0.4
 * (prometheus.io/docs/instrumenting/exposition_formats).
 * @module
 */
import type { Measures } from "./measures.ts";
import { seconds } from "./units.ts";

/** One value of a metric: its labels beside the id, and the number as text. */
type Value = readonly [labels: Readonly<Record<string, string>>, value: string];

/** A metric, without the prefix of its name. */
interface Metric {
  name: string;
  type: "counter" | "gauge";
  help: string;
  values: readonly Value[];
}

const PREFIX = "tsrun_container_";

/** A metric with one value; without one it is left out. */
function single(
  name: string,
  type: Metric["type"],
  help: string,
  value: string | bigint | undefined,
): Metric {
  return { name, type, help, values: value === undefined ? [] : [[{}, `${value}`]] };
}

function cpuMetrics({ cpu, throttling }: Measures): Metric[] {
  return [
    single("cpu_usage_seconds_total", "counter", "CPU time used.", seconds(cpu.total)),
    single("cpu_user_seconds_total", "counter", "CPU time used by programs.", seconds(cpu.user)),
    single("cpu_kernel_seconds_total", "counter", "CPU time used by the kernel.", seconds(cpu.kernel)),
    single("cpu_periods_total", "counter", "Periods of the CPU quota.", throttling.periods),
    single(
      "cpu_throttled_periods_total",
      "counter",
      "Periods whose quota was used up.",
      throttling.throttledPeriods,
    ),
    single(
      "cpu_throttled_seconds_total",
      "counter",
      "Time that tasks waited for a new period.",
      seconds(throttling.throttledTime),
    ),
  ];
}

function memoryMetrics({ memory, pids }: Measures): Metric[] {
  return [
    single("memory_usage_bytes", "gauge", "Memory in use.", memory.usage),
    single("memory_max_usage_bytes", "gauge", "Most memory ever in use.", memory.max),
    single("memory_limit_bytes", "gauge", "Limit of memory; absent where there is none.", memory.limit),
    single("memory_cache_bytes", "gauge", "Memory that holds files.", memory.cache),
    single("memory_failures_total", "counter", "How often the limit of memory was reached.", memory.failures),
    single("tasks", "gauge", "Processes and threads.", pids.current),
    single("tasks_limit", "gauge", "Limit of tasks; absent where there is none.", pids.limit),
  ];
}

function deviceMetrics({ devices }: Measures): Metric[] {
  const metric = (
    name: string,
    help: string,
    field: "readBytes" | "writtenBytes" | "reads" | "writes",
  ): Metric => ({
    name,
    type: "counter",
    help,
    values: devices.map((use) => [{ device: use.device }, `${use[field]}`]),
  });
  return [
    metric("block_read_bytes_total", "Bytes read from block devices.", "readBytes"),
    metric("block_written_bytes_total", "Bytes written to block devices.", "writtenBytes"),
    metric("block_reads_total", "Reads of block devices.", "reads"),
    metric("block_writes_total", "Writes to block devices.", "writes"),
  ];
}

function pressureMetrics({ pressure }: Measures): Metric[] {
  const metric = (name: string, help: string, line: "some" | "full"): Metric => ({
    name,
    type: "counter",
    help,
    values: [...pressure].map(([resource, psi]) => [{ resource }, seconds(psi[line].total * 1000n)]),
  });
  return [
    metric("pressure_waiting_seconds_total", "Time that some task waited for the resource.", "some"),
    metric("pressure_stalled_seconds_total", "Time that all tasks waited for the resource.", "full"),
  ];
}

/** A value of a label: backslash, quote and newline are escaped. */
function escapedLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

/** The text of one sample. */
export function prometheusText(measures: Measures): string {
  const metrics = [cpuMetrics, memoryMetrics, deviceMetrics, pressureMetrics].flatMap((make) =>
    make(measures)
  );
  return metrics.filter(({ values }) => values.length > 0).map(({ name, type, help, values }) => {
    const lines = values.map(([labels, value]) => {
      const all = Object.entries({ id: measures.id, ...labels });
      const text = all.map(([label, content]) => `${label}="${escapedLabel(content)}"`).join(",");
      return `${PREFIX}${name}{${text}} ${value}\n`;
    });
    return `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n${lines.join("")}`;
  }).join("");
}
