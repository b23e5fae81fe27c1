import { assert, assertEquals } from "@std/assert";
import * as m from "./mount_options.ts";

/** What is left of the result beside what an empty list gives. */
function parsed(...options: string[]) {
  const empty = m.parseMountOptions([]);
  const entries = Object.entries(m.parseMountOptions(options));
  return Object.fromEntries(
    entries.filter(([key, value]) =>
      JSON.stringify(value) !== JSON.stringify(empty[key as keyof m.MountOptions])
    ),
  );
}

Deno.test("parseMountOptions sorts flags, propagation and data", () => {
  assertEquals(parsed("rbind", "nosuid", "rslave", "shared", "size=5", "mode=755"), {
    flags: m.MS_BIND | m.MS_REC | m.MS_NOSUID,
    propagation: [m.MS_SLAVE | m.MS_REC, m.MS_SHARED],
    data: ["size=5", "mode=755"],
  });
  assertEquals(m.parseMountOptions(undefined), m.parseMountOptions([]));
});

Deno.test("parseMountOptions lets the later of two contrary options win, and tells what was cleared", () => {
  assertEquals(parsed("ro", "rw"), { cleared: m.MS_RDONLY });
  assertEquals(parsed("rw", "ro"), { flags: m.MS_RDONLY });
  assertEquals(parsed("exec", "dev"), { cleared: m.MS_NOEXEC | m.MS_NODEV });
});

Deno.test("parseMountOptions passes on as data what it does not know, and drops defaults", () => {
  assertEquals(parsed("defaults"), {});
  assertEquals(parsed("acl", "constructor", "__proto__", "RO", ""), {
    data: ["acl", "constructor", "__proto__", "RO", ""],
  });
});

Deno.test("parseMountOptions keeps recursive attributes apart", () => {
  assertEquals(parsed("rro", "rsuid"), {
    recursiveSet: m.MOUNT_ATTR_RDONLY,
    recursiveClear: m.MOUNT_ATTR_NOSUID,
  });
  assertEquals(parsed("rro", "rrw"), { recursiveClear: m.MOUNT_ATTR_RDONLY });
  assertEquals(parsed("rdiratime"), { recursiveClear: m.MOUNT_ATTR_NODIRATIME });
});

Deno.test("parseMountOptions treats access time as one field, whose last setting counts", () => {
  const field = { recursiveClear: m.MOUNT_ATTR__ATIME };
  assertEquals(parsed("rnoatime"), { ...field, recursiveSet: m.MOUNT_ATTR_NOATIME });
  assertEquals(parsed("rnoatime", "rstrictatime"), { ...field, recursiveSet: m.MOUNT_ATTR_STRICTATIME });
  assertEquals(parsed("rnoatime", "rrelatime"), field);
  assertEquals(parsed("rnoatime", "ratime"), field);
  assertEquals(parsed("rnoatime", "rnostrictatime"), { ...field, recursiveSet: m.MOUNT_ATTR_NOATIME });
});

Deno.test("parseMountOptions recognises copying and id mapping", () => {
  assertEquals(parsed("tmpcopyup", "idmap"), { copyUp: true, idmap: "single" });
  assertEquals(parsed("ridmap"), { idmap: "recursive" });
});

Deno.test("knownMountOptions lists every option once, and none that is data", () => {
  const options = m.knownMountOptions();
  assertEquals(options, [...new Set(options)].sort());
  assertEquals(options.length, 60);
  for (const option of options) assertEquals(m.parseMountOptions([option]).data, []);
  assert(options.includes("rro") && options.includes("tmpcopyup") && !options.includes("idmap"));
});
