/** Many mounts and masked paths: the calls are those of one mount, or of one path, after the other. */
import { assertEquals, assertThrows } from "@std/assert";
import { PROC_SUPER_MAGIC, S_IFCHR, S_IFDIR } from "../ffi/constants.ts";
import { ENOENT } from "../ffi/errno.ts";
import { type Answer, TestExecutor } from "../ffi/records_testing.ts";
import type { Mount } from "../spec/types.ts";
import { toolsForMany } from "./many.ts";
import { bind, ROOT, testContext, tmpfs } from "./mounts_testing.ts";
import { mountOne } from "./mounts.ts";
import { restrictPaths } from "./restricted_paths.ts";

/** Mounts all of a list; returns the calls. @param bulk Whether by the tools for many. */
function mountAll(
  mounts: readonly Mount[],
  bulk: boolean,
  answerOf: (executor: TestExecutor) => Answer,
): string[] {
  const executor: TestExecutor = new TestExecutor((...call) => answer(...call)), answer = answerOf(executor);
  const k = executor.kernel, context = testContext(ROOT, "/bundle"), many = toolsForMany();
  for (let i = 0; i < mounts.length; i++) {
    const made = bulk ? many.mount(k, context, mounts, i) : 0;
    if (made === 0) mountOne(k, context, mounts[i]);
    else i += made - 1;
    k.flush();
  }
  for (const check of context.steps["mount checks"]) check();
  return executor.calls;
}

const binds = (count: number, options: string[], more: Partial<Mount> = {}): Mount[] =>
  Array.from(
    { length: count },
    (_, i) => bind(options, { destination: `/in/../d${i}`, source: `/s/${i}`, ...more }),
  );

const LISTS: Record<string, Mount[]> = {
  "binds that become read-only": binds(150, ["bind", "ro"]),
  "binds with all below, and propagation": binds(20, ["rbind", "rro", "rslave"], { source: "relative" }),
  "different kinds": [
    ...binds(9, ["bind"]),
    tmpfs(),
    ...binds(3, ["bind", "ro"]),
    ...binds(12, ["bind", "nosuid"]),
    bind(["bind", "remount", "ro"]),
    bind(["rbind"], { destination: "/proc/meminfo" }),
    ...binds(30, ["bind", "nosuid"]),
  ],
};

for (const [what, mounts] of Object.entries(LISTS)) {
  Deno.test(`many: ${what} are made by the same calls`, () => {
    const answer = () => () => undefined;
    assertEquals(mountAll(mounts, true, answer), mountAll(mounts, false, answer));
  });
}

/** A rootfs in which nothing is until it is made. */
const empty = (executor: TestExecutor): Answer => {
  const made = new Set<unknown>();
  return (name, [, path], buffer) => {
    if (name === "mkdirat") made.add(`/${path}`);
    if (name === "statx") executor.memory.view.setUint16(buffer - executor.memory.base + 28, S_IFDIR, true);
    return name === "openat2" && String(path).startsWith("/d") && !made.has(path) ? -ENOENT : undefined;
  };
};

Deno.test("many: missing destinations are made, and ahead of the question where some were missing", () => {
  const calls = mountAll(binds(40, ["bind"]), true, empty);
  const count = (start: string) => calls.filter((call) => call.startsWith(start)).length;
  assertEquals([count("mkdirat"), count("move_mount")], [40, 40]);
  // The first eight are asked for, found missing, made, and asked for again.
  assertEquals(calls.filter((call) => /^openat2\(3, \/d.* = -2$/.test(call)).length, 8);
});

Deno.test("many: a link into /proc is refused, and named", () => {
  assertThrows(
    () =>
      mountAll(binds(40, ["bind"]), true, ({ memory }) => {
        let last: unknown;
        return (name, [, path], buffer) => {
          if (name === "openat2") last = path;
          if (name === "fstatfs" && last === "/d21") memory.setU64(buffer, PROC_SUPER_MAGIC);
          return undefined;
        };
      }),
    Error,
    '"/d21" cannot be mounted because it is inside /proc',
  );
});

/** Masks 300 paths, of which some are files and some are missing. */
function maskAll(bulk: boolean): string[] {
  const executor: TestExecutor = new TestExecutor((name, [fd, path], buffer) => {
    const { view, base } = executor.memory, at = buffer - base;
    if (name === "openat2") return path === "/dev/null" ? 7 : /5$/.test(String(path)) ? -ENOENT : undefined;
    if (name !== "statx") return undefined;
    if (fd === 7) {
      view.setUint32(at + 128, 1, true);
      view.setUint32(at + 132, 3, true);
    }
    view.setUint16(at + 28, fd === 7 || Number(fd) % 40 === 0 ? S_IFCHR : S_IFDIR, true);
    return undefined;
  });
  const paths = Array.from({ length: 300 }, (_, i) => `/m/${i}`);
  restrictPaths(executor.kernel, ROOT, paths, ["/r/1", "/r/2"], undefined, bulk ? toolsForMany() : undefined);
  executor.kernel.flush();
  return executor.calls;
}

Deno.test("many: directories, files and what is missing are masked by the same calls", () => {
  const calls = maskAll(true);
  assertEquals(calls, maskAll(false));
  assertEquals(calls.filter((call) => call.startsWith("move_mount")).length, 270 + 2);
});
