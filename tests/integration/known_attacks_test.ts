/**
 * Attacks on runtimes that became known and that no other test makes; SECURITY.md has the table of all. The
 * image belongs to an attacker, which goes on to change it while the container is made.
 */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, sleeper } from "../lib/exec.ts";
import { escapes, plantLink, setTrap, type Trap } from "../lib/hostile.ts";
import { exists, readText, until } from "../lib/process.ts";
import { missingForRootless, RootlessContainer } from "../lib/rootless.ts";
import { Swapper } from "../lib/swapper.ts";

/** How many containers meet the attacker: each is made at other moments of the exchange. */
const ROUNDS = 8;

/** Makes containers while `/data` of the rootfs is now a directory, now a link to the trap. */
async function race(box: Box, overrides: Dict): Promise<void> {
  const trap = setTrap(box.dir);
  const before = trap.contents();
  for (const link of Object.values(escapes(trap.outside))) {
    const first = box.container(overrides);
    const { rootfs } = first.bundle;
    Deno.mkdirSync(`${rootfs}/data/inner`, { recursive: true });
    Deno.writeTextFileSync(`${rootfs}/data/file`, "inside\n");
    plantLink(rootfs, "/elsewhere", link);
    await using swapper = new Swapper(`${rootfs}/data`, `${rootfs}/elsewhere`);
    await until("the attacker's first moves", () => swapper.swaps > 100);
    for (let round = 0; round < ROUNDS; round++) {
      const container = round === 0 ? first : box.sibling(first, overrides);
      // It may be refused, or run: what counts is the trap.
      await container.run();
      assertUntouched(trap, before);
    }
    assert(swapper.swaps > 1000, `${swapper.swaps} exchanges`);
  }
}

function assertUntouched(trap: Trap, before: readonly string[]): void {
  assertEquals(trap.contents(), before);
  assertEquals(readText(`${trap.outside}/file`), "untouched\n");
  assert(!readText("/proc/self/mountinfo").includes(trap.outside), "a mount outside the rootfs");
}

contract("attack: the parent of a mount's destination is exchanged for a link", async (box) => {
  const made = { destination: "/data/new/deep", type: "tmpfs", source: "tmpfs" };
  const there = { destination: "/data/inner", type: "tmpfs", source: "tmpfs" };
  const script = sh("echo x >/data/inner/made; echo x >/data/new/deep/made; true");
  await race(box, { process: { args: script }, mounts: [MOUNTS.proc, MOUNTS.dev, there, made] });
}, { timeout: 60_000 });

contract("attack: the parent of a bound file's destination is exchanged for a link", async (box) => {
  const bind = (destination: string) => ({ destination, source: "/etc/hostname", options: ["bind"] });
  const mounts = [MOUNTS.proc, MOUNTS.dev, bind("/data/file"), bind("/data/made")];
  await race(box, { process: { args: sh("true") }, mounts });
}, { timeout: 60_000 });

contract("attack: the parents of masked and read-only paths, of devices and of cwd are", async (box) => {
  await race(box, {
    process: { args: sh("echo x >made; true"), cwd: "/data/new/cwd" },
    linux: {
      maskedPaths: ["/data/file", "/data/inner"],
      readonlyPaths: ["/data/file"],
      devices: [{ type: "c", path: "/data/node", major: 1, minor: 3 }],
    },
  });
}, {
  timeout: 60_000,
  notOnReference: "runc 1.1.5 makes directories and devices by paths, and may lose the race (CVE-2024-45310)",
});

contract("attack: /dev/null is exchanged for a link while a path is masked with it", async (box) => {
  const trap = setTrap(box.dir);
  const before = trap.contents();
  const overrides = {
    process: { args: sh("cat /secret; echo overwritten >/secret; true") },
    mounts: [MOUNTS.proc],
    linux: { maskedPaths: ["/secret"] },
  };
  const first = box.container(overrides);
  const { rootfs } = first.bundle;
  Deno.writeTextFileSync(`${rootfs}/secret`, "a secret\n");
  plantLink(rootfs, "/dev/other", `${"../".repeat(24)}${trap.outside.slice(1)}/file`);
  assertOk(await box.command(["/bin/mknod", `${rootfs}/dev/null`, "c", "1", "3"]));
  await using swapper = new Swapper(`${rootfs}/dev/null`, `${rootfs}/dev/other`);
  await until("the attacker's first moves", () => swapper.swaps > 100);
  for (let round = 0; round < ROUNDS; round++) {
    const container = round === 0 ? first : box.sibling(first, overrides);
    const { stdout } = await container.run();
    assertEquals(stdout, "", "something else than the null device lay over the masked path");
    assertUntouched(trap, before);
  }
}, {
  timeout: 60_000,
  notOnReference: "runc 1.1.5 binds whatever /dev/null is, and may lose the race (CVE-2025-31133)",
});

