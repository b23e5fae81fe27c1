/** Copied records against the same ones recorded one by one. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AT_FDCWD, O_PATH, STATX_BASIC_STATS } from "./constants.ts";
import { ENOENT, ENOTDIR } from "./errno.ts";
import { type Fd, OperationError, Settled } from "./kernel.ts";
import { Label } from "./recorder.ts";
import type { RemoteKernel } from "./remote.ts";
import { type Answer, TestExecutor } from "./records_testing.ts";
import { markFd, markText, stamp, type Value } from "./stencil.ts";
import { STATX_SIZE } from "./structs.ts";

interface Item {
  path: string;
  fd: number;
}

const ITEMS: readonly Item[] = Array.from(
  { length: 40 },
  (_, i) => ({ path: `/a/${i % 7}ä${i}`, fd: 1000 + i }),
);
const MARKS: readonly Value[] = [markText("path"), markFd()];
const valuesOf = ({ path, fd }: Item): Value[] => [path, new Settled(fd)];

/** Calls with all that a record can have: texts, descriptors, results, a structure, a buffer, labels. */
function calls(k: RemoteKernel, outer: Fd, [path, fd]: readonly Value[], { path: name }: Item): void {
  k.during(`use ${name}`, () => {
    const file = new Label(), done = new Label();
    const opened = k.call("openat2", [outer, path as string, [O_PATH, 0, 8], 24], { onError: file });
    k.statx(opened, "", k.buffer(STATX_SIZE), { allow: "any" });
    k.jump(done);
    k.place(file);
    k.openat(fd as Fd, path as string, O_PATH, 0o600, {
      repair(errno) {
        if (errno !== ENOENT) throw new OperationError("openat", errno, "", "");
        k.mkdirat(AT_FDCWD, `${name}/mended`, 0o755);
        return "retry";
      },
    });
    k.place(done);
    k.close(opened);
  });
}

/** Runs all items and returns the calls that were made. */
function run(copied: boolean, answer: Answer, step: (k: RemoteKernel) => void = (k) => k.flush()): string[] {
  const executor = new TestExecutor(answer), k = executor.kernel;
  const outer = k.openTree(AT_FDCWD, "/outer", 0);
  if (copied) stamp(k, MARKS, ITEMS, valuesOf, (values, item) => calls(k, outer, values, item));
  else for (const item of ITEMS) calls(k, outer, valuesOf(item), item);
  k.close(outer);
  step(k);
  return executor.calls;
}

const same = (answer: () => Answer) => {
  const calls = run(true, answer());
  assertEquals(calls, run(false, answer()));
  return calls;
};

Deno.test("stencil: copies make the calls that records make", () => {
  assertEquals(same(() => () => undefined).length, 2 + 3 * ITEMS.length);
  // Each third item takes the other branch.
  same(() => (name, [, path]) =>
    name === "openat2" && Number(String(path).slice(6)) % 3 === 0 ? -ENOTDIR : undefined
  );
});

Deno.test("stencil: a record that fails is repaired with the values of its item, and what follows runs", () => {
  const calls = same(() => {
    const failed = new Set<unknown>();
    return (name, [, path]) => {
      if (name === "openat2" && String(path).endsWith("3")) return -ENOTDIR;
      if (name !== "openat" || failed.has(path)) return undefined;
      failed.add(path);
      return -ENOENT;
    };
  });
  assert(calls.some((call) => call.startsWith(`mkdirat(${AT_FDCWD}, /a/3ä3/mended,`)), calls.join("\n"));
  assertEquals(calls.filter((call) => call.startsWith("mkdirat")).length, 4);
});

Deno.test("stencil: a failure names the step of its item", () => {
  const answer: Answer = (name, [, path]) =>
    name === "openat2" && String(path).endsWith("17") || name === "openat" ? -ENOTDIR : undefined;
  for (const copied of [false, true]) {
    assertThrows(
      () => run(copied, answer),
      OperationError,
      "use /a/3ä17: not a directory",
    );
  }
});

Deno.test("stencil: answers and buffers are those of the item", () => {
  const executor = new TestExecutor((name, [fd], buffer) => {
    if (name === "statx") executor.memory.setU64(buffer, Number(fd));
    return undefined;
  });
  const k = executor.kernel;
  k.reusing(() => {
    const copies = stamp(k, MARKS, ITEMS, valuesOf, ([path]) => {
      const opened = k.openat(AT_FDCWD, path as string, O_PATH);
      k.statx(opened, "", k.buffer(STATX_SIZE), {}, 0, STATX_BASIC_STATS);
    });
    k.flush();
    for (const i of ITEMS.keys()) {
      assertEquals([copies.answer(i, 0), copies.buffer(i, 8).u64(0)], [100 + i, 100 + i]);
    }
  });
  // The memory is clean for what comes next.
  k.openat(AT_FDCWD, "/last", O_PATH);
  k.flush();
  assertEquals(executor.calls.at(-1), `openat(${AT_FDCWD}, /last, ${O_PATH | 0o2000000}, 0) = 140`);
});

Deno.test("stencil: a text with a NUL byte inside is refused", () => {
  const { kernel: k } = new TestExecutor();
  const items: Item[] = [...ITEMS, { path: "/a\0b", fd: 1 }];
  assertThrows(
    () => stamp(k, MARKS, items, valuesOf, ([path]) => void k.openat(AT_FDCWD, path as string, O_PATH)),
    Error,
    "NUL",
  );
});
