/**
 * Hosts of other kinds for the sweeps: one of cgroup v2, and one whose systemd is a bus of the tests.
 * @module
 */
import { FakeBus } from "../../runtime/dbus/fake_testing.ts";
import { inNamespace, v2Host } from "../lib/v2_host.ts";
import type { Place } from "./place.ts";
import type { FaultHost } from "./scenarios.ts";

/** Why there is no host of cgroup v2; undefined where there is one. */
export function lacksV2(): string | undefined {
  const host = v2Host();
  return typeof host === "string" ? host : undefined;
}

/** A host of cgroup v2; on a machine with both, it has the controllers that v1 does not hold. */
export function onV2(): Promise<FaultHost> {
  return Promise.resolve({ within: inNamespace(), [Symbol.dispose]() {} });
}

/** A directory of its own for everything in /run, where the bus is systemd's socket. */
const RUN = `mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/system && : >/run/systemd/private &&
mount --bind "$1" /run/systemd/private && shift && exec "$@"`;

/**
 * A host whose systemd makes units, and says so, but moves no process: the first process of a container is in
 * all cgroups but that of systemd.
 */
export async function onSystemd(): Promise<FaultHost> {
  const text = { reply: ["v", [{ signature: "s", value: "252.1" }]] as [string, [never]] };
  const bus = await FakeBus.start({
    StartTransientUnit: [{ job: "done" }],
    StopUnit: [{ job: "done" }],
    Get: [text],
  });
  const unshare = ["/usr/bin/unshare", "--mount", "--propagation", "private"];
  return {
    within: [...unshare, "/bin/sh", "-c", RUN, "sh", bus.path],
    cgroupOf: ({ id, token }: Place) => `${token.replaceAll("-", "_")}.slice:tsrun:${id}`,
    [Symbol.dispose]: () => bus[Symbol.dispose](),
  };
}
