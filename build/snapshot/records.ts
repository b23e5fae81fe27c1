/**
 * The records by which the entry makes the process of a snapshot: first what must be as it was, then the
 * memory, then the descriptors and what the kernel keeps of a thread.
 *
 * libc is told an end of the heap behind which no more can be had: the kernel has the heap of the new process
 * elsewhere, so all further memory comes from mmap(2).
 * @module
 */
import { CALL, PAGE } from "./calls.ts";
import { imageOf, recordConditions } from "./conditions.ts";
import { recordDescriptors } from "./descriptors.ts";
import { type Point, POINT_WORDS } from "./point.ts";
import { ARGUMENTS_BLOCK, ENVIRONMENT, FILE, Head, HEAD_SIZE } from "./head.ts";
import { MemoryRecorder, type Piece, recordVdso } from "./memory.ts";
import { descriptorsOf, mappingsOf, type MemoryOf } from "./process.ts";

/**
 * Records all of a stopped process.
 *
 * @param program The program of the entry itself, if that is the engine too: it is in memory already.
 * @returns The head, and what of the memory follows it in the file.
 */
export function recordProcess(
  pid: number,
  point: Point,
  digest: string,
  program: string | undefined,
  memory: MemoryOf,
): { head: Uint8Array<ArrayBuffer>; pieces: Piece[] } {
  const head = new Head(digest), mappings = mappingsOf(pid);
  const image = imageOf(program, mappings);
  recordConditions(head, point.second, image);
  const recorder = new MemoryRecorder(head, memory, image), pieces = recorder.record(mappings);
  recordVdso(head, mappings);
  recordDescriptors(head, descriptorsOf(pid));
  recordThread(head, pid, point, memory);
  recorder.recordImage();
  recordEnd(head, point);
  head.resume(memoryWord(memory, BigInt(point.block) + 8n * BigInt(POINT_WORDS.resume)), BigInt(point.block));
  const total = pieces.reduce((sum, { size }) => sum + size, HEAD_SIZE);
  return { head: head.finish(total), pieces };
}

function memoryWord(memory: MemoryOf, address: bigint): bigint {
  return new DataView(memory.read(address, 8).buffer).getBigInt64(0, true);
}

/** Bytes of the thread's control block in which its number is looked for: glibc's struct pthread. */
const THREAD_SIZE = 2304;
/** RSEQ_SIG of x86-64, and the size with which glibc registers. */
const RSEQ_SIGNATURE = 0x53053053, RSEQ_SIZE = 32;

/** What the kernel keeps of a thread, and of its process, beside memory and descriptors. */
function recordThread(head: Head, pid: number, point: Point, memory: MemoryOf): void {
  const thread = memoryWord(memory, BigInt(point.block) + 8n * BigInt(POINT_WORDS.thread));
  const block = new Int32Array(memory.read(thread, THREAD_SIZE).buffer);
  const at = block.indexOf(pid);
  if (at < 0 || block.indexOf(pid, at + 1) >= 0) {
    throw new Error("the thread's number is not where glibc has it");
  }
  const number = thread + BigInt(4 * at);
  const mine = head.call(CALL.set_tid_address, [number]);
  head.copy(number, mine.at, 4);
  const [robust, size] = point.robust;
  head.call(CALL.set_robust_list, [BigInt(robust), BigInt(size)]);
  if (point.rseq !== "0") {
    head.call(CALL.rseq, [thread + BigInt(point.rseq), RSEQ_SIZE, 0, RSEQ_SIGNATURE], true);
  }
  for (const [signal, action] of Object.entries(point.actions)) {
    head.call(CALL.rt_sigaction, [Number(signal), head.data(Uint8Array.fromHex(action)), 0, 8]);
  }
  head.call(CALL.sigaltstack, [head.data(Uint8Array.fromHex(point.alternateStack)), 0]);
}

/** Closes the file, and leaves in memory what is new in each process. */
function recordEnd(head: Head, point: Point): void {
  head.call(CALL.close, [{ at: FILE }]);
  const nowhere = head.words(-BigInt(PAGE));
  if (point.brk !== "0") head.copy(BigInt(point.brk), nowhere, 8);
  head.copy(BigInt(point.environ), ENVIRONMENT, 8);
  head.copy(BigInt(point.block) + 8n * BigInt(POINT_WORDS.arguments), ARGUMENTS_BLOCK, 8);
}
