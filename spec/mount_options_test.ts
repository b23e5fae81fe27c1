import { assert, assertEquals } from "@std/assert";
import {
  knownMountOptions,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  type MountOptions,
  MS_BIND,
  MS_NODEV,
  MS_NOEXEC,
  MS_NOSUID,
  MS_RDONLY,
  MS_REC,
  MS_SHARED,
  MS_SLAVE,
  parseMountOptions,
} from "./mount_options.ts";

/** What is left of the result beside what an empty list gives. */
function parsed(...options: string[]) {
  const empty = parseMountOptions([]);
  const entries = Object.entries(parseMountOptions(options));
  return Object.fromEntries(
    entries.filter(([key, value]) =>
      JSON.stringify(value) !== JSON.stringify(empty[key as keyof MountOptions])
    ),
  );
}

Deno.test("parseMountOptions sorts flags, propagation and data", () => {
  assertEquals(parsed("rbind", "nosuid", "rslave", "shared", "size=5", "mode=755"), {
    flags: MS_BIND | MS_REC | MS_NOSUID,
    propagation: [MS_SLAVE | MS_REC, MS_SHARED],
    data: ["size=5", "mode=755"],
  });
  assertEquals(parseMountOptions(undefined), parseMountOptions([]));
});

Deno.test("parseMountOptions lets the later of two contrary options win, and tells what was cleared", () => {
  assertEquals(parsed("ro", "rw"), { cleared: MS_RDONLY });
  assertEquals(parsed("rw", "ro"), { flags: MS_RDONLY });
  assertEquals(parsed("exec", "dev"), { cleared: MS_NOEXEC | MS_NODEV });
});

Deno.test("parseMountOptions passes on as data what it does not know, and drops defaults", () => {
  assertEquals(parsed("defaults"), {});
  assertEquals(parsed("acl", "constructor", "__proto__", "RO", ""), {
    data: ["acl", "constructor", "__proto__", "RO", ""],
  });
});

Deno.test("parseMountOptions keeps recursive attributes apart", () => {
  assertEquals(parsed("rro", "rsuid"), {
    recursiveSet: MOUNT_ATTR_RDONLY,
    recursiveClear: MOUNT_ATTR_NOSUID,
  });
  assertEquals(parsed("rro", "rrw"), { recursiveClear: MOUNT_ATTR_RDONLY });
  assertEquals(parsed("rdiratime"), { recursiveClear: MOUNT_ATTR_NODIRATIME });
});

Deno.test("parseMountOptions treats access time as one field, whose last setting counts", () => {
  const field = { recursiveClear: MOUNT_ATTR__ATIME };
  assertEquals(parsed("rnoatime"), { ...field, recursiveSet: MOUNT_ATTR_NOATIME });
  assertEquals(parsed("rnoatime", "rstrictatime"), { ...field, recursiveSet: MOUNT_ATTR_STRICTATIME });
  assertEquals(parsed("rnoatime", "rrelatime"), field);
  assertEquals(parsed("rnoatime", "ratime"), field);
  assertEquals(parsed("rnoatime", "rnostrictatime"), { ...field, recursiveSet: MOUNT_ATTR_NOATIME });
});

Deno.test("parseMountOptions recognises copying and id mapping", () => {
  assertEquals(parsed("tmpcopyup", "idmap"), { copyUp: true, idmap: "single" });
  assertEquals(parsed("ridmap"), { idmap: "recursive" });
});

Deno.test("knownMountOptions lists every option once, and none that is data", () => {
  const options = knownMountOptions();
  assertEquals(options, [...new Set(options)].sort());
  assertEquals(options.length, 60);
  for (const option of options) assertEquals(parseMountOptions([option]).data, []);
  assert(options.includes("rro") && options.includes("tmpcopyup") && !options.includes("idmap"));
});
