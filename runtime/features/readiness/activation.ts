/**
 * Socket activation: passes sockets of a service manager on to the container, see sd_listen_fds(3).
 * @module
 */

import { callerVariable, ownPid } from "../../host/caller.ts";

/** Looks up a variable of the environment. */
type Lookup = (name: string) => string | undefined;

/**
 * How many descriptors from 3 on a service manager has opened for this process.
 *
 * @returns 0 when there are none, or when they are for another process (`LISTEN_PID`).
 */
export function listenDescriptors(
  lookup: Lookup = (name) => callerVariable(name),
  pid: number = ownPid(),
): number {
  const count = lookup("LISTEN_FDS");
  if (!count || !/^\d+$/.test(count) || lookup("LISTEN_PID") !== String(pid)) return 0;
  return Number(count);
}

/**
 * The environment of a container's process with these sockets. As in runc, it names the process by the pid 1.
 */
export function withListenDescriptors(env: readonly string[] = [], count: number): string[] {
  return count === 0 ? [...env] : [...env, `LISTEN_FDS=${count}`, "LISTEN_PID=1"];
}
