/**
 * What of cgroup v2 a hybrid host has, too: device programs, the freezer, trees of directories; on the
 * kernel's own v2 hierarchy, in a cgroup of the test's.
 */
import { local } from "../../ffi/local.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { attachDevices } from "../../runtime/cgroups/v2/device_attach.ts";
import { readCgroupHost } from "../../runtime/cgroups/host.ts";
import { CgroupV2, planV2 } from "../../runtime/cgroups/v2/driver.ts";
import { LiveV2 } from "../../runtime/cgroups/v2/live.ts";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import { readText, sleep, until } from "../lib/process.ts";
import { skip } from "../lib/skip.ts";

/** A driver on the real hierarchy; its directory is removed at the end, and what is in it killed. */
function scene(name: string, test: (driver: CgroupV2, dir: string) => Promise<void> | void): void {
  const mount = readCgroupHost().mounts.find(({ version }) => version === 2);
  if (Deno.uid() !== 0 || mount === undefined) {
    return skip(name, Deno.uid() !== 0 ? "needs root" : "this machine has no cgroup v2 hierarchy");
  }
  Deno.test(name, async () => {
    const parent = `tsrun-test-${crypto.randomUUID().slice(0, 8)}`;
    const record = planV2(readCgroupHost(), `/${parent}/c`);
    const { mountpoint } = mount;
    const driver = new CgroupV2(readCgroupHost().fs, record, {
      tolerant: false,
      rootless: false,
      mountpoint,
      attachDevices: (on, program) => attachDevices(local(), on, program),
    });
    try {
      await test(driver, record.paths.unified);
    } finally {
      if (driver.frozen()) driver.thaw();
      for (const pid of driver.pids()) Deno.kill(pid, "SIGKILL");
      driver.destroy();
      Deno.removeSync(`${mountpoint}/${parent}`);
    }
  });
}

/** Opens the kernel's log (1:11) in a cgroup in two ways. @returns The ways that worked. */
function tryDevice(dir: string): string {
  const script = `echo $$ >${dir}/cgroup.procs
    (: </dev/kmsg) 2>/dev/null && echo read; (: >>/dev/kmsg) 2>/dev/null && echo write; : >/dev/null && echo null`;
  const { stdout } = new Deno.Command("/bin/sh", { args: ["-c", script] }).outputSync();
  return new TextDecoder().decode(stdout).trim().replaceAll("\n", " ");
}

const LOG = { type: "c", major: 1, minor: 11 } as const;

scene("device program: the kernel takes it, obeys it, and replaces it", (driver, dir) => {
  driver.create();
  const cases: [LinuxDeviceCgroup[] | undefined, string][] = [
    [undefined, "null"],
    [[{ allow: true, ...LOG, access: "r" }], "read null"],
    [[{ allow: true, access: "rwm" }], "read write null"],
    [[{ allow: true, access: "rwm" }, { allow: false, ...LOG, access: "w" }], "read null"],
    [[{ allow: false, access: "rwm" }], "null"],
  ];
  for (const [devices, works] of cases) {
    driver.set({ devices });
    assertEquals(tryDevice(dir), works, JSON.stringify(devices));
  }
});

scene(
  "freezer: processes of the cgroup and below stand still, and are killed all the same",
  async (driver, dir) => {
    driver.create();
    Deno.mkdirSync(`${dir}/inner`);
    const counter = Deno.makeTempFileSync();
    const child = new Deno.Command("/bin/sh", {
      args: ["-c", `echo $$ >${dir}/inner/cgroup.procs; while :; do echo >>${counter}; sleep .01; done`],
    }).spawn();
    try {
      await until("life", () => readText(counter).length > 2);
      assert(driver.pids().includes(child.pid));
      driver.freeze();
      assertEquals(driver.frozen(), true);
      const before = readText(counter).length;
      await sleep(100);
      assertEquals(readText(counter).length, before);
      driver.thaw();
      await until("more life", () => readText(counter).length > before);
      driver.freeze();
      child.kill("SIGKILL");
      await child.status;
      driver.thaw();
      await until("an empty cgroup", () => driver.pids().length === 0);
    } finally {
      Deno.removeSync(counter);
    }
  },
);

scene("join moves a process, destroy removes the tree", async (driver, dir) => {
  driver.create();
  const child = new Deno.Command("/bin/sleep", { args: ["60"] }).spawn();
  driver.join(child.pid);
  assertMatch(
    readText(`/proc/${child.pid}/cgroup`),
    new RegExp(`^0::/.*${dir.split("/").slice(-2).join("/")}$`, "m"),
  );
  Deno.mkdirSync(`${dir}/a`);
  Deno.mkdirSync(`${dir}/a/b`);
  child.kill("SIGKILL");
  await child.status;
  driver.destroy();
  assertEquals(driver.pids(), []);
  driver.create();
});

scene("stats: time and processes are counted without any controller", (driver, dir) => {
  driver.create();
  const script = `echo $$ >${dir}/cgroup.procs; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done`;
  new Deno.Command("/bin/sh", { args: ["-c", script] }).outputSync();
  const { cpu, pids } = new LiveV2(local, driver.record.paths).stats();
  assert(cpu.total > 1_000_000n, `${cpu.total} ns`);
  assertEquals(pids.current, 0n);
});
