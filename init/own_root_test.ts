import { assertEquals } from "@std/assert";
import { AT_RECURSIVE, MNT_DETACH } from "../ffi/constants.ts";
import { Buffer } from "../ffi/memory.ts";
import { MS_SLAVE } from "../spec/mount_options.ts";
import { callsOf, lines, names, scripted } from "../tests/lib/scripted.ts";
import { uncoverRoot } from "./own_root.ts";

/** A host with so many mounts over its root, of which umount2(2) takes the topmost. */
function covered(times: number) {
  return scripted({
    statx: (_dir, path, _flags, _mask, buffer) => {
      const id = path === "/.." ? 1 + times : 1;
      if (buffer instanceof Buffer) buffer.memory.setU64(buffer.address + 144, id);
      return 0;
    },
    umount2: () => {
      times--;
      return 0;
    },
  });
}

Deno.test("uncover: every mount over the root goes, in a mount namespace that the host does not hear of", () => {
  const k = covered(2);
  uncoverRoot(k);
  assertEquals(names(k)[0], "unshare");
  const umount = `umount2 "/" ${MNT_DETACH}`;
  assertEquals(lines(k, "umount2"), [umount, umount]);
  assertEquals(
    callsOf(k, "mount_setattr").map(({ args: [, path, flags, words] }) => [
      path,
      ((flags as number) & AT_RECURSIVE) !== 0,
      (words as number[])[2] === MS_SLAVE,
    ]),
    [["/", false, true], ["/..", true, true], ["/..", true, true]],
  );
});

Deno.test("uncover: where nothing covers it, nothing is unmounted", () => {
  const k = covered(0);
  uncoverRoot(k);
  assertEquals(lines(k, "umount2"), []);
});
