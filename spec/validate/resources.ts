/**
 * Rules of cgroup limits: runtime-spec `config-linux.md`, section Control groups.
 *
 * @module
 */
import { toDecimal } from "../integers.ts";
import { checkCpuList } from "./scheduling.ts";
import { quote, type Section, UINT32 } from "./section.ts";

/** Largest number that is exact. */
const SAFE = Number.MAX_SAFE_INTEGER;

/** Largest weight of a block device: an unsigned 16-bit integer. */
const WEIGHT_MAX = 0xffff;

/**
 * All rules of resources.
 *
 * @param update The limits are changes of limits that there are: one may count on another that is not given.
 */
export function checkResources(resources: Section, update: boolean): void {
  checkDeviceRules(resources);
  checkMemory(resources, update);
  checkCpu(resources);
  resources.object("pids")?.integer64("limit", "signed");
  checkBlockIo(resources);
  for (const entry of resources.objects("hugepageLimits")) {
    entry.need("pageSize", "limit");
    const size = entry.string("pageSize");
    if (size !== undefined && !/^[1-9]\d*[KMGTPE]?B$/.test(size)) {
      entry.fail("pageSize", `invalid huge page size ${quote(size)}`, "such as 64KB, 2MB, 1GB");
    }
    entry.integer64("limit", "unsigned");
  }
  checkNetwork(resources);
  checkRdma(resources);
  checkUnified(resources);
}

function checkDeviceRules(resources: Section): void {
  for (const [index, rule] of resources.objects("devices").entries()) {
    rule.need("allow");
    rule.boolean("allow");
    const type = rule.string("type");
    if (type && !["a", "c", "b"].includes(type)) {
      rule.fail("type", `invalid cgroup device type ${quote(type)}`, "one of a, c, b");
    }
    for (const key of ["major", "minor"]) rule.integer(key, -1, UINT32);
    const access = rule.has("access") ? rule.string("access") : "";
    if (access === "") rule.fail("access", `device access at ${index} field cannot be empty`, "such as rwm");
    else if (access !== undefined && !/^[rwm]+$/.test(access)) {
      rule.fail("access", `invalid device access ${quote(access)}`, "a composition of r, w and m");
    }
  }
}

function checkMemory(resources: Section, update: boolean): void {
  const memory = resources.object("memory");
  if (!memory) return;
  const read = (key: string) => {
    const value = memory.integer64(key, "signed");
    if (value !== undefined && value < -1) {
      memory.fail(key, `invalid memory value: ${toDecimal(value)}`, "-1 is no limit");
      return undefined;
    }
    return value;
  };
  const [limit, swap] = [read("limit"), read("swap"), read("reservation"), read("kernel"), read("kernelTCP")];
  const swappiness = memory.integer64("swappiness", "unsigned");
  // 2^64-1 is how clients write -1, which means unset.
  if (swappiness !== undefined && swappiness > 100 && swappiness < 2 ** 63) {
    memory.fail("swappiness", `invalid memory swappiness value: ${swappiness} (valid range is 0-100)`);
  }
  for (const key of ["disableOOMKiller", "useHierarchy", "checkBeforeUpdate"]) memory.boolean(key);
  if (swap === undefined || swap <= 0) return;
  if (!limit && !update && !isInvalid(memory, "limit", limit)) {
    memory.fail("swap", "unable to set swap limit without memory limit", "set limit too");
  } else if (limit !== undefined && limit > 0 && swap < limit) {
    memory.fail("swap", "memory+swap limit should be >= memory limit");
  }
}

/** Whether the property is there but was found wrong, so that rules that need it say nothing more. */
function isInvalid(section: Section, key: string, read: unknown): boolean {
  return read === undefined && section.has(key);
}

function checkCpu(resources: Section): void {
  const cpu = resources.object("cpu");
  if (!cpu) return;
  for (const key of ["shares", "period", "realtimePeriod"]) cpu.integer(key, 0, SAFE);
  cpu.integer("realtimeRuntime", -SAFE, SAFE);
  cpu.integer("idle", 0, 1);
  const quota = cpu.integer("quota", -SAFE, SAFE) ?? 0, burst = cpu.integer("burst", 0, SAFE) ?? 0;
  if (quota > 0 && burst > quota) cpu.fail("burst", `burst ${burst} is larger than quota ${quota}`);
  checkCpuList(cpu, "cpus");
  checkCpuList(cpu, "mems");
}

function checkBlockIo(resources: Section): void {
  const io = resources.object("blockIO");
  if (!io) return;
  checkWeights(io);
  for (const entry of io.objects("weightDevice")) {
    checkBlockDevice(entry);
    if (!checkWeights(entry)) entry.failHere("must have a weight or a leafWeight");
  }
  for (const direction of ["Read", "Write"]) {
    for (const unit of ["Bps", "IOPS"]) {
      for (const entry of io.objects(`throttle${direction}${unit}Device`)) {
        checkBlockDevice(entry);
        entry.need("rate");
        entry.integer64("rate", "unsigned");
      }
    }
  }
}

/** Whether there is one of the two weights. */
function checkWeights(section: Section): boolean {
  section.integer("weight", 0, WEIGHT_MAX);
  section.integer("leafWeight", 0, WEIGHT_MAX);
  return section.has("weight") || section.has("leafWeight");
}

function checkBlockDevice(entry: Section): void {
  entry.need("major", "minor");
  entry.integer("major", 0, UINT32);
  entry.integer("minor", 0, UINT32);
}

function checkNetwork(resources: Section): void {
  const network = resources.object("network");
  if (!network) return;
  network.integer("classID", 0, UINT32);
  for (const entry of network.objects("priorities")) {
    entry.need("name", "priority");
    entry.string("name");
    entry.integer("priority", 0, UINT32);
  }
}

function checkRdma(resources: Section): void {
  const rdma = resources.object("rdma");
  for (const device of rdma?.keys() ?? []) {
    const limits = rdma?.object(device);
    limits?.integer("hcaHandles", 0, UINT32);
    limits?.integer("hcaObjects", 0, UINT32);
    if (limits && !limits.has("hcaHandles") && !limits.has("hcaObjects")) {
      limits.failHere("must have hcaHandles or hcaObjects");
    }
  }
}

/** Files of a cgroup that move processes into it or end those in it: what delete then kills would be the host's. */
const NO_LIMITS = ["cgroup.procs", "cgroup.threads", "cgroup.kill"];

function checkUnified(resources: Section): void {
  const unified = resources.object("unified");
  for (const file of unified?.keys() ?? []) {
    unified?.string(file);
    if (file.includes("/")) {
      unified?.fail(file, `unified resource ${quote(file)} must be a file name (no slashes)`);
    } else if (file === "" || file === "." || file === ".." || file.includes("\0")) {
      unified?.fail(file, `unified resource ${quote(file)} is not a file name`);
    } else if (NO_LIMITS.includes(file)) {
      unified?.fail(file, `unified resource ${quote(file)} is no limit: it moves or ends processes`);
    }
  }
}
