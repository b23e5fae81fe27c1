/**
 * `events`: samples of a container's use at intervals, and an event each time that its memory ran out.
 * @module
 */
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { EINVAL, ESRCH } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { type LiveCgroup, loadResctrlStats, type OomWatch, openLive } from "../cgroups/mod.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { PollSet } from "../host/poll.ts";
import { exactJson } from "./exact_json.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";
import { oomEvent, statsEvent } from "./stats_json.ts";

/** Takes lines of output and of warnings. */
export interface EventSinks {
  print(line: string): void;
  warn(line: string): void;
}

/** Prints one sample. @throws {RuntimeError} when it cannot be taken. */
export async function printStats(
  k: LocalKernel,
  state: ContainerState,
  { print }: EventSinks,
): Promise<void> {
  print((await sampler(state, await liveCgroup(k, state)))());
}

/**
 * Prints a sample at each interval, and an event each time that memory ran out, until the container's init
 * has ended or its cgroup is gone.
 *
 * @param interval Milliseconds, above 0.
 */
export async function streamEvents(
  k: LocalKernel,
  state: ContainerState,
  interval: number,
  sinks: EventSinks,
): Promise<void> {
  const { id } = state;
  const cgroup = await liveCgroup(k, state);
  const sample = await sampler(state, cgroup);
  using oom = cgroup.watchOom(k);
  const init = openInit(k, state);
  if (init === undefined) return;
  const poll = new PollSet(k, [oom.descriptor, init]);
  try {
    let next = performance.now() + interval;
    for (;;) {
      const [, ended] = poll.wait(next - performance.now());
      if (!printOoms(id, oom, sinks) || ended !== 0) return;
      if (performance.now() < next) continue;
      printSample(sample, sinks);
      // A missed sample is not made up for.
      next = Math.max(next + interval, performance.now());
    }
  } finally {
    k.close(init);
  }
}

function liveCgroup(k: LocalKernel, { cgroup }: ContainerState): Promise<LiveCgroup> {
  if (cgroup === null) {
    throw new RuntimeError("unable to get container cgroup stats: the container has no cgroup");
  }
  return openLive(() => k, cgroup);
}

/** Takes a sample, a line of JSON. @throws {RuntimeError} when it cannot be taken. */
type Sampler = () => string;

async function sampler({ id, resctrl }: ContainerState, cgroup: LiveCgroup): Promise<Sampler> {
  const measured = resctrl && await loadResctrlStats();
  return () => {
    try {
      return exactJson(statsEvent(id, cgroup.stats(), measured?.resctrlStats(resctrl!))) + "\n";
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      throw new RuntimeError(`unable to get container cgroup stats: ${reasonOf(error)}`);
    }
  };
}

/** Leaves out a sample that cannot be taken: the container may be ending. */
function printSample(sample: Sampler, { print, warn }: EventSinks): void {
  let line: string;
  try {
    line = sample();
  } catch (error) {
    return warn(reasonOf(error));
  }
  print(line);
}

/** @returns Whether there may be more. */
function printOoms(id: string, oom: OomWatch, { print }: EventSinks): boolean {
  const { count, ended } = oom.take();
  for (let i = 0; i < count; i++) print(exactJson(oomEvent(id)) + "\n");
  return !ended;
}

/**
 * A pidfd of the container's init, which becomes readable when the init ends: pidfd_open(2). Undefined when
 * it has ended.
 */
function openInit(k: LocalKernel, state: ContainerState): number | undefined {
  const descriptor = pidfdOpen(k, state.pid, { allow: [ESRCH, EINVAL] });
  if (descriptor < 0) return undefined;
  if (initAlive(state)) return descriptor;
  k.close(descriptor);
  return undefined;
}
