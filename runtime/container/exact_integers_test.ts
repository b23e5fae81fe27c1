/**
 * Every integer of the specification keeps its value from the text of the document to the system call or the
 * control file, and one that is out of range is refused with its path and the range.
 * @module
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DryKernel } from "../../ffi/dry.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { setAttributes } from "../../init/process_attributes.ts";
import { makeTimeNamespace } from "../../init/time_namespace.ts";
import { parseJson } from "../../spec/json.ts";
import { parseConfig } from "../../spec/parse.ts";
import { dockerConfig } from "../../spec/spec_testing.ts";
import type { LinuxResources, Spec } from "../../spec/types.ts";
import { explainConfig, explainResources } from "../../spec/validate.ts";
import { deviceList, formatException } from "../cgroups/device_rules.ts";
import type { Row } from "../cgroups/row.ts";
import { propertiesV1, propertiesV2 } from "../cgroups/systemd/properties.ts";
import { rowsFor } from "../cgroups/v1/resources.ts";
import { rowsV2 } from "../cgroups/v2/resources.ts";
import { planSeccomp } from "../features/seccomp/profile.ts";
import { mapText } from "../host/id_maps.ts";
import { setRlimits } from "../host/rlimits.ts";
import { exactJson } from "./exact_json.ts";
import { limitsOf } from "./exec/limits.ts";

/** What is written at the places that are special, and between them. */
const BOUNDARIES = [
  ...[
    0n,
    1n,
    -1n,
    -2n,
    5n,
    6n,
    2n ** 31n - 1n,
    2n ** 31n,
    2n ** 31n + 1n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 32n + 1n,
  ],
  ...[
    2n ** 53n - 1n,
    2n ** 53n,
    2n ** 53n + 1n,
    2n ** 63n - 1n,
    2n ** 63n,
    2n ** 64n - 1n,
    2n ** 64n,
    2n ** 70n,
  ],
  ...[-(2n ** 53n) - 1n, -(2n ** 63n), -(2n ** 63n) - 1n, -(2n ** 31n), -(2n ** 31n) - 1n],
];

/** First and last integer of a kind. */
const RANGES = {
  u16: [0n, 2n ** 16n - 1n],
  u32: [0n, 2n ** 32n - 1n],
  i32: [-(2n ** 31n), 2n ** 31n - 1n],
  u64: [0n, 2n ** 64n - 1n],
  i64: [-(2n ** 63n), 2n ** 63n - 1n],
  memory: [-1n, 2n ** 63n - 1n],
  id: [0n, 2n ** 32n - 2n],
  device: [-1n, 2n ** 32n - 1n],
  nanoseconds: [0n, 999_999_999n],
} as const;

/** What the runtime makes of a configuration: the texts and arguments that the kernel gets. */
type Observe = (spec: Spec) => string[];

/**
 * A property, its range, the rest of the document as a function of the JSON text of the value, and who gets
 * it.
 */
type Field = [
  path: string,
  range: keyof typeof RANGES,
  parts: (text: string) => Record<string, string>,
  Observe,
];

const dry = (act: (k: DryKernel) => void): string[] => {
  const k = new DryKernel();
  act(k);
  return k.lines();
};

const created: Observe = ({ process }) =>
  dry((k) => setRlimits(k as unknown as LocalKernel, 7, process.rlimits));
const executed: Observe = ({ process }) => {
  const rlimits = [...process.rlimits!, { type: "RLIMIT_NOFILE", soft: 1, hard: 1 } as const];
  return limitsOf(undefined as unknown as LocalKernel, rlimits).map(({ soft, hard }) => `${soft} ${hard}`);
};
const attributes: Observe = ({ process }) => dry((k) => setAttributes(k, process, undefined));
const offsets: Observe = ({ linux }) => dry((k) => makeTimeNamespace(k, linux!.timeOffsets));
const seccomp: Observe = ({ linux }) =>
  planSeccomp(linux!.seccomp!).rules.flatMap(({ alternatives }) => alternatives.flat()).map((it) =>
    `${it.a} ${it.b}`
  );
const maps: Observe = ({ linux }) => [mapText(linux!.uidMappings!)];
const rules: Observe = ({ linux }) => deviceList(linux!.resources!.devices).exceptions.map(formatException);