contract(
  "attack: /dev/null of the image is a link, and a standard stream is the null device",
  async (box) => {
    const trap = setTrap(box.dir);
    for (const link of Object.values(escapes(`${trap.outside}/file`))) {
      const container = box.container({
        process: { args: sh("echo overwritten 2>/dev/null >&0; echo x >&1; true") },
        mounts: [MOUNTS.proc],
      });
      plantLink(container.bundle.rootfs, "/dev/null", link);
      await container.run({ redirect: "<>/dev/null" });
      assertEquals(readText(`${trap.outside}/file`), "untouched\n");
    }
  },
);

/** A sysctl of network namespaces, and where the container's root has it. */
const SYSCTL = {
  name: "net.ipv4.ip_unprivileged_port_start",
  file: "sys/net/ipv4/ip_unprivileged_port_start",
};

contract("attack: a file lies over a sysctl's when it is written", async (box) => {
  const trap = `${box.dir}/trap`;
  Deno.writeTextFileSync(trap, "untouched\n");
  const container = box.container();
  const target = `${container.bundle.rootfs}/proc/${SYSCTL.file}`;
  container.configure({
    process: { args: ["/bin/sleep", "1000"] },
    linux: { sysctl: { [SYSCTL.name]: "77" } },
    hooks: { createContainer: [{ path: "/bin/busybox", args: ["mount", "--bind", trap, target] }] },
  });
  await container.started();
  assertEquals(readText(trap), "untouched\n");
  const net = ["/usr/bin/nsenter", "--target", String(await container.pid()), "--net"];
  assertEquals(assertOk(await box.command([...net, "/bin/cat", `/proc/${SYSCTL.file}`])).stdout, "77\n");
}, { notOnReference: "runc 1.1.5 writes to what the path leads to (CVE-2025-52881)" });

contract("attack: exec with a working directory or a program behind a caller's descriptor", async (box) => {
  const container = await sleeper(box);
  const redirect = "3</ 4</etc 7</tmp 8</";
  for (const fd of [3, 4, 5, 6, 7, 8, 9, 200, 201, 202, 203]) {
    for (const path of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/../..`]) {
      const { code, stdout } = await exec(container, sh("ls -di . /"), { flags: ["--cwd", path], redirect });
      const [here, root] = stdout.trim().split("\n").map((line) => line.trim().split(" ")[0]);
      assert(code !== 0 || here === root, `--cwd ${path}: ${stdout}`);
    }
    const { code, stdout } = await exec(container, [`/proc/self/fd/${fd}/bin/busybox`, "ls", "/"], {
      redirect,
    });
    assert(code !== 0 || stdout === (await exec(container, ["ls", "/"])).stdout, `program by ${fd}`);
  }
});

contract("attack: paths and mappings that are longer than any message", async (box) => {
  const long = `/proc/${"x".repeat(70_000)}/ns/net`;
  const many = Array.from({ length: 5000 }, (_, i) => ({ containerID: i, hostID: 100_000 + i, size: 1 }));
  const types = namespaces("pid", "mount", "user");
  const cases: Dict[] = [
    { linux: { namespaces: [...namespaces("mount"), { type: "network", path: long }] } },
    { linux: { namespaces: types, uidMappings: many, gidMappings: many } },
  ];
  for (const overrides of cases) {
    const result = await box.container({ ...overrides, process: { args: sh("id -u") } }).run();
    assertNotEquals(result.code, 0, result.stdout);
    assertEquals(result.stdout, "");
    assert(result.stderr.length > 0);
  }
  await box.assertNothingLeft();
});

contract("attack: page sizes and names of cgroup files that lead elsewhere", async (box) => {
  const outside = `/sys/fs/cgroup/${box.token}-outside`;
  const cases: Dict[] = [
    { hugepageLimits: [{ pageSize: `../../${box.token}-outside/2MB`, limit: 4096 }] },
    { unified: { [`../${box.token}-outside/memory.max`]: "max" } },
  ];
  for (const resources of cases) {
    assertError(await box.container({ linux: { resources } }).create(), /page|unified/);
    assert(!exists(outside));
  }
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 takes the page size as it is" });

contract("attack: a user's container writes to the host's cgroups through a bound /sys", async (box) => {
  const cgroup = {
    destination: "/sys/fs/cgroup",
    type: "cgroup",
    source: "cgroup",
    options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
  };
  const sys = {
    destination: "/sys",
    type: "none",
    source: "/sys",
    options: ["rbind", "nosuid", "noexec", "nodev", "ro"],
  };
  const script = "for d in $(ls -d /sys/fs/cgroup/* /sys/fs/cgroup/*/*); do " +
    "mkdir $d/made 2>/dev/null && echo made $d; { echo 0 >$d/cgroup.procs; } 2>/dev/null && echo entered $d; done; true";
  await using container = await RootlessContainer.make(box, {
    process: { terminal: false, args: sh(script) },
    mounts: [MOUNTS.proc, MOUNTS.dev, sys, cgroup],
    linux: { namespaces: namespaces("pid", "ipc", "uts", "mount", "user") },
  });
  const result = await container.start();
  assertEquals([result.code, result.stdout], [0, ""], result.stderr);
}, { skip: missingForRootless() });
