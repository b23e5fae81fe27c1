/**
 * The interface of cgroup drivers, and the choice of the driver for this host.
 *
 * A driver owns the directories of one container. Its methods are called in this order:
 *
 *     planCgroup ─> create ─> join(pid) ─> set(resources) ─> state.json keeps `record`
 *     openDriver(record) ─> pids / freeze / thaw / frozen / set ─> destroy
 *
 * @module
 */
import { cleanPath } from "../../spec/clean_path.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { readCgroupHost } from "./host.ts";
import { HostCgroupFs } from "./host_fs.ts";
import { isUnified } from "./path.ts";
import { CgroupV1, planV1 } from "./v1/driver.ts";
import type { CgroupDriver, CgroupHost, CgroupRecord, CgroupRequest } from "./types.ts";

export { readCgroupHost };

/**
 * Chooses the driver of this host and the place of a container's cgroups. Nothing is made yet.
 *
 * A host uses cgroup v2 where /sys/fs/cgroup is of that type, or nothing else is mounted. On every other host
 * v1 sets the limits, with the v2 hierarchy of a hybrid host beside it. The driver of v1 is part of this
 * module; others are loaded.
 *
 * @param kernel Called when a driver has a system call to make: for device programs and for D-Bus.
 * @param host Facts about the host; read from /proc when absent.
 * @throws {RuntimeError} where there are no cgroups, or systemd was asked for and is missing.
 */
export async function planCgroup(
  kernel: () => LocalKernel,
  request: CgroupRequest,
  host: CgroupHost = readCgroupHost(),
): Promise<CgroupDriver> {
  if (request.none) {
    // A record without directories is also that of a rootless container that could get none.
    const { openUnified, unifiedOptions } = await import("./v2/driver.ts");
    const record: CgroupRecord = { driver: "cgroupfs-v2", paths: {} };
    return openUnified(record, unifiedOptions(kernel, { tolerant: true, rootless: true }));
  }
  if (host.mounts.length === 0) {
    throw new RuntimeError("ENODEV_CGROUPS", "no cgroup mount found in mountinfo");
  }
  if (request.systemd) return (await import("./systemd/driver.ts")).planSystemd(kernel, request, host);
  const { inner, options } = planRequest(request);
  if (isUnified(host.mounts)) return await planUnified(kernel, host, inner, options);
  return new CgroupV1(host.fs, planV1(host, inner), options);
}

/** A request in the terms of a driver by files: the place, and how failures are handled. */
export function planRequest(
  { id, cgroupsPath = "", rootless }: CgroupRequest,
): { inner: string; options: { tolerant: boolean; rootless: boolean } } {
  const asked = cleanPath(cgroupsPath);
  return { inner: asked || id, options: { tolerant: rootless && asked === "", rootless } };
}

/** The driver of v2, with its system calls for devices. Both are loaded only where a host has v2 alone. */
async function planUnified(
  kernel: () => LocalKernel,
  host: CgroupHost,
  inner: string,
  options: { tolerant: boolean; rootless: boolean },
): Promise<CgroupDriver> {
  const { planUnified, unifiedOptions } = await import("./v2/driver.ts");
  return planUnified(host, inner, unifiedOptions(kernel, options));
}

/**
 * The driver of an existing container, from its state file.
 *
 * @param kernel As for {@linkcode planCgroup}.
 */
export async function openDriver(kernel: () => LocalKernel, record: CgroupRecord): Promise<CgroupDriver> {
  const options = { tolerant: false, rootless: false };
  if (record.driver === "cgroupfs-v1") return new CgroupV1(new HostCgroupFs(), record, options);
  if (record.driver === "cgroupfs-v2") {
    const { openUnified, unifiedOptions } = await import("./v2/driver.ts");
    return openUnified(record, unifiedOptions(kernel, options));
  }
  return (await import("./systemd/driver.ts")).openSystemd(kernel, record);
}