/** What the rows of a driver write; empty where the value has a meaning of its own. */
function written(rows: readonly Row[], resources: LinuxResources): string[] {
  return rows.flatMap(({ group, field, convert }) => {
    const object = resources[group] as Record<string, unknown> | undefined;
    const value = field === undefined ? object : object?.[field];
    return value === undefined ? [] : [convert(value, resources) ?? []].flat();
  });
}

const cgroup1: Observe = ({ linux }) => written(rowsFor(linux!.resources!, () => ["2MB"]), linux!.resources!);
const cgroup2: Observe = ({ linux }) =>
  written(rowsV2(linux!.resources!, { pageSizes: () => ["2MB"], exists: () => false }), linux!.resources!);
const systemd: Observe = ({ linux }) =>
  [propertiesV1, propertiesV2].flatMap((plan) => plan(linux!.resources!, () => 999)).map(([, { value }]) =>
    `${value}`
  );
/** The same value on both versions, of which the second may have no such file. */
const both: Observe = (spec) => [...cgroup1(spec), ...cgroup2(spec)];

const resource = (text: string) => ({ "linux.resources": text });
const memory = (key: string): Field => [
  `linux.resources.memory.${key}`,
  "memory",
  (value) => resource(`{"memory":{"${key}":${value}}}`),
  cgroup1,
];
const cpu = (key: string, range: keyof typeof RANGES, observe: Observe): Field => [
  `linux.resources.cpu.${key}`,
  range,
  (value) => resource(`{"cpu":{"${key}":${value}}}`),
  observe,
];
const throttle = (key: string): Field => [
  `linux.resources.blockIO.${key}[0].rate`,
  "u64",
  (value) => resource(`{"blockIO":{"${key}":[{"major":8,"minor":0,"rate":${value}}]}}`),
  both,
];
const argument = (key: string, other: string): Field => [
  `linux.seccomp.syscalls[0].args[0].${key}`,
  "u64",
  (value) => ({
    "linux.seccomp": `{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_LOG",
      "args":[{"index":1,"op":"SCMP_CMP_MASKED_EQ","${key}":${value},"${other}":3}]}]}`,
  }),
  seccomp,
];
const scheduler = (key: string): Field => [
  `process.scheduler.${key}`,
  "u64",
  (value) => ({ "process.scheduler": `{"policy":"SCHED_DEADLINE","${key}":${value}}` }),
  attributes,
];
const deviceRule = (key: string, other: string): Field => [
  `linux.resources.devices[0].${key}`,
  "device",
  (value) => resource(`{"devices":[{"allow":true,"type":"c","access":"r","${key}":${value},"${other}":77}]}`),
  rules,
];
const offset = (key: string, range: keyof typeof RANGES): Field => [
  `linux.timeOffsets.boottime.${key}`,
  range,
  (value) => ({
    "linux.timeOffsets": `{"boottime":{"${key}":${value}}}`,
    "linux.namespaces[5]": '{"type":"time"}',
  }),
  offsets,
];

const rlimit = (key: string, others: string, observe: Observe): Field => [
  `process.rlimits[0].${key}`,
  "u64",
  (value) => ({ "process.rlimits": `[{"type":"RLIMIT_FSIZE",${others},"${key}":${value}}]` }),
  observe,
];

