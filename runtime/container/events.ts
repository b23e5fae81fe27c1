/**
 * `events`: samples of a container's use at intervals, and an event each time that its memory ran out.
 * @module
 */
import { Descriptor } from "../../ffi/descriptor.ts";
import { pidfdOpen } from "../../ffi/pidfd.ts";
import { EINVAL, ESRCH } from "../../ffi/errno.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { type LiveCgroup, loadResctrlStats, openLive } from "../cgroups/mod.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { PollSet } from "../host/poll.ts";
import { exactJson } from "./exact_json.ts";
import type { ContainerState } from "./record.ts";
import { initAlive } from "./status.ts";
import { type ContainerSample, oomEvent, type OutOfMemory, statsEvent } from "./stats_json.ts";

export type { ContainerSample, OutOfMemory };

/** Takes lines of output and of warnings. */
export interface EventSinks {
  print(line: string): void;
  warn(line: string): void;
}

/** Takes one sample. @throws {RuntimeError} when it cannot be taken. */
export async function sampleContainer(k: LocalKernel, state: ContainerState): Promise<ContainerSample> {
  return (await sampler(state, await liveCgroup(k, state)))();
}

/** Makes a line of an event. */
export type ShowEvent<T extends ContainerEvent = ContainerEvent> = (event: T) => string;

/** The line that clients read. */
function jsonLine(event: ContainerEvent): string {
  return exactJson(event) + "\n";
}

/** Prints one sample. @throws {RuntimeError} when it cannot be taken. */
export async function printStats(
  k: LocalKernel,
  state: ContainerState,
  { print }: EventSinks,
  show: ShowEvent<ContainerSample> = jsonLine,
): Promise<void> {
  print(show(await sampleContainer(k, state)));
}

/** An event as `events` prints it: a sample, or that memory ran out. */
export type ContainerEvent = ContainerSample | OutOfMemory;

/** Waits for descriptors, for so many milliseconds at most. */
type Wait = (poll: PollSet, milliseconds: number) => number[] | Promise<number[]>;

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
  { print, warn }: EventSinks,
  show: ShowEvent = jsonLine,
): Promise<void> {
  const events = watchContainer(k, state, interval, warn, (poll, time) => poll.wait(time));
  for await (const event of events) print(show(event));
}

/**
 * The same events, one by one.
 *
 * @param interval Milliseconds, above 0.
 * @param warn Called with the reason if a sample cannot be taken.
 * @param wait Waits while the event loop goes on, or while it stands still.
 */
export async function* watchContainer(
  k: LocalKernel,
  state: ContainerState,
  interval: number,
  warn: (reason: string) => void,
  wait: Wait = (poll, milliseconds) => poll.inBackground(milliseconds),
): AsyncGenerator<ContainerEvent> {
  const { id } = state;
  const cgroup = await liveCgroup(k, state);
  const sample = await sampler(state, cgroup);
  using oom = cgroup.watchOom(k);
  // It becomes readable when the init ends.
  using init = new Descriptor(k, pidfdOpen(k, state.pid, { allow: [ESRCH, EINVAL] }));
  if (init.fd < 0 || !initAlive(state)) return;
  const poll = new PollSet(k, [oom.descriptor, init.fd]);
  let next = performance.now() + interval;
  for (;;) {
    const [, ended] = await wait(poll, next - performance.now());
    const news = oom.take();
    for (let i = 0; i < news.count; i++) yield oomEvent(id);
    if (news.ended || ended !== 0) return;
    if (performance.now() < next) continue;
    const taken = sampleOrWarn(sample, warn);
    if (taken !== undefined) yield taken;
    // A missed sample is not made up for.
    next = Math.max(next + interval, performance.now());
  }
}

function liveCgroup(k: LocalKernel, { cgroup }: ContainerState): Promise<LiveCgroup> {
  if (cgroup === null) {
    throw new RuntimeError(
      "ENOENT_CGROUP",
      "unable to get container cgroup stats: the container has no cgroup",
    );
  }
  return openLive(() => k, cgroup);
}

/** Takes a sample. @throws {RuntimeError} when it cannot be taken. */
type Sampler = () => ContainerSample;

async function sampler({ id, resctrl }: ContainerState, cgroup: LiveCgroup): Promise<Sampler> {
  const measured = resctrl && await loadResctrlStats();
  return () => {
    try {
      return statsEvent(id, cgroup.stats(), measured?.resctrlStats(resctrl!));
    } catch (error) {
      if (!(error instanceof RuntimeError)) throw error;
      throw new RuntimeError("EIO_CGROUP_STATS", `unable to get container cgroup stats: ${reasonOf(error)}`);
    }
  };
}

/** Leaves out a sample that cannot be taken: the container may be ending. */
function sampleOrWarn(sample: Sampler, warn: (reason: string) => void): ContainerSample | undefined {
  try {
    return sample();
  } catch (error) {
    warn(reasonOf(error));
    return undefined;
  }
}
