import { assertEquals } from "@std/assert";
import * as m from "../spec/mount_options.ts";
import { mountAttributes } from "./mount_attributes.ts";

/** Attributes for a list of options. */
function of(...options: string[]): { set: number; clear: number } {
  const { flags, cleared } = m.parseMountOptions(options);
  return mountAttributes(flags, cleared);
}

const ATIME = m.MOUNT_ATTR__ATIME;
const EXPECTED: readonly (readonly [option: string, set: number, clear: number])[] = [
  ["ro", m.MOUNT_ATTR_RDONLY, 0],
  ["rw", 0, m.MOUNT_ATTR_RDONLY],
  ["nosuid", m.MOUNT_ATTR_NOSUID, 0],
  ["suid", 0, m.MOUNT_ATTR_NOSUID],
  ["nodev", m.MOUNT_ATTR_NODEV, 0],
  ["dev", 0, m.MOUNT_ATTR_NODEV],
  ["noexec", m.MOUNT_ATTR_NOEXEC, 0],
  ["exec", 0, m.MOUNT_ATTR_NOEXEC],
  ["nodiratime", m.MOUNT_ATTR_NODIRATIME, 0],
  ["diratime", 0, m.MOUNT_ATTR_NODIRATIME],
  ["nosymfollow", m.MOUNT_ATTR_NOSYMFOLLOW, 0],
  ["symfollow", 0, m.MOUNT_ATTR_NOSYMFOLLOW],
  // Access times are one field, which must be cleared whole for any of it to change.
  ["noatime", m.MOUNT_ATTR_NOATIME, ATIME],
  ["strictatime", m.MOUNT_ATTR_STRICTATIME, ATIME],
  ["relatime", m.MOUNT_ATTR_RELATIME, ATIME],
  ["atime", 0, ATIME],
  ["nostrictatime", 0, ATIME],
  ["norelatime", 0, ATIME],
  ["bind", 0, 0],
  ["sync", 0, 0],
  ["size=1k", 0, 0],
];

for (const [option, set, clear] of EXPECTED) {
  Deno.test(`mount attributes: ${option}`, () => assertEquals(of(option), { set, clear }));
}

Deno.test("mount attributes: several are added up", () => {
  assertEquals(of("ro", "nosuid", "dev", "noatime"), {
    set: m.MOUNT_ATTR_RDONLY | m.MOUNT_ATTR_NOSUID | m.MOUNT_ATTR_NOATIME,
    clear: m.MOUNT_ATTR_NODEV | ATIME,
  });
});

Deno.test("mount attributes: of contrary options the last one counts", () => {
  assertEquals(of("ro", "rw"), { set: 0, clear: m.MOUNT_ATTR_RDONLY });
  assertEquals(of("rw", "ro"), { set: m.MOUNT_ATTR_RDONLY, clear: 0 });
});

Deno.test("mount attributes: never two values in the field of access times", () => {
  for (const options of [["strictatime", "noatime"], ["noatime", "strictatime", "relatime"]]) {
    const { set, clear } = of(...options);
    assertEquals(clear, ATIME);
    assertEquals([0, m.MOUNT_ATTR_NOATIME, m.MOUNT_ATTR_STRICTATIME].includes(set & ATIME), true);
  }
});
