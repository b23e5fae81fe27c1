/**
 * Rules of CPU, I/O and memory policies.
 *
 * @module
 */
import { parseCpuList } from "../cpu_list.ts";
import {
  IO_PRIORITY_CLASSES,
  MEMORY_POLICY_FLAGS,
  MEMORY_POLICY_MODES,
  PERSONALITY_DOMAINS,
  SCHEDULER_FLAGS,
  SCHEDULER_POLICIES,
} from "../scheduling.ts";
import { lookup } from "../tables.ts";
import { quote, type Section } from "./section.ts";

const INT32_MIN = -0x8000_0000;
const INT32_MAX = 0x7fff_ffff;

/** `process.scheduler`: sched_setattr(2). */
export function checkScheduler(process: Section): void {
  const scheduler = process.object("scheduler");
  if (!scheduler) return;
  if (!scheduler.has("policy")) scheduler.fail("policy", "scheduler policy is required");
  const policy = scheduler.name("policy", SCHEDULER_POLICIES, (it) => `invalid scheduler policy: ${it}`);
  checkFlags(scheduler, SCHEDULER_FLAGS, (it) => `invalid scheduler flag: ${it}`);
  const nice = scheduler.integer("nice", INT32_MIN, INT32_MAX) ?? 0;
  const priority = scheduler.integer("priority", INT32_MIN, INT32_MAX) ?? 0;
  const times = ["runtime", "deadline", "period"].filter((key) =>
    (scheduler.integer64(key, "unsigned") ?? 0) > 0
  );
  if (policy === undefined) return;
  if ((policy === "SCHED_OTHER" || policy === "SCHED_BATCH") && (nice < -20 || nice > 19)) {
    scheduler.fail(
      "nice",
      `invalid scheduler.nice: ${nice} when scheduler.policy is ${policy}`,
      "from -20 to 19",
    );
  }
  const realTime = policy === "SCHED_FIFO" || policy === "SCHED_RR";
  if (!realTime && priority !== 0) {
    scheduler.fail("priority", "scheduler.priority can only be specified for SchedFIFO or SchedRR policy");
  } else if (realTime && (priority < 1 || priority > 99)) {
    scheduler.fail(
      "priority",
      `invalid scheduler.priority: ${priority} when scheduler.policy is ${policy}`,
      "from 1 to 99",
    );
  }
  if (policy !== "SCHED_DEADLINE" && times.length > 0) {
    scheduler.fail(
      times[0],
      "scheduler runtime/deadline/period can only be specified for SchedDeadline policy",
    );
  }
}

/** `process.ioPriority`: ioprio_set(2). */
export function checkIoPriority(process: Section): void {
  const ioPriority = process.object("ioPriority");
  if (!ioPriority) return;
  ioPriority.need("class", "priority");
  ioPriority.name("class", IO_PRIORITY_CLASSES, (it) => `invalid ioPriority.Class: ${quote(it)}`);
  const priority = ioPriority.integer("priority", INT32_MIN, INT32_MAX);
  if (priority !== undefined && (priority < 0 || priority > 7)) {
    ioPriority.fail("priority", `invalid ioPriority.Priority: ${priority}`, "from 0 to 7");
  }
}

/** `process.execCPUAffinity`: lists of CPUs. */
export function checkAffinity(process: Section): void {
  const affinity = process.object("execCPUAffinity");
  if (!affinity) return;
  checkCpuList(affinity, "initial", "bad CPUAffinity.Initial: ");
  checkCpuList(affinity, "final", "bad CPUAffinity.Final: ");
}

/** `linux.memoryPolicy`: set_mempolicy(2). */
export function checkMemoryPolicy(linux: Section): void {
  const policy = linux.object("memoryPolicy");
  if (!policy) return;
  if (!policy.has("mode")) policy.fail("mode", 'invalid memory policy mode "": it is required');
  const mode = policy.name("mode", MEMORY_POLICY_MODES, (it) => `invalid memory policy mode ${quote(it)}`);
  checkFlags(policy, MEMORY_POLICY_FLAGS, (it) => `invalid memory policy flag ${quote(it)}`);
  const nodes = checkCpuList(
    policy,
    "nodes",
    `invalid memory policy nodes ${quote(String(policy.value.nodes))}: `,
  );
  if (mode === undefined || nodes === undefined || mode === "MPOL_PREFERRED") return;
  const none = mode === "MPOL_DEFAULT" || mode === "MPOL_LOCAL";
  if (none && nodes > 0) policy.fail("nodes", `memory policy mode requires 0 nodes but got ${nodes}`);
  if (!none && nodes === 0) policy.fail("nodes", "memory policy mode requires at least one node but got 0");
}

/** `linux.personality`; flags that are set are a matter of warnings. */
export function checkPersonality(linux: Section): void {
  const personality = linux.object("personality");
  if (!personality) return;
  personality.need("domain");
  personality.name("domain", PERSONALITY_DOMAINS, (it) => `invalid personality domain ${it}`);
  personality.strings("flags");
}

/**
 * A list of CPUs or memory nodes.
 *
 * @returns How many it names, undefined if it is wrong.
 */
export function checkCpuList(section: Section, key: string, prefix = ""): number | undefined {
  const text = section.has(key) ? section.string(key) : "";
  if (text === undefined) return undefined;
  try {
    return parseCpuList(text).size;
  } catch (error) {
    return section.fail(key, `${prefix}${(error as Error).message}`);
  }
}

function checkFlags(
  section: Section,
  table: Readonly<Record<string, number>>,
  reason: (name: string) => string,
): void {
  for (const [index, flag] of section.strings("flags")?.entries() ?? []) {
    if (lookup(table, flag) === undefined) section.failItem("flags", index, reason(flag));
  }
}
