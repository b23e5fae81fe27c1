/**
 * The records of a snapshot's descriptors.
 * @module
 */
import { CALL, F_DUPFD_CLOEXEC, NONBLOCK_CLOEXEC, O_CLOEXEC, RLIMIT_NOFILE } from "./calls.ts";
import type { Head } from "./head.ts";
import type { Descriptor } from "./process.ts";
import { FIRST_DESCRIPTOR } from "./spawn.ts";

/** Makes the engine's descriptors, with the numbers that they had. */
export function recordDescriptors(head: Head, all: readonly Descriptor[]): void {
  // The engine sets its soft limit of open files to the hard one.
  const limit = head.room(16);
  head.call(CALL.prlimit64, [0, RLIMIT_NOFILE, 0, limit]);
  head.copy(limit, limit + 8, 8);
  head.call(CALL.prlimit64, [0, RLIMIT_NOFILE, limit, 0]);
  const own = all.filter(({ fd }) => fd >= FIRST_DESCRIPTOR);
  /** Makes a number of a descriptor that is there. */
  const take = (from: { at: number } | number, fd: number) => {
    const exact = head.open(CALL.fcntl, [from, F_DUPFD_CLOEXEC, fd]);
    head.compare(exact.at, head.words(BigInt(fd)), 8);
  };
  const make = (number: number, args: readonly number[], fd: number) => {
    const made = head.open(number, args);
    take(made, fd);
    head.call(CALL.close, [made]);
  };
  const made = new Map<string, number>();
  const polls: Descriptor[] = [];
  for (const descriptor of own) {
    const { fd, what, info } = descriptor, key = keyOf(descriptor), before = made.get(key);
    if (before !== undefined) take(before, fd);
    else if (what === "anon_inode:[eventpoll]") {
      make(CALL.epoll_create1, [O_CLOEXEC], fd);
      polls.push(descriptor);
    } else if (what === "anon_inode:[eventfd]") {
      make(CALL.eventfd2, [parseInt(/eventfd-count: +(\w+)/.exec(info)![1], 16), NONBLOCK_CLOEXEC], fd);
    } else if (what.startsWith("socket:")) {
      // Both ends are made when the first is met.
      const other = own.find((one) => one.what.startsWith("socket:") && one.what !== what);
      if (other === undefined) throw new Error("a socket of the engine has no other end");
      recordPair(head, [fd, other.fd], take);
      made.set(keyOf(other), other.fd);
      own.splice(own.indexOf(other), 1);
    } else {
      const stream = all.find(({ fd, what: its }) => fd < 3 && its === what);
      if (stream === undefined) throw new Error(`an unknown descriptor of the engine: ${what}`);
      take(stream.fd, fd);
      continue;
    }
    made.set(key, made.get(key) ?? fd);
  }
  for (const { fd, info } of polls) {
    for (const [, target, events, data] of info.matchAll(/tfd: +(\d+) events: +(\w+) data: +(\w+)/g)) {
      const event = new Uint8Array(16), view = new DataView(event.buffer);
      view.setUint32(0, parseInt(events, 16), true);
      view.setBigUint64(4, BigInt(`0x${data}`), true);
      head.call(CALL.epoll_ctl, [fd, 1, Number(target), head.data(event)]);
    }
  }
}

/** What two numbers of one descriptor have in common. */
export function keyOf({ fd, what, info }: Descriptor): string {
  if (what.startsWith("socket:")) return what;
  if (what === "anon_inode:[eventpoll]") {
    return `${what} ${info.replace(/^(pos|flags|mnt_id|ino):.*\n/gm, "")}`;
  }
  return `${what} ${fd}`;
}

/** A pair of sockets, at two numbers. */
function recordPair(
  head: Head,
  numbers: readonly number[],
  take: (from: { at: number }, fd: number) => void,
): void {
  const pair = head.room(8);
  head.call(CALL.socketpair, [1, 1 | NONBLOCK_CLOEXEC, 0, pair]);
  // Each number is half a word: copied to one of its own.
  const words = [0, 1].map((i) => {
    const at = head.room(8);
    head.copy(at, pair + 4 * i, 4);
    return { at };
  });
  numbers.forEach((fd, i) => take(words[i], fd));
  for (const word of words) head.call(CALL.close, [word]);
}
