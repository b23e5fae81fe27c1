/**
 * Notifications of the v1 memory controller: kernel document admin-guide/cgroup-v1/memory.rst, "OOM Control".
 * @module
 */
import { Descriptor } from "../../../ffi/descriptor.ts";
import { O_RDONLY } from "../../../ffi/constants.ts";
import { makeEventfd, takeEvents } from "../../../ffi/watches.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupFs } from "../fs.ts";
import type { OomNews, OomWatch } from "../types.ts";

/**
 * Asks the kernel to count out-of-memory events into an eventfd.
 *
 * The kernel also adds one when the cgroup is removed, and drops the registration.
 *
 * @param dir Directory of the memory controller.
 * @throws {RuntimeError}
 */
export function watchOom(k: LocalKernel, fs: CgroupFs, dir: string): OomWatch {
  const control = "cgroup.event_control";
  try {
    using opened = new DisposableStack();
    const { fd: events } = opened.use(new Descriptor(k, makeEventfd(k)));
    const { fd: file } = opened.use(new Descriptor(k, k.open(`${dir}/memory.oom_control`, O_RDONLY)));
    fs.write(dir, control, `${events} ${file}`);
    const kept = opened.move();
    return {
      descriptor: events,
      take: () => take(k, events, () => fs.exists(dir, control)),
      [Symbol.dispose]: () => kept.dispose(),
    };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw new RuntimeError("ENOENT_OOM_EVENTS", `watch ${dir}/memory.oom_control: ${error.message}`);
  }
}

function take(k: LocalKernel, events: number, stillThere: () => boolean): OomNews {
  const count = takeEvents(k, events);
  if (count === 0) return { count, ended: false };
  const ended = !stillThere();
  return { count: count - (ended ? 1 : 0), ended };
}
