import { assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Spec } from "../../../spec/types.ts";
import { local } from "../../../ffi/local.ts";
import { DryKernel } from "../../../ffi/dry.ts";
import { requireVersion } from "./checks.ts";
import { checkParent, logPath, readDescriptors, writeDescriptors } from "./directories.ts";
import * as external from "./external.ts";
import { criuFailure, quoteLog } from "./failure.ts";
import { configFile, type CriuOptions, parsePageServer, sharedOptions } from "./options.ts";
import { lsmOptions, mountSources, openNamespaces, standardPipes } from "./restore_options.ts";
import { makeRestoreRoot } from "../../../init/restore_root.ts";

const OPTIONS: CriuOptions = {
  criu: "criu",
  imagePath: "/images",
  tcpEstablished: false,
  extUnixSk: false,
  shellJob: true,
  fileLocks: false,
  autoDedup: false,
  lazyPages: false,
  cgroupMode: "",
  emptyNs: [],
};

const spec = (value: unknown) => value as Spec;

async function inDirectory(test: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    await test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("checkpoint: flags as CRIU gets them", () => {
  const shared = sharedOptions({ ...OPTIONS, cgroupMode: "soft", emptyNs: ["network"] });
  assertEquals([shared.shell_job, shared.manage_cgroups_mode, shared.empty_ns], [true, 3, 0x40000000]);
  assertEquals(sharedOptions(OPTIONS).manage_cgroups_mode, 6);
  assertEquals(sharedOptions({ ...OPTIONS, cgroupMode: "ignore" }).manage_cgroups_mode, 0);
  assertThrows(
    () => sharedOptions({ ...OPTIONS, cgroupMode: "hard" }),
    Error,
    "invalid manage-cgroups-mode value",
  );
  assertThrows(
    () => sharedOptions({ ...OPTIONS, emptyNs: ["pid"] }),
    Error,
    'namespace "pid" is not supported',
  );
});

Deno.test("checkpoint: page servers", () => {
  assertEquals(parsePageServer(""), undefined);
  assertEquals(parsePageServer("host:1234"), { address: "host", port: 1234 });
  assertEquals(parsePageServer("[2001:db8::1]:1"), { address: "2001:db8::1", port: 1 });
  for (const text of ["host", ":1", "host:", "a:b:1"]) {
    assertThrows(() => parsePageServer(text), Error, "Use --page-server ADDRESS:PORT");
  }
  for (const port of ["0", "65536", "x"]) {
    assertThrows(() => parsePageServer(`host:${port}`), Error, "Invalid port number");
  }
});

Deno.test("checkpoint: a container's own configuration file for CRIU, or none", () => {
  assertEquals(configFile({}), "/etc/criu/runc.conf");
  assertEquals(configFile({ "org.criu.config": "/x" }), "/x");
  assertEquals(configFile({ "org.criu.config": "" }), undefined);
});

Deno.test("checkpoint: paths are those in the rootfs, through symlinks", () =>
  inDirectory((root) => {
    for (const name of ["a", "a/b", "run"]) Deno.mkdirSync(`${root}/${name}`);
    Deno.symlinkSync("/run", `${root}/a/absolute`);
    Deno.symlinkSync("../../../run", `${root}/a/b/relative`);
    Deno.symlinkSync("loop", `${root}/loop`);
    const rows: [string, string][] = [
      ["/a/./b//c", "/a/b/c"],
      ["/a/absolute/x", "/run/x"],
      ["/a/b/relative/../a", "/a"],
      ["/../../none/x/..", "/none"],
      ["/", "/"],
      ["/loop", "/loop"],
    ];
    for (const [path, expected] of rows) assertEquals(external.resolveInside(root, path), expected, path);
  }));

Deno.test("checkpoint: what is the host's: bind mounts and devices", () => {
  const config = spec({
    mounts: [
      { destination: "/proc", type: "proc", source: "proc" },
      { destination: "/data", type: "none", source: "data", options: ["rbind", "ro"] },
    ],
    linux: {
      devices: [{ type: "c", path: "/dev/fuse", major: 10, minor: 229 }],
      maskedPaths: ["/proc/keys"],
    },
  });
  const mounts = external.hostMounts(config, "/none", "/bundle");
  assertEquals([mounts[0], mounts.at(-1)], [
    { target: "/data", source: "/bundle/data" },
    { target: "/dev/fuse", source: "/dev/fuse" },
  ]);
  // In a user namespace the default devices are bound from the host.
  assertEquals(mounts.some(({ target }) => target === "/dev/tty"), true);
  assertEquals(mounts.map(external.dumpName)[0], { key: "/data", val: "/data" });
  assertEquals(mountSources([mounts[0]], config, "/mask"), [
    { key: "/data", val: "/bundle/data" },
    { key: "/dev/null", val: "/mask" },
  ]);
});

Deno.test("checkpoint: masked paths that are files", () => {
  const config = spec({ linux: { maskedPaths: ["/proc/version", "/proc/sys", "/proc/none"] } });
  assertEquals(external.maskedFiles(local(), Deno.pid, config), [{ key: "/proc/version", val: "/dev/null" }]);
});

const JOINED = spec({
  linux: {
    namespaces: [
      { type: "network", path: "/n" },
      { type: "pid", path: "/p" },
      { type: "ipc", path: "/i" },
      { type: "mount" },
    ],
  },
});

Deno.test("checkpoint: namespaces given by path are left out of a dump, and entered by a restore", () => {
  const [network, pid] = external.externalNamespaces(JOINED);
  assertEquals(external.dumpNamespace(network, 5), "net[5]:extRootNetNS");
  assertEquals(external.dumpNamespace(pid, 6), "pid[6]:extRootPidNS");
  const k = new DryKernel();
  assertEquals(openNamespaces(k, JOINED, 40000), {
    options: {
      inherit_fd: [{ key: "extRootNetNS", fd: 100 }, { key: "extRootPidNS", fd: 101 }],
      join_ns: [{ ns: "ipc", ns_file: "/i" }],
    },
    keep: [100, 101],
  });
  assertThrows(
    () => openNamespaces(k, JOINED, 31000),
    Error,
    "external network namespace: CRIU version 31000 must be 31100 or higher",
  );
  const cgroup = spec({ linux: { namespaces: [{ type: "cgroup", path: "/c" }] } });
  assertThrows(() => openNamespaces(k, cgroup, 40000), Error, "cannot restore into a cgroup namespace");
});

Deno.test("checkpoint: versions and labels", () => {
  requireVersion(30000, 30000);
  assertThrows(() => requireVersion(20300, 30000), Error, "CRIU version 20300 must be 30000 or higher");
  const labels = { lsmProfile: "apparmor:x", lsmMountContext: "" };
  assertEquals(lsmOptions(labels, 31600), { lsm_profile: "apparmor:x", lsm_mount_context: undefined });
  assertThrows(() => lsmOptions(labels, 31500), Error, "--lsm-profile requires at least CRIU 3.16");
});

Deno.test("checkpoint: standard descriptors, noted and taken up", () =>
  inDirectory(async (images) => {
    writeDescriptors(images, ["/dev/null", "pipe:[5]", "pipe:[6]"]);
    assertEquals(standardPipes(await readDescriptors(local(), images)), [{ key: "pipe:[5]", fd: 1 }, {
      key: "pipe:[6]",
      fd: 2,
    }]);
    await assertRejects(
      () => readDescriptors(local(), `${images}/none`),
      Error,
      "descriptors.json: no such file or directory",
    );
    Deno.writeTextFileSync(`${images}/descriptors.json`, "[1]");
    await assertRejects(() => readDescriptors(local(), images), Error, "not a list of texts");
  }));

Deno.test("checkpoint: the parent of a dump is a directory beside it", () =>
  inDirectory((images) => {
    checkParent(images, "../");
    assertThrows(() => checkParent(images, "/x"), Error, "--parent-path must be relative");
    assertThrows(() => checkParent(images, "none"), Error, "invalid --parent-path: stat ");
    Deno.writeTextFileSync(`${images}/file`, "");
    assertThrows(() => checkParent(images, "file"), Error, "not a directory");
  }));

const LOG =
  `(00.06) Error (criu/util.c:1534): rlimit: Can't setup RLIMIT_NOFILE for self: Operation not permitted
(00.27) fdinfo 1
(00.28)      1: Error (criu/files-reg.c:1790): Can't lookup mount=45 for fd=1 path=/tmp/out
(00.33) Error (criu/cr-dump.c:2128): Dumping FAILED.
`;
const REASON = "1: Error (criu/files-reg.c:1790): Can't lookup mount=45 for fd=1 path=/tmp/out";

Deno.test("checkpoint: of a log, the lines that tell", () => {
  assertEquals(quoteLog(LOG), [REASON]);
  assertEquals(quoteLog("all is well\n"), []);
  assertEquals(quoteLog("(00.00) Error (a): Restoring FAILED.\n"), ["Error (a): Restoring FAILED."]);
});

Deno.test("checkpoint: an error quotes the log, or what CRIU says where there is none", () =>
  inDirectory((work) => {
    const log = logPath({ ...OPTIONS, workPath: work }, "dump.log");
    const response = { type: 1, success: false, cr_errno: 2, cr_errmsg: "Error (x)\nError (y)\n" };
    assertMatch(
      criuFailure(response, log).message,
      /^criu failed: type DUMP errno 2: Error \(x\); Error \(y\) \(log/,
    );
    Deno.writeTextFileSync(log, LOG);
    assertEquals(
      criuFailure(response, log).message,
      `criu failed: type DUMP errno 2: ${REASON} (log file: ${work}/dump.log)`,
    );
  }));

Deno.test("restore: the root is made in a mount namespace of its own, with places for mounts", () => {
  const k = new DryKernel();
  makeRestoreRoot(k, {
    rootfs: "/rootfs",
    root: "/state/criu-root",
    mask: "/state/criu-mask",
    bundle: "/bundle",
    mounts: [
      { destination: "/proc", type: "proc" },
      { destination: "/tmp", type: "tmpfs" },
      { destination: "/tmp/x", type: "tmpfs" },
      { destination: "/sys/fs/cgroup", type: "cgroup" },
    ],
  });
  const lines = k.lines();
  assertEquals(lines.slice(0, 3), [
    "unshare 131072",
    'mount null "/" null 540672 null',
    'mount "/rootfs" "/state/criu-root" null 20480 null',
  ]);
  const opened = lines.filter((line) => line.startsWith("openat2")).map((line) =>
    JSON.parse(line.split(" ")[2])
  );
  assertEquals(opened, ["/proc", "/tmp"]);
});
