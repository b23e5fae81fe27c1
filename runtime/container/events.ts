/**
 * `events`: what a container uses, at intervals, and when the kernel runs out of its memory.
 * @module
 */
import { POLLIN } from "../../ffi/constants.ts";
import { EINVAL, ESRCH } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { type LiveCgroup, type OomWatch, openLive } from "../cgroups/live.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { exactJson } from "./exact_json.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";
import { oomEvent, statsEvent } from "./stats_json.ts";

/** Longest wait in one poll, so that a wait of days is no special case. */
const LONGEST_WAIT = 3_600_000;

/** Takes lines of output and of warnings. */
export interface EventSinks {
  print(line: string): void;
  warn(line: string): void;
}

/** Prints one sample. @throws {RuntimeError} when it cannot be taken. */
export async function printStats(state: ContainerState, { print }: EventSinks): Promise<void> {
  print((await sampler(state, await liveCgroup(state)))());
}

/**
 * Prints a sample at each interval and an event for each time that memory ran out, until the container's init has
 * ended or its cgroup is gone.
 *
 * @param interval Milliseconds, above 0.
 */
export async function streamEvents(
  state: ContainerState,
  interval: number,
  sinks: EventSinks,
): Promise<void> {
  const { id } = state;
  const cgroup = await liveCgroup(state);
  const sample = await sampler(state, cgroup);
  using oom = cgroup.watchOom();
  const init = openInit(state);
  if (init === undefined) return;
  const k = local();
  try {
    let next = performance.now() + interval;
    for (;;) {
      const ended = waitReadable(oom.descriptor, init, next - performance.now());
      if (!printOoms(id, oom, sinks) || ended) return;
      if (performance.now() < next) continue;
      printSample(sample, sinks);
      // A tick that was missed is not made up for.
      next = Math.max(next + interval, performance.now());
    }
  } finally {
    k.close(init);
  }
}

function liveCgroup({ cgroup }: ContainerState): Promise<LiveCgroup> {
  if (cgroup === null) {
    throw new RuntimeError("unable to get container cgroup stats: the container has no cgroup");
  }
  return openLive(cgroup);
}

/** Takes a sample, a line of JSON. @throws {RuntimeError} when it cannot be taken. */
type Sampler = () => string;

async function sampler({ id, resctrl }: ContainerState, cgroup: LiveCgroup): Promise<Sampler> {
  const measured = resctrl && await import("../cgroups/resctrl/stats.ts");
  return () => {
    try {
      return exactJson(statsEvent(id, cgroup.stats(), measured?.resctrlStats(resctrl!))) + "\n";
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      throw new RuntimeError(`unable to get container cgroup stats: ${reasonOf(error)}`);
    }
  };
}

/** A sample that cannot be taken is left out: the container may just be going. */
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

/** A pidfd of the container's init, which becomes readable when it ends: pidfd_open(2). Undefined when it has ended. */
function openInit(state: ContainerState): number | undefined {
  const k = local();
  const descriptor = k.call("pidfd_open", [state.pid, 0], { allow: [ESRCH, EINVAL] }).wait();
  if (descriptor < 0) return undefined;
  if (initAlive(state)) return descriptor;
  k.close(descriptor);
  return undefined;
}

/**
 * Waits until a descriptor is readable or the time is over: ppoll(2).
 *
 * @returns Whether the init has ended.
 */
function waitReadable(events: number, init: number, milliseconds: number): boolean {
  const k = local();
  const wait = Math.min(Math.max(milliseconds, 0), LONGEST_WAIT);
  const seconds = Math.floor(wait / 1000);
  return k.scratch(() => {
    const polled = k.buffer(16);
    // struct pollfd: int fd, short events, short revents.
    for (const [index, descriptor] of [events, init].entries()) {
      new DataView(polled.bytes.buffer, polled.bytes.byteOffset + index * 8).setInt32(0, descriptor, true);
      polled.bytes[index * 8 + 4] = POLLIN;
    }
    const nanoseconds = Math.ceil((wait - seconds * 1000) * 1e6);
    k.call("ppoll", [polled, 2, [seconds, Math.min(nanoseconds, 999_999_999)], 0, 0], {
      doing: "wait for events",
    });
    return polled.bytes[14] !== 0;
  });
}
