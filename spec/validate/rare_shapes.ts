/**
 * The shapes of properties that clients seldom send. shapes.ts has all other shapes, and explains how shapes
 * are written.
 *
 * @module
 */
import {
  IO_PRIORITY_CLASSES,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  PERSONALITY_DOMAINS,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
} from "../scheduling.ts";
import { type Shapes, usualShapes } from "../shapes.ts";

/**
 * Further properties of objects with usual shapes. `c` is a list of CPUs or memory nodes, `l` a line of text.
 */
const PROPERTIES = {
  $process: {
    scheduler: {
      "!": ["policy"],
      policy: "=policy",
      flags: ["=scheduler flag"],
      nice: "#i32",
      priority: "#i32",
      runtime: "#u64",
      deadline: "#u64",
      period: "#u64",
    },
    ioPriority: { "!": ["class"], 0: ["priority"], class: "=io class", priority: "#io priority" },
    execCPUAffinity: { initial: "c", final: "c" },
  },
  $mount: { uidMappings: ["$range"], gidMappings: ["$range"] },
  $linux: {
    timeOffsets: { "*": { secs: "#i64", nanosecs: "#nanoseconds" } },
    netDevices: { "*": { name: "s" } },
    intelRdt: {
      closID: "s",
      l3CacheSchema: "l",
      memBwSchema: "l",
      schemata: ["l"],
      enableMonitoring: "b",
      enableCMT: "b",
      enableMBM: "b",
    },
    memoryPolicy: { "!": ["mode"], mode: "=memory mode", nodes: "c", flags: ["=memory flag"] },
    personality: { "!": ["domain"], domain: "=domain", flags: ["s"] },
  },
  $resources: {
    network: {
      classID: "#u32",
      priorities: [{ "!": ["name"], 0: ["priority"], name: "s", priority: "#u32" }],
    },
    rdma: { "*": { hcaHandles: "#u32", hcaObjects: "#u32" } },
  },
  $memory: { kernel: "#memory", kernelTCP: "#memory", useHierarchy: "b" },
  $cpu: { burst: "#u64", cpus: "c", mems: "c", idle: "#flag" },
  $blockIO: {
    leafWeight: "#u16",
    weightDevice: [{
      0: ["major", "minor"],
      major: "#u32",
      minor: "#u32",
      weight: "#u16",
      leafWeight: "#u16",
    }],
    throttleReadBpsDevice: ["$throttle"],
    throttleWriteBpsDevice: ["$throttle"],
    throttleReadIOPSDevice: ["$throttle"],
    throttleWriteIOPSDevice: ["$throttle"],
  },
  $seccomp: { listenerPath: "s", listenerMetadata: "s" },
} as const;

/** Shapes, tables and ranges that only the rare properties have. */
const OTHERS = {
  $throttle: { 0: ["major", "minor", "rate"], major: "#u32", minor: "#u32", rate: "#u64" },
  "=domain": PERSONALITY_DOMAINS,
  "=io class": IO_PRIORITY_CLASSES,
  "=memory flag": MEMORY_POLICY_FLAGS,
  "=memory mode": MEMORY_POLICY_MODES,
  "=policy": SCHEDULER_POLICIES,
  "=scheduler flag": SCHEDULER_FLAGS,
  "#flag": [0, 1],
  "#i32": [-0x8000_0000, 0x7fff_ffff],
  "#io priority": [0, 7],
  "#nanoseconds": [0, 999_999_999],
} as const;

let shapes: Shapes | undefined;

/** All shapes. */
export function allShapes(): Shapes {
  return shapes ??= merged();
}

function merged(): Shapes {
  const all: Record<string, unknown> = { ...usualShapes(), ...OTHERS };
  for (const [name, more] of Object.entries(PROPERTIES)) all[name] = { ...all[name] as object, ...more };
  return all;
}
