import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { labelsOf, mountLabelOf } from "./labels.ts";

const ENABLED = "/sys/module/apparmor/parameters/enabled", CURRENT = "/proc/self/attr/apparmor/current";
const MOUNTS = "/proc/self/mountinfo";
const SELINUX = "31 24 0:21 / /sys/fs/selinux rw,nosuid,noexec shared:9 - selinuxfs selinuxfs rw\n";

const host = (files: Partial<Record<string, string>>) => ({ read: (path: string) => files[path] });
const APPARMOR = host({ [ENABLED]: "Y\n", [CURRENT]: "unconfined\n" });
const NOTHING = host({ [MOUNTS]: "25 1 0:20 / /proc rw - proc proc rw\n" });

Deno.test("labels: none asked for, none looked for", () => {
  assertEquals(labelsOf({}), undefined);
  assertEquals(labelsOf({ apparmorProfile: "", selinuxLabel: "" }, { apparmorProfile: "" }), undefined);
});

Deno.test("labels: an AppArmor profile on a host that has it, by the file of its kernel", () => {
  const labels = labelsOf({ apparmorProfile: "p" }, {}, APPARMOR);
  assertEquals([labels?.profile, labels?.attribute, labels?.context], ["p", "attr/apparmor/exec", ""]);
  const old = labelsOf({ apparmorProfile: "p" }, {}, host({ [ENABLED]: "Y\n" }));
  assertEquals(old?.attribute, "attr/exec");
});

Deno.test("labels: a host without AppArmor, or with it switched off, is no place for a profile", () => {
  for (const files of [{}, { [ENABLED]: "N\n" }]) {
    const refused = () => labelsOf({ apparmorProfile: "p" }, {}, host(files));
    assertThrows(refused, RuntimeError, 'apply apparmor profile "p"');
    assertThrows(refused, RuntimeError, "not enabled");
  }
});

Deno.test("labels: a process without labels of its own gets the container's", () => {
  const base = { apparmorProfile: "of-container" };
  assertEquals(labelsOf({}, base, APPARMOR)?.profile, "of-container");
  assertEquals(labelsOf({ apparmorProfile: "" }, base, APPARMOR)?.profile, "of-container");
  assertEquals(labelsOf({ apparmorProfile: "own" }, base, APPARMOR)?.profile, "own");
});

Deno.test("labels: SELinux counts where its filesystem may be written to", () => {
  const on = host({ [MOUNTS]: SELINUX });
  assertEquals(labelsOf({ selinuxLabel: "u:r:t:s0" }, {}, on)?.context, "u:r:t:s0");
  assertEquals(mountLabelOf("u:o:t:s0", on), "u:o:t:s0");
  const readonlyMount = SELINUX.replace("rw,nosuid", "ro,nosuid"),
    readonlyFs = SELINUX.replace(/rw\n/, "ro\n");
  for (const text of ["", readonlyMount, readonlyFs]) {
    const off = host({ [MOUNTS]: text });
    assertThrows(
      () => labelsOf({ selinuxLabel: "u:r:t:s0" }, {}, off),
      RuntimeError,
      "selinux label is specified in config, but selinux is disabled or not supported",
    );
    assertThrows(() => mountLabelOf("u:o:t:s0", off), RuntimeError, "selinux is disabled");
  }
});

Deno.test("labels: no mount label, no question", () => {
  assertEquals(mountLabelOf(undefined, NOTHING), "");
  assertEquals(mountLabelOf("", NOTHING), "");
});
