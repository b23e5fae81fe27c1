/**
 * A host of cgroup v2 for tests. A machine with cgroup v2 is used as it is. On a hybrid machine the host is a
 * private mount namespace in which /sys/fs/cgroup is the v2 hierarchy: a runtime looks at nothing else. Only
 * controllers that v1 does not hold exist there (the VM of tests/vm has all of them); freezer, devices, kill
 * and namespaces need none.
 */
import type { Box } from "./box.ts";
import { contract, type ContractOptions } from "./contract.ts";
import { parseMountinfo } from "./mountinfo.ts";
import { readText } from "./process.ts";
import type { Runtime } from "./runtime.ts";
import { lacksCgroupV2 } from "./skip.ts";

/** The host that tests run on. */
export interface V2Host {
  /** Where this process sees the hierarchy. */
  root: string;
  /** What runs a command there. */
  within: readonly string[];
}

/** The host, or why there is none. */
export function v2Host(): V2Host | string {
  if (lacksCgroupV2() === undefined) return { root: "/sys/fs/cgroup", within: [] };
  const root = besideV1();
  return root === undefined ? "this machine has no cgroup v2 hierarchy" : { root, within: inNamespace() };
}

/** Where the v2 hierarchy of a hybrid machine is. */
function besideV1(): string | undefined {
  return parseMountinfo(readText("/proc/self/mountinfo")).find(({ type }) => type === "cgroup2")?.target;
}

/**
 * A command for the argument list: makes a host, then runs what follows. `options` are those of a bind
 * remount.
 *
 * The hierarchy is bound: to mount it anew would take `nsdelegate` and its other options away from the
 * machine.
 */
export function inNamespace(options?: string): string[] {
  const steps = [];
  if (lacksCgroupV2() !== undefined) steps.push(`/bin/mount --bind ${besideV1()} /sys/fs/cgroup`);
  if (options !== undefined) steps.push(`/bin/mount -o remount,bind,${options} /sys/fs/cgroup`);
  const script = [...steps, 'exec "$@"'].join(" && ");
  return ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh"];
}

/** {@linkcode contract} on a v2 host; the test is told where the hierarchy is. */
export function contractV2(
  name: string,
  test: (box: Box, root: string, runtime: Runtime) => Promise<void>,
  options: ContractOptions = {},
): void {
  const host = v2Host();
  const title = `cgroup v2: ${name}`;
  if (typeof host === "string") return contract(title, () => Promise.resolve(), { ...options, skip: host });
  contract(title, (box, runtime) => test(box, host.root, runtime), { within: host.within, ...options });
}
