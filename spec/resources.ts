/**
 * Limits that the container's cgroup enforces: runtime-spec `config-linux.md`, section Control groups.
 *
 * Also the document of `update --resources`.
 *
 * @module
 */
import type { Int64, Uint64 } from "./integers.ts";

/** Limits by controller; what is absent is left unchanged. */
export interface LinuxResources {
  /** Devices that may be used, rules in order. */
  devices?: LinuxDeviceCgroup[];
  /** Memory and swap. */
  memory?: LinuxMemory;
  /** CPU time and CPUs. */
  cpu?: LinuxCPU;
  /** Number of tasks. */
  pids?: LinuxPids;
  /** Block device bandwidth. */
  blockIO?: LinuxBlockIO;
  /** Huge pages, by size. */
  hugepageLimits?: LinuxHugepageLimit[];
  /** Class and priority of network packets; cgroup v1 only. */
  network?: LinuxNetwork;
  /** RDMA resources, by device name. */
  rdma?: Record<string, LinuxRdma>;
  /** Files of the cgroup and what to write into them; cgroup v2 only. */
  unified?: Record<string, string>;
}

/** A rule of the device controller. */
export interface LinuxDeviceCgroup {
  /** Allows or denies. */
  allow: boolean;
  /** All, character or block devices; absent: all. */
  type?: "a" | "c" | "b";
  /** Major number; absent or -1: every one. */
  major?: number;
  /** Minor number; absent or -1: every one. */
  minor?: number;
  /** Kinds of access, a composition of `r`, `w` and `m` (mknod). */
  access?: string;
}

/** Memory limits in bytes; -1 is no limit. */
export interface LinuxMemory {
  /** Memory. */
  limit?: Int64;
  /** Memory that is reclaimed last (soft limit). */
  reservation?: Int64;
  /** Memory and swap together. */
  swap?: Int64;
  /** Kernel memory; obsolete. */
  kernel?: Int64;
  /** Kernel memory of TCP buffers; obsolete. */
  kernelTCP?: Int64;
  /** Inclination to swap, 0 to 100; 2^64-1 (that is -1) is unset. */
  swappiness?: Uint64;
  /** Lets tasks wait for memory instead of killing one. */
  disableOOMKiller?: boolean;
  /** Counts child cgroups too. */
  useHierarchy?: boolean;
  /** Refuses a limit below what is used already. */
  checkBeforeUpdate?: boolean;
}

/** CPU time and CPUs. */
export interface LinuxCPU {
  /** Relative weight, 2 to 262144. */
  shares?: Uint64;
  /** Microseconds of CPU time in each period; not above 0: no limit. */
  quota?: Int64;
  /** Microseconds of unused time that may be saved up. */
  burst?: Uint64;
  /** Length of the period in microseconds. */
  period?: Uint64;
  /** Microseconds of real-time scheduling in each real-time period. */
  realtimeRuntime?: Int64;
  /** Length of the real-time period in microseconds. */
  realtimePeriod?: Uint64;
  /** CPUs, as a list such as `0-3,7`. */
  cpus?: string;
  /** Memory nodes, as such a list. */
  mems?: string;
  /** 1 gives the cgroup only otherwise idle time; 0 is the default. */
  idle?: number;
}

/** Number of tasks. */
export interface LinuxPids {
  /** Largest number; below 0: no limit. */
  limit?: Int64;
}

/** Block device bandwidth. */
export interface LinuxBlockIO {
  /** Relative weight, 10 to 1000. */
  weight?: number;
  /** Relative weight against child cgroups. */
  leafWeight?: number;
  /** Weights by device. */
  weightDevice?: LinuxWeightDevice[];
  /** Bytes read per second, by device. */
  throttleReadBpsDevice?: LinuxThrottleDevice[];
  /** Bytes written per second, by device. */
  throttleWriteBpsDevice?: LinuxThrottleDevice[];
  /** Reads per second, by device. */
  throttleReadIOPSDevice?: LinuxThrottleDevice[];
  /** Writes per second, by device. */
  throttleWriteIOPSDevice?: LinuxThrottleDevice[];
}

/** A block device by number. */
export interface LinuxBlockIODevice {
  /** Major number. */
  major: number;
  /** Minor number. */
  minor: number;
}

/** Weight for one device. */
export interface LinuxWeightDevice extends LinuxBlockIODevice {
  /** Relative weight. */
  weight?: number;
  /** Relative weight against child cgroups. */
  leafWeight?: number;
}

/** Rate for one device. */
export interface LinuxThrottleDevice extends LinuxBlockIODevice {
  /** Bytes or operations per second. */
  rate: Uint64;
}

/** Limit of one huge page size. */
export interface LinuxHugepageLimit {
  /** Page size as the kernel names it, such as `2MB`. */
  pageSize: string;
  /** Bytes. */
  limit: Uint64;
}

/** Class and priority of network packets. */
export interface LinuxNetwork {
  /** Class identifier of net_cls. */
  classID?: number;
  /** Priorities of net_prio. */
  priorities?: LinuxInterfacePriority[];
}

/** Priority of packets that leave by one interface. */
export interface LinuxInterfacePriority {
  /** The interface, in the runtime's network namespace. */
  name: string;
  /** The priority. */
  priority: number;
}

/** RDMA resources of one device. */
export interface LinuxRdma {
  /** Largest number of handles. */
  hcaHandles?: number;
  /** Largest number of objects. */
  hcaObjects?: number;
}