const FIELDS: readonly Field[] = [
  ...[created, executed].flatMap((observe) => [
    rlimit("hard", '"soft":0', observe),
    rlimit("soft", '"hard":18446744073709551615', observe),
  ]),
  ...["runtime", "deadline", "period"].map(scheduler),
  ...["limit", "reservation", "kernel", "kernelTCP"].map(memory),
  [
    "linux.resources.memory.swap",
    "memory",
    (value) => resource(`{"memory":{"limit":-1,"swap":${value}}}`),
    both,
  ],
  ["linux.resources.memory.limit", "memory", (value) => resource(`{"memory":{"limit":${value}}}`), cgroup2],
  ["linux.resources.memory.limit", "memory", (value) => resource(`{"memory":{"limit":${value}}}`), systemd],
  [
    "linux.resources.memory.reservation",
    "memory",
    (value) => resource(`{"memory":{"reservation":${value}}}`),
    systemd,
  ],
  cpu("shares", "u64", cgroup1),
  cpu("quota", "i64", both),
  cpu("period", "u64", both),
  cpu("period", "u64", systemd),
  cpu("burst", "u64", both),
  cpu("realtimeRuntime", "i64", cgroup1),
  cpu("realtimePeriod", "u64", cgroup1),
  ["linux.resources.pids.limit", "i64", (value) => resource(`{"pids":{"limit":${value}}}`), both],
  ["linux.resources.pids.limit", "i64", (value) => resource(`{"pids":{"limit":${value}}}`), systemd],
  ...["Read", "Write"].flatMap((way) =>
    ["Bps", "IOPS"].map((unit) => throttle(`throttle${way}${unit}Device`))
  ),
  [
    "linux.resources.blockIO.throttleReadBpsDevice[0].minor",
    "u32",
    (value) => resource(`{"blockIO":{"throttleReadBpsDevice":[{"major":8,"minor":${value},"rate":1}]}}`),
    both,
  ],
  [
    "linux.resources.hugepageLimits[0].limit",
    "u64",
    (value) => resource(`{"hugepageLimits":[{"pageSize":"2MB","limit":${value}}]}`),
    both,
  ],
  [
    "linux.resources.network.classID",
    "u32",
    (value) => resource(`{"network":{"classID":${value}}}`),
    cgroup1,
  ],
  [
    "linux.resources.network.priorities[0].priority",
    "u32",
    (value) => resource(`{"network":{"priorities":[{"name":"lo","priority":${value}}]}}`),
    cgroup1,
  ],
  [
    "linux.resources.rdma.x.hcaObjects",
    "u32",
    (value) => resource(`{"rdma":{"x":{"hcaObjects":${value}}}}`),
    both,
  ],
  ["linux.resources.blockIO.weight", "u16", (value) => resource(`{"blockIO":{"weight":${value}}}`), cgroup1],
  deviceRule("major", "minor"),
  deviceRule("minor", "major"),
  argument("value", "valueTwo"),
  argument("valueTwo", "value"),
  offset("secs", "i64"),
  offset("nanosecs", "nanoseconds"),
  [
    "linux.uidMappings[0].hostID",
    "u32",
    (value) => ({
      "linux.namespaces[5]": '{"type":"user","path":"/proc/1/ns/user"}',
      "linux.uidMappings": `[{"hostID":${value},"size":1}]`,
    }),
    maps,
  ],
];

/** The text of a configuration with those parts, whose numbers never go through a double. */
function textOf(parts: Record<string, string>): string {
  const config = dockerConfig();
  delete config.linux.seccomp;
  config.linux.resources = {};
  const marks: string[] = [];
  for (const [path, text] of Object.entries(parts)) {
    const [group, key, index] = path.split(/[.[\]]+/);
    if (index) config[group][key][Number(index)] = `@${marks.length}`;
    else config[group][key] = `@${marks.length}`;
    marks.push(text);
  }
  return JSON.stringify(config).replace(/"@(\d+)"/g, (_, index) => marks[Number(index)]);
}

for (const [path, range, parts, observe] of FIELDS) {
  Deno.test(`64-bit integers: ${path} (${observe.name})`, () => {
    const [first, last] = RANGES[range];
    let observed = 0;
    for (const value of BOUNDARIES) {
      const text = textOf(parts(String(value)));
      const { config } = parseConfig(text);
      const { document, problems } = explainConfig(config);
      const own = problems.filter((problem) => problem.path === path);
      if (value < first || value > last) {
        const { reason, fix = "" } = own[0] ?? { reason: "nothing" };
        assertStringIncludes(reason, String(value), `${path} is accepted`);
        assert(/from|-1 is no limit/.test(reason + fix), `${reason} names no range`);
        continue;
      }
      assert(own.every(({ reason }) => !/integer/.test(reason)), `${value}: ${own[0]?.reason}`);
      // A saved configuration is read again by later commands.
      assertEquals(parseJson(exactJson(document)), document);
      if (problems.length > 0 || value < 2n) continue;
      const lines = observe(document);
      assert(
        lines.some((line) => new RegExp(`(?<!\\d)${value}(?!\\d)`).test(line)),
        `${value} is not in ${lines}`,
      );
      observed++;
    }
    assert(observed >= (last < 2n ** 32n - 2n ? 2 : 5), `only ${observed} values came through`);
  });
}

Deno.test("64-bit integers: resources of update", () => {
  for (const value of BOUNDARIES) {
    const { document, problems } = explainResources(parseJson(`{"cpu":{"quota":${value}}}`));
    const [first, last] = RANGES.i64;
    if (value < first || value > last) assertEquals(problems.map((problem) => problem.path), ["cpu.quota"]);
    else assertEquals(BigInt(document.cpu!.quota!), value);
  }
});
