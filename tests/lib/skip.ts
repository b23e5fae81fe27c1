import { exists, readText } from "./process.ts";

/**
 * Registers a test that cannot run on this machine: it is listed as ignored, and the reason is printed at
 * once, on a line of its own that a gate can count.
 *
 * @param name Name of the test that is left out.
 * @param reason What the machine lacks, in one line.
 */
export function skip(name: string, reason: string): void {
  console.log(`SKIP: ${name}: ${reason}`);
  Deno.test({ name, ignore: true, fn: () => {} });
}

/** Why tests of cgroup v1 cannot run on this machine, or undefined. */
export function lacksCgroupV1(): string | undefined {
  return exists("/sys/fs/cgroup/devices/cgroup.procs") ? undefined : "needs a host with cgroup v1";
}

/** Why tests of cgroup v2 cannot run on this machine: it has cgroup v1, or this controller is missing. */
export function lacksCgroupV2(controller?: string): string | undefined {
  const controllers = readText("/sys/fs/cgroup/cgroup.controllers").trim().split(" ");
  if (!exists("/sys/fs/cgroup/cgroup.controllers")) return "needs a host with cgroup v2 alone";
  if (controller === undefined || controllers.includes(controller)) return undefined;
  return `needs the controller ${controller} in cgroup v2`;
}

/** Why tests of a controller's limits cannot run on this machine: neither version of cgroups has it. */
export function lacksController(name: string): string | undefined {
  return exists(`/sys/fs/cgroup/${name}/cgroup.procs`) && lacksCgroupV1() === undefined
    ? undefined
    : lacksCgroupV2(name) && `needs the controller ${name}, of cgroup v1 or v2`;
}

/** Why tests of the systemd driver cannot run on this machine: systemd is not its first process. */
export function lacksSystemd(): string | undefined {
  // The same question as sd_booted(3) asks.
  return exists("/run/systemd/system") ? undefined : "needs systemd as the first process";
}

/** Why tests of AppArmor cannot run on this machine: the kernel lacks it, or has it switched off. */
export function lacksAppArmor(): string | undefined {
  const enabled = readText("/sys/module/apparmor/parameters/enabled").trim() === "Y";
  return enabled ? undefined : "needs a kernel with AppArmor enabled";
}
