/** The thread of tests/lib/swapper.ts. */
import type { Order } from "./swapper.ts";

const AT_FDCWD = -100, RENAME_EXCHANGE = 2;

// int renameat2(int olddirfd, const char *oldpath, int newdirfd, const char *newpath, unsigned int flags);
const { symbols } = Deno.dlopen("libc.so.6", {
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
});

interface Scope {
  onmessage: ((event: { data: Order }) => void) | null;
  postMessage(message: unknown): void;
}
const scope = globalThis as unknown as Scope;

const text = (path: string) => new TextEncoder().encode(`${path}\0`);

scope.onmessage = ({ data: { place, other, shared } }) => {
  const counters = new Int32Array(shared);
  const from = text(place), to = text(other);
  while (Atomics.load(counters, 0) === 0) {
    if (symbols.renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) === 0) Atomics.add(counters, 1, 1);
  }
  scope.postMessage("done");
};
