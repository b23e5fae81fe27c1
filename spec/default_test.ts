import { assertEquals } from "@std/assert";
import { defaultSpec } from "./default.ts";
import { OCI_VERSION } from "./types.ts";

const ROOT = { rootless: false, euid: 0, egid: 0, cgroup2: false };

Deno.test("defaultSpec is a shell on a terminal in a read-only rootfs", () => {
  const spec = defaultSpec(ROOT);
  assertEquals(spec.ociVersion, OCI_VERSION);
  assertEquals([spec.process.args, spec.process.terminal, spec.process.noNewPrivileges], [
    ["sh"],
    true,
    true,
  ]);
  assertEquals(spec.process.capabilities?.ambient, undefined);
  assertEquals([spec.root, spec.hostname], [{ path: "rootfs", readonly: true }, "tsrun"]);
  assertEquals(spec.mounts?.map((it) => it.destination), [
    "/proc",
    "/dev",
    "/dev/pts",
    "/dev/shm",
    "/dev/mqueue",
    "/sys",
    "/sys/fs/cgroup",
  ]);
  assertEquals(spec.linux?.resources, { devices: [{ allow: false, access: "rwm" }] });
  assertEquals(spec.linux?.namespaces?.map((it) => it.type), ["pid", "network", "ipc", "uts", "mount"]);
  assertEquals([spec.linux?.maskedPaths?.length, spec.linux?.readonlyPaths?.length], [10, 5]);
});

Deno.test("defaultSpec has a cgroup namespace on cgroup v2", () => {
  const types = defaultSpec({ ...ROOT, cgroup2: true }).linux?.namespaces?.map((it) => it.type);
  assertEquals(types, ["pid", "network", "ipc", "uts", "mount", "cgroup"]);
});

Deno.test("defaultSpec for a user maps that user to root, and asks for nothing that needs privileges", () => {
  const spec = defaultSpec({ rootless: true, euid: 1000, egid: 100, cgroup2: false });
  assertEquals(spec.linux?.uidMappings, [{ containerID: 0, hostID: 1000, size: 1 }]);
  assertEquals(spec.linux?.gidMappings, [{ containerID: 0, hostID: 100, size: 1 }]);
  assertEquals(spec.linux?.namespaces?.map((it) => it.type), ["pid", "ipc", "uts", "mount", "user"]);
  assertEquals(spec.linux?.resources, undefined);
  assertEquals(spec.mounts?.some((it) => it.options?.some((option) => option.startsWith("gid="))), false);
  assertEquals(spec.mounts?.find((it) => it.destination === "/sys"), {
    destination: "/sys",
    type: "none",
    source: "/sys",
    options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
  });
});
