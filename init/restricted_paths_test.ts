import type { Buffer } from "../ffi/memory.ts";
import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  STATX_ATTR_MOUNT_ROOT,
} from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import { EACCES, EAGAIN, ENOENT } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import { MOUNT_ATTR_RDONLY } from "../spec/mount_options.ts";
import { callsOf, names, type Script, scripted, stat } from "../tests/lib/scripted.ts";
import { restrictPaths } from "./restricted_paths.ts";

const ROOT = 3;

/** Files by path: their mode and device numbers; what is not here does not exist. */
type Files = Readonly<Record<string, readonly [mode: number, major?: number, minor?: number]>>;
const NULL: Files = { "/dev/null": [S_IFCHR, 1, 3] };

function restricted(files: Files, masked: string[], readonly: string[], script: Script = {}): DryKernel {
  const paths = new Map<number, string>();
  let next = 100;
  const k = scripted({
    openat2: (_dir, path) => {
      if (!(path as string in files)) return -ENOENT;
      paths.set(next, path as string);
      return next++;
    },
    statx: (...args: Arg[]) => {
      const file = files[paths.get(args[0] as number) ?? ""];
      return file ? stat(...file)(...args) : -9;
    },
    open_tree: () => next++,
    fsopen: () => next++,
    fsmount: () => next++,
    ...script,
  });
  restrictPaths(k, ROOT, masked, readonly);
  return k;
}

Deno.test("restricted paths: none, nothing is done", () => {
  assertEquals(restricted({}, [], []).calls, []);
});

Deno.test("restricted paths: everything is opened in the root before anything is mounted", () => {
  const k = restricted({ ...NULL, "/a": [S_IFREG], "/b": [S_IFDIR] }, ["/a"], ["/b"]);
  const opened = callsOf(k, "openat2");
  assertEquals(opened.map(({ args }) => args[1]), ["/a", "/b", "/dev/null"]);
  for (const { args } of opened) {
    assertEquals(args[0], ROOT);
    assertEquals((args[2] as number[])[2], RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  }
  assertEquals(names(k).lastIndexOf("openat2") < names(k).indexOf("open_tree"), true);
});

Deno.test("read-only paths: bound onto themselves, read-only with all below before they are seen", () => {
  const k = restricted({ "/b": [S_IFDIR] }, [], ["/b"]);
  assertEquals(names(k).slice(2), ["open_tree", "mount_setattr", "move_mount", "close", "close"]);
  assertEquals(callsOf(k, "open_tree")[0].args, [
    100,
    "",
    OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH | OPEN_TREE_CLOEXEC,
  ]);
  const [, , flags, words] = callsOf(k, "mount_setattr")[0].args;
  assertEquals((flags as number) & AT_RECURSIVE, AT_RECURSIVE);
  assertEquals(words, [MOUNT_ATTR_RDONLY, 0, 0, 0]);
  assertEquals(callsOf(k, "move_mount")[0].args[2], 100);
});

Deno.test("read-only paths: a mount, such as the root itself, is made read-only as it is", () => {
  const k = restricted({}, [], ["/"], {
    openat2: 100,
    statx: (...args) => {
      const { bytes } = args[4] as Buffer;
      bytes[9] = STATX_ATTR_MOUNT_ROOT >> 8;
      return 0;
    },
  });
  assertEquals(names(k).slice(2), ["mount_setattr", "close"]);
  assertEquals(callsOf(k, "mount_setattr")[0].args.slice(0, 2), [100, ""]);
});

Deno.test("masked paths: files get the container's null device", () => {
  const k = restricted({ ...NULL, "/a": [S_IFREG], "/b": [S_IFREG] }, ["/a", "/b"], []);
  const nullDevice = 102;
  assertEquals(callsOf(k, "open_tree").map(({ args }) => args[0]), [nullDevice, nullDevice]);
  assertEquals(callsOf(k, "move_mount").map(({ args }) => args[2]), [100, 101]);
});

Deno.test("masked paths: directories share one empty read-only tmpfs", () => {
  const k = restricted({ ...NULL, "/a": [S_IFDIR], "/b": [S_IFDIR] }, ["/a", "/b"], []);
  assertEquals(callsOf(k, "fsopen").map(({ args }) => args[0]), ["tmpfs"]);
  assertEquals(callsOf(k, "fsmount")[0].args[2], MOUNT_ATTR_RDONLY);
  const [first, second] = callsOf(k, "move_mount").map(({ args }) => [args[0], args[2]]);
  const copy = callsOf(k, "open_tree");
  assertEquals([first[1], second[1]], [100, 101]);
  // The second one is a copy of the first.
  assertEquals([copy.length, copy[0].args[0]], [1, first[0]]);
});

Deno.test("restricted paths: what does not exist is skipped, what is named twice is done once", () => {
  const k = restricted({ ...NULL, "/a": [S_IFREG] }, ["/none", "/a", "/a"], ["/none"]);
  assertEquals(callsOf(k, "move_mount").length, 1);
});

Deno.test("restricted paths: a path that cannot be opened for another reason is an error", () => {
  for (
    const [masked, readonly, list] of [[["/x"], [], "maskedPaths"], [[], ["/x"], "readonlyPaths"]] as const
  ) {
    assertThrows(
      () => restricted({}, [...masked], [...readonly], { openat2: -EACCES }),
      OperationError,
      `linux.${list}: open "/x": permission denied`,
    );
  }
});

Deno.test("masked paths: the null device is opened itself, not what a link there leads to", () => {
  const k = restricted({ ...NULL, "/a": [S_IFREG] }, ["/a"], []);
  const [flags] = callsOf(k, "openat2")[1].args[2] as number[];
  assertEquals(flags & (O_NOFOLLOW | O_PATH), O_NOFOLLOW | O_PATH);
});

for (
  const [what, file] of [
    ["a file", [S_IFREG]],
    ["another device", [S_IFCHR, 1, 5]],
    ["a block device", [S_IFBLK, 1, 3]],
    ["a link", [S_IFLNK]],
  ] as const
) {
  Deno.test(`masked paths: ${what} in place of the null device masks nothing`, () => {
    assertThrows(
      () => restricted({ "/dev/null": file, "/a": [S_IFREG] }, ["/a"], []),
      Error,
      "/dev/null of the container is not the null device",
    );
  });
}

Deno.test("masked paths: without a null device files cannot be masked, directories can", () => {
  assertThrows(
    () => restricted({ "/a": [S_IFREG] }, ["/a"], []),
    OperationError,
    'mask paths: open "/dev/null": no such file or directory',
  );
  assertEquals(callsOf(restricted({ "/a": [S_IFDIR] }, ["/a"], []), "move_mount").length, 1);
});

Deno.test("restricted paths: one that could not be resolved while mounts changed is resolved again", () => {
  let busy = 3;
  const k = scripted({
    openat2: (_root, path) => path === "/link/../dir" && busy-- > 0 ? -EAGAIN : undefined,
    statx: stat(S_IFDIR),
  });
  restrictPaths(k, 5, [], ["/link/../dir", "/other"]);
  assertEquals(callsOf(k, "openat2").filter(({ args }) => args[1] === "/link/../dir").length, 4);
  assertEquals(callsOf(k, "move_mount").length, 2);
});
