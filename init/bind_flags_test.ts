import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { EPERM } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { Buffer } from "../ffi/memory.ts";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MS_NODEV,
  MS_REMOUNT,
} from "../spec/mount_options.ts";
import { callsOf, failing, names, type Script } from "../tests/lib/scripted.ts";
import { attributes, bind, mounted, newContext, tmpfs } from "./mounts_testing.ts";

/** Answers fstatfs(2): flags that a mount has. */
const flagged = (flags: number): Script => ({
  fstatfs: (_fd, buffer) => {
    if (buffer instanceof Buffer) buffer.memory.setU64(buffer.address + 80, flags);
    return 0;
  },
});

Deno.test("bind: flags that are locked and that no option speaks of are kept", () => {
  const script = { mount_setattr: failing(EPERM), ...flagged(1 | 4 | 4096) };
  const k = mounted(bind(["bind", "nosuid"]), script);
  assertEquals(attributes(k).at(-1), {
    set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
    clear: MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOSYMFOLLOW | MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME,
    propagation: 0,
    below: false,
  });
});

Deno.test("bind: an option that speaks against a locked flag is an error that names it", () => {
  const cases: [string[], number, string][] = [
    [["bind", "rw", "exec"], 1 | 4 | 8, "MS_RDONLY|MS_NOEXEC locked: cannot clear locked flags of"],
    [["bind", "atime"], 1024, "MS_NOATIME locked: cannot clear locked flags of"],
    [["bind", "noatime"], 4096, "MS_RELATIME locked: cannot clear locked flags of"],
    [["bind", "relatime"], 0, "MS_STRICTATIME locked: cannot clear locked flags of"],
    [["bind", "noatime"], 1024 | 2048, "atime flags MS_NOATIME|MS_NODIRATIME locked: cannot clear"],
  ];
  for (const [options, shown, text] of cases) {
    const run = () => mounted(bind(options), { mount_setattr: failing(EPERM), ...flagged(shown) });
    const { message } = assertThrows(run, OperationError);
    assertStringIncludes(message, `error mounting "/src" to rootfs at "/data": mount "/src" to "/data"`);
    assertStringIncludes(message, text);
    assertStringIncludes(message, "operation not permitted");
  }
});

Deno.test("remount: with bind, the flags of what is there are replaced, and nothing is mounted", () => {
  const k = mounted(bind(["bind", "remount", "ro"]));
  assertEquals(names(k), ["openat2", "mount_setattr", "close"]);
  assertEquals((attributes(k)[0] as { set: number }).set, MOUNT_ATTR_RDONLY);
  assertEquals(attributes(mounted(bind(["bind", "remount"]))).length, 1);
});

Deno.test("remount: without bind the filesystem is asked too, and a tmpfs is read-only in the end", () => {
  const context = newContext();
  const k = mounted(tmpfs(["remount", "size=64k", "ro", "nodev"]), {}, context);
  assertEquals(names(k), ["openat2", "fchdir", "mount", "chdir"]);
  assertEquals(callsOf(k, "mount")[0].args, ["tmpfs", ".", "tmpfs", MS_REMOUNT | MS_NODEV, "size=64k"]);
  assertEquals(context.steps["read-only mounts"].length, 1);
});
