import { assertEquals } from "@std/assert";
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_RELATIME,
  MOUNT_ATTR_STRICTATIME,
  parseMountOptions,
} from "../spec/mount_options.ts";
import { newMountAttributes, replacingAttributes } from "./mount_attributes.ts";

/** Flags of mount(2) for a list of options. */
const flagsOf = (...options: string[]) => parseMountOptions(options).flags;

const PLAIN = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC |
  MOUNT_ATTR_NOSYMFOLLOW;
const ATIME = MOUNT_ATTR__ATIME;
const TIMES = ATIME | MOUNT_ATTR_NODIRATIME;

/** Options, what they set, and whether times of access are theirs. */
const EXPECTED: readonly (readonly [options: string[], set: number, times: boolean])[] = [
  [["ro"], MOUNT_ATTR_RDONLY, false],
  [["nosuid"], MOUNT_ATTR_NOSUID, false],
  [["nodev"], MOUNT_ATTR_NODEV, false],
  [["noexec"], MOUNT_ATTR_NOEXEC, false],
  [["nosymfollow"], MOUNT_ATTR_NOSYMFOLLOW, false],
  [["rw"], 0, false],
  [["suid", "dev", "exec", "symfollow"], 0, false],
  [["sync"], 0, false],
  // What takes a way of keeping times back says nothing of how they are kept then.
  [["atime"], 0, false],
  [["norelatime", "nostrictatime", "diratime"], 0, false],
  [["noatime"], MOUNT_ATTR_NOATIME, true],
  [["strictatime"], MOUNT_ATTR_STRICTATIME, true],
  [["relatime"], MOUNT_ATTR_RELATIME, true],
  [["nodiratime"], MOUNT_ATTR_NODIRATIME, true],
  [["nodiratime", "strictatime"], MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_STRICTATIME, true],
  // The kernel's order, where several are asked for.
  [["noatime", "relatime"], MOUNT_ATTR_NOATIME, true],
  [["noatime", "strictatime"], MOUNT_ATTR_STRICTATIME, true],
  [["strictatime", "noatime", "relatime"], MOUNT_ATTR_STRICTATIME, true],
  [
    ["ro", "nosuid", "dev", "noatime"],
    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME,
    true,
  ],
  // Of contrary options the last one counts.
  [["ro", "rw"], 0, false],
  [["rw", "ro"], MOUNT_ATTR_RDONLY, false],
];

for (const [options, set, times] of EXPECTED) {
  Deno.test(`mount attributes: ${options} replace what is there`, () => {
    const plain = PLAIN & ~set;
    const clear = times ? plain | ATIME | (MOUNT_ATTR_NODIRATIME & ~set) : plain;
    assertEquals(replacingAttributes(flagsOf(...options)), { set, clear });
  });
  Deno.test(`mount attributes: ${options} of a new mount`, () => {
    assertEquals(newMountAttributes(flagsOf(...options)), set);
  });
}

Deno.test("mount attributes: never two values in the field of access times, and none cleared that is set", () => {
  for (let flags = 0; flags < 16; flags++) {
    const names = ["noatime", "relatime", "strictatime", "nodiratime"].filter((_, i) => flags & (1 << i));
    const { set, clear } = replacingAttributes(flagsOf(...names));
    assertEquals([0, MOUNT_ATTR_NOATIME, MOUNT_ATTR_STRICTATIME].includes(set & ATIME), true);
    assertEquals(clear & TIMES, names.length === 0 ? 0 : ATIME | (MOUNT_ATTR_NODIRATIME & ~set));
  }
});
