/**
 * Helpers of the unit tests in this directory.
 * @module
 */
import { type ContainerState, timestamp } from "./record.ts";
import { startTimeOf } from "../host/process.ts";

/** A record of a container that never had a process. */
export function sampleState(id: string, changes: Partial<ContainerState> = {}): ContainerState {
  return {
    version: 1,
    id,
    ociVersion: "1.3.0",
    bundle: "/b",
    rootfs: "/b/rootfs",
    created: timestamp(),
    owner: 0,
    pid: 0,
    startTime: "",
    pidNamespace: true,
    cgroupClaimed: true,
    noNewKeyring: false,
    cgroup: null,
    annotations: {},
    ...changes,
  };
}

/** Runs a test with an empty directory, a state root mostly, which is removed afterwards. */
export function withRoot<T>(test: (root: string) => T): T {
  const root = Deno.makeTempDirSync();
  const clean = () => Deno.removeSync(root, { recursive: true });
  let pending = false;
  try {
    const result = test(root);
    pending = result instanceof Promise;
    return pending ? (result as Promise<unknown>).finally(clean) as T : result;
  } finally {
    if (!pending) clean();
  }
}

/**
 * Runs a test with a process that only sleeps, and that is ended and reaped afterwards. `program` is
 * sleep(1), or a copy of it.
 */
export async function withProcess(
  test: (
    process: { pid: number; startTime: string; status: Promise<Deno.CommandStatus> },
  ) => void | Promise<void>,
  program = "sleep",
): Promise<void> {
  const child = new Deno.Command(program, { args: ["60"], stdin: "null" }).spawn();
  try {
    await test({ pid: child.pid, startTime: startTimeOf(child.pid)!, status: child.status });
  } finally {
    try {
      child.kill("SIGKILL");
    } catch { /* ended already */ }
    await child.status;
  }
}
