/**
 * Merges the limits that a container has with those that an `update` asks for.
 * @module
 */
import type {
  LinuxBlockIO,
  LinuxBlockIODevice,
  LinuxCPU,
  LinuxHugepageLimit,
  LinuxInterfacePriority,
  LinuxMemory,
  LinuxNetwork,
  LinuxResources,
} from "../../spec/types.ts";

/**
 * Returns the merged limits.
 *
 * A limit that is not asked for stays as it is. So does a limit that is asked for with the value that means
 * "unset" (0 or an empty text, for most fields). Lists are merged by device, page size or interface. Device
 * rules are left as they are.
 *
 * @param old The limits that the container has.
 * @param change The limits that are asked for.
 */
export function mergeResources(old: LinuxResources, change: LinuxResources): LinuxResources {
  const merged: LinuxResources = {
    ...old,
    memory: mergeMemory(old.memory, change.memory),
    cpu: mergeCpu(old.cpu, change.cpu),
    pids: { ...old.pids, ...change.pids },
    blockIO: mergeBlockIo(old.blockIO, change.blockIO),
    hugepageLimits: upsert(old.hugepageLimits, change.hugepageLimits, samePageSize),
    network: mergeNetwork(old.network, change.network),
    rdma: { ...old.rdma, ...change.rdma },
    unified: { ...old.unified, ...change.unified },
  };
  // A group without any limit stays absent.
  for (const name of Object.keys(merged) as (keyof LinuxResources)[]) {
    if (isEmpty(merged[name])) delete merged[name];
  }
  if (old.devices !== undefined) merged.devices = old.devices;
  return merged;
}

/**
 * The part of the merged limits that has to be written for a change. A whole group is written where the value
 * of one file depends on another's (memory and swap, quota and period, shares and idle); otherwise only what
 * was asked for. So an update does not fail because of a device or a CPU that has gone since and that it does
 * not name.
 */
export function toWrite(merged: LinuxResources, change: LinuxResources): LinuxResources {
  const write: LinuxResources = {};
  const { memory, cpu, pids, blockIO, hugepageLimits, network, rdma, unified } = change;
  if (!isEmpty(memory)) write.memory = merged.memory;
  if (!isEmpty(cpu)) {
    const { cpus: _cpus, mems: _mems, ...times } = merged.cpu ?? {};
    write.cpu = { ...times, ...given({ cpus: cpu?.cpus, mems: cpu?.mems }) };
  }
  if (!isEmpty(pids)) write.pids = pids;
  if (!isEmpty(blockIO)) {
    const entries = upsert(merged.blockIO?.weightDevice, blockIO?.weightDevice, sameDevice);
    const weightDevice = entries?.filter((one) => blockIO?.weightDevice?.some((two) => sameDevice(one, two)));
    write.blockIO = { ...blockIO, ...given({ weightDevice }) };
  }
  if (!isEmpty(hugepageLimits)) write.hugepageLimits = hugepageLimits;
  if (!isEmpty(network)) write.network = network;
  if (!isEmpty(rdma)) write.rdma = rdma;
  if (!isEmpty(unified)) write.unified = unified;
  return write;
}

function isEmpty(group: object | undefined): boolean {
  return group === undefined || Object.keys(group).length === 0;
}

function mergeMemory(old: LinuxMemory | undefined, change: LinuxMemory = {}): LinuxMemory {
  const { swappiness, ...counters } = change;
  const merged = { ...old, ...given(counters) };
  if (swappiness !== undefined) merged.swappiness = swappiness;
  // Without a limit on memory, a limit on memory and swap together has no meaning: it is removed, unless it
  // is asked for.
  if (Number(change.limit) === -1 && change.swap === undefined) merged.swap = 0;
  // `checkBeforeUpdate` is a question of this update, not a setting.
  delete merged.checkBeforeUpdate;
  if (change.checkBeforeUpdate) merged.checkBeforeUpdate = true;
  return merged;
}

function mergeCpu(old: LinuxCPU | undefined, change: LinuxCPU = {}): LinuxCPU {
  const { burst, idle, ...others } = change;
  const merged = { ...old, ...given(others) };
  // In these fields 0 is a value.
  if (burst !== undefined) merged.burst = burst;
  if (idle !== undefined) merged.idle = idle;
  return merged;
}

function mergeBlockIo(old: LinuxBlockIO = {}, change: LinuxBlockIO = {}): LinuxBlockIO {
  const { weight, leafWeight } = change;
  const merged: LinuxBlockIO = { ...old, ...given({ weight, leafWeight }) };
  const lists = {
    weightDevice: upsert(old.weightDevice, change.weightDevice, sameDevice),
    throttleReadBpsDevice: upsert(old.throttleReadBpsDevice, change.throttleReadBpsDevice, sameDevice),
    throttleWriteBpsDevice: upsert(old.throttleWriteBpsDevice, change.throttleWriteBpsDevice, sameDevice),
    throttleReadIOPSDevice: upsert(old.throttleReadIOPSDevice, change.throttleReadIOPSDevice, sameDevice),
    throttleWriteIOPSDevice: upsert(old.throttleWriteIOPSDevice, change.throttleWriteIOPSDevice, sameDevice),
  };
  return { ...merged, ...given(lists) };
}

function mergeNetwork(old: LinuxNetwork = {}, change: LinuxNetwork = {}): LinuxNetwork {
  const priorities = upsert(old.priorities, change.priorities, sameInterface);
  return { ...old, ...given({ classID: change.classID, priorities }) };
}

/** The fields whose value is not the one that means "unset". */
function given<T extends object>(fields: T): Partial<T> {
  const isUnset = (value: unknown) => value === undefined || value === 0 || value === 0n || value === "";
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => !isUnset(value))) as Partial<T>;
}

/**
 * The old entries, with the changes of the same key applied, then the remaining changes; undefined when there
 * are none.
 */
function upsert<T>(old: T[] = [], changes: T[] = [], same: (a: T, b: T) => boolean): T[] | undefined {
  const merged = [...old];
  for (const change of changes) {
    const index = merged.findIndex((entry) => same(entry, change));
    if (index < 0) merged.push(change);
    else merged[index] = { ...merged[index], ...change };
  }
  return merged.length > 0 ? merged : undefined;
}

function sameDevice(a: LinuxBlockIODevice, b: LinuxBlockIODevice): boolean {
  return a.major === b.major && a.minor === b.minor;
}

function samePageSize(a: LinuxHugepageLimit, b: LinuxHugepageLimit): boolean {
  return a.pageSize === b.pageSize;
}

function sameInterface(a: LinuxInterfacePriority, b: LinuxInterfacePriority): boolean {
  return a.name === b.name;
}
