/**
 * Memory that `exec` needs: how far above what a container holds its limit must be for `exec /bin/true` to
 * succeed.
 *
 * What the cgroup's counters show will not do: each CPU is charged for 64 pages in advance, so one sample
 * says 0 and the next 512 KiB. Below a limit the kernel charges page by page, and what was charged in advance
 * can be given back (`memory.force_empty`, cgroup v1 only).
 */
import { CommandError, type Subject } from "./cases.ts";
import { hostController, type LimitSearch, type MemoryResult, smallest } from "./memory.ts";
import { rest } from "./rounds.ts";

const HIGHEST_ROOM = 64 << 20;
const TIMEOUT = 5_000;
/** More than any runtime needs to create a container. */
const WIDE = 256 << 20;

/** Measures it, and puts it or its failure into the result. */
export async function addExecRoom(
  result: MemoryResult,
  subject: Subject,
  search: LimitSearch,
  signal: AbortSignal,
): Promise<void> {
  try {
    result.execRoom = await smallestExecRoom(subject, search, signal);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    result.failure ??= error.message;
  }
}

/** The least room (bytes) in which `exec /bin/true` exits with 0, or null; undefined without cgroup v1. */
async function smallestExecRoom(
  subject: Subject,
  search: LimitSearch,
  signal: AbortSignal,
): Promise<number | null | undefined> {
  const controller = hostController();
  if (controller?.limit !== "memory.limit_in_bytes") return undefined;
  const { point, usage, limit } = controller;
  const file = (name: string) => `${point}${subject.cgroup}/${name}`;
  const works = async (room: number) => {
    for (let repeat = 0; repeat < search.repeats; repeat++) {
      // A new one each time: where memory ran out, the kernel may have ended the container.
      const id = subject.nextId();
      subject.create(id);
      Deno.writeTextFileSync(file("memory.force_empty"), "0");
      Deno.writeTextFileSync(file(limit), `${Number(Deno.readTextFileSync(file(usage))) + room}`);
      const { code } = subject.attempt(["exec", id, "/bin/true"], TIMEOUT);
      subject.discard();
      await rest(20, signal);
      if (code !== 0) return false;
    }
    return true;
  };
  subject.configure(WIDE);
  try {
    return await smallest(search.step, HIGHEST_ROOM, search.step, works);
  } finally {
    subject.discard();
    subject.configure();
  }
}
