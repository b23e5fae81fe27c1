import { assertEquals } from "@std/assert";
import { features } from "./features.ts";

const SECCOMP = { enabled: true, actions: ["SCMP_ACT_ALLOW"] };

Deno.test("features says what is implemented, sorted, and what is not", () => {
  const document = features({ version: "0.1.0", commit: "abc", libseccomp: "2.5.4", seccomp: SECCOMP });
  assertEquals([document.ociVersionMin, document.ociVersionMax], ["1.0.0", "1.3.0"]);
  assertEquals(document.hooks?.length, 6);
  assertEquals(document.linux?.namespaces, [
    "cgroup",
    "ipc",
    "mount",
    "network",
    "pid",
    "time",
    "user",
    "uts",
  ]);
  assertEquals(document.linux?.capabilities?.[40], "CAP_CHECKPOINT_RESTORE");
  assertEquals(document.linux?.cgroup, {
    v1: true,
    v2: true,
    systemd: true,
    systemdUser: true,
    rdma: true,
  });
  assertEquals(document.linux?.seccomp, SECCOMP);
  assertEquals(document.linux?.mountExtensions?.idmap?.enabled, true);
  assertEquals(document.linux?.netDevices, { enabled: true });
  assertEquals(document.mountOptions, document.mountOptions?.toSorted());
  assertEquals(document.annotations, {
    "io.github.seccomp.libseccomp.version": "2.5.4",
    "io.github.tsrun.checkpoint.enabled": "true",
    "io.github.tsrun.commit": "abc",
    "io.github.tsrun.version": "0.1.0",
  });
});

Deno.test("features has no version of a libseccomp that is not there", () => {
  const document = features({ version: "0.1.0", commit: "abc", seccomp: { enabled: false } });
  assertEquals(Object.keys(document.annotations ?? {}).some((it) => it.includes("libseccomp")), false);
});
