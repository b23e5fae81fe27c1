/**
 * The table of README.md, beside: what each field of `linux.resources` becomes with each driver, worked out
 * by the drivers' own tables of rows and properties, so that it says what they do.
 * @module
 */
import { assertEquals } from "@std/assert";
import type { LinuxResources } from "../../spec/types.ts";
import { hugetlbRows } from "./hugetlb.ts";
import type { Row } from "./row.ts";
import type { Property } from "./systemd/manager.ts";
import { propertiesV1, propertiesV2 } from "./systemd/properties.ts";
import { rowsFor } from "./v1/resources.ts";
import { rowsV2 } from "./v2/resources.ts";

const DISK = { major: 8, minor: 0 };
const PAGES = ["2MB"];

/** A value for each field of the specification's `linux.resources`, with what a value needs beside it. */
const EXAMPLES: readonly LinuxResources[] = [
  { memory: { limit: 1048576 } },
  { memory: { limit: -1 } },
  { memory: { reservation: 524288 } },
  { memory: { limit: 1048576, swap: 3145728 } },
  { memory: { kernel: 4096 } },
  { memory: { kernelTCP: 4096 } },
  { memory: { swappiness: 10 } },
  { memory: { disableOOMKiller: true } },
  { memory: { useHierarchy: true } },
  { cpu: { shares: 512 } },
  { cpu: { quota: 50000 } },
  { cpu: { quota: 50000, period: 200000 } },
  { cpu: { burst: 1000 } },
  { cpu: { realtimePeriod: 1000000 } },
  { cpu: { realtimeRuntime: 950000 } },
  { cpu: { cpus: "0-1" } },
  { cpu: { mems: "0" } },
  { cpu: { idle: 1 } },
  { pids: { limit: 20 } },
  { pids: { limit: -1 } },
  { blockIO: { weight: 100 } },
  { blockIO: { leafWeight: 100 } },
  { blockIO: { weightDevice: [{ ...DISK, weight: 500 }] } },
  { blockIO: { weightDevice: [{ ...DISK, leafWeight: 500 }] } },
  { blockIO: { throttleReadBpsDevice: [{ ...DISK, rate: 1000 }] } },
  { blockIO: { throttleWriteBpsDevice: [{ ...DISK, rate: 1000 }] } },
  { blockIO: { throttleReadIOPSDevice: [{ ...DISK, rate: 100 }] } },
  { blockIO: { throttleWriteIOPSDevice: [{ ...DISK, rate: 100 }] } },
  { hugepageLimits: [{ pageSize: "2MB", limit: 2097152 }] },
  { network: { classID: 1048577 } },
  { network: { priorities: [{ name: "eth0", priority: 5 }] } },
  { rdma: { mlx5_1: { hcaHandles: 3, hcaObjects: 10000 } } },
  { unified: { "memory.high": "1048576" } },
];

/** A systemd that knows everything. */
const NEWEST = () => 999;

function written(rows: readonly Row[], resources: LinuxResources): string {
  const lines = rows.flatMap(({ group, field, file, convert }) => {
    const object = resources[group] as Record<string, unknown> | undefined;
    const value = field === undefined ? object : object?.[field];
    if (value === undefined) return [];
    const values = convert(value, resources) ?? [];
    return [values].flat().map((text) => `\`${typeof file === "string" ? file : file[0]}\` ← ${text}`);
  });
  return cell(lines);
}

function told(properties: Property[]): string {
  return cell(properties.map(([name, { value }]) => {
    const text = value instanceof Uint8Array ? `bits ${value.join(" ")}` : value;
    return `\`${name}=${text === 2n ** 64n - 1n ? "infinity" : text}\``;
  }));
}

function cell(lines: string[]): string {
  return lines.length === 0 ? "—" : lines.join("<br>");
}

function line(resources: LinuxResources): string {
  const host = { pageSizes: () => PAGES, exists: () => false };
  return [
    "",
    `\`${JSON.stringify(resources).slice(1, -1)}\``,
    written(rowsFor(resources, () => PAGES), resources),
    written(rowsV2(resources, host), resources),
    told(propertiesV1(resources, NEWEST)),
    told(propertiesV2(resources, NEWEST)),
    "",
  ].join(" | ").trim();
}

Deno.test("the table of resources says what the drivers do", () => {
  const readme = Deno.readTextFileSync(new URL("README.md", import.meta.url));
  // The width of columns is the formatter's.
  const rows = readme.split("\n").filter((text) => text.startsWith('| `"')).map((text) =>
    text.replace(/ +\|/g, " |")
  );
  assertEquals(rows, EXAMPLES.map(line));
});

Deno.test("every field that a driver has a row for is in the table", () => {
  const shown = new Set(
    EXAMPLES.flatMap((resources) =>
      Object.entries(resources).flatMap(([group, object]) =>
        Object.keys(object as object).map((field) => `${group}.${field}`)
      )
    ),
  );
  const rows = [
    ...rowsFor({}, () => []),
    ...rowsV2({ blockIO: {} }, { pageSizes: () => [], exists: () => false }),
  ];
  const missing = rows.filter(({ group, field }) => field !== undefined && !shown.has(`${group}.${field}`));
  assertEquals(missing.map(({ group, field }) => `${group}.${field}`), []);
  assertEquals(hugetlbRows([{ pageSize: "2MB", limit: 1 }], PAGES).map(({ group }) => group), [
    "hugepageLimits",
    "hugepageLimits",
  ]);
});

if (import.meta.main) console.log(EXAMPLES.map(line).join("\n"));
