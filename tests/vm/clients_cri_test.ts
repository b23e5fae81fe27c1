/**
 * The CRI on cgroup v2 with systemd's cgroups, as nodes of Kubernetes have it: what is different there. All
 * other cases run outside, see ../cri. An emulated machine is slow, so one pod shows all.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Cri, testCri } from "../cri/cri.ts";
import { initOf, limits, WAITS } from "../cri/life_cases.ts";
import { exists, readText, until } from "../lib/process.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";

const MIB = 1 << 20;

/** The directory of a process's cgroup. */
function cgroupOf(pid: number): string {
  return `/sys/fs/cgroup${/^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1]}`;
}

/** Names of the units of systemd that are loaded. */
async function units(cri: Cri, pattern: string): Promise<string> {
  const list = ["systemctl", "list-units", "--all", "--plain", "--no-legend", pattern];
  return (await cri.daemons.command(list)).stdout.trim();
}

/** Limits, their change, and figures. */
async function measured(cri: Cri, id: string, pid: number): Promise<void> {
  assertEquals(limits(pid), [64 * MIB, 50_000]);
  await cri.ok("update", "--memory", String(32 * MIB), "--cpu-quota", "20000", id);
  assertEquals(limits(pid), [32 * MIB, 20_000]);
  const stats = await until("figures", async () => {
    const found = JSON.parse(await cri.ok("stats", "-o", "json", id)).stats[0];
    return Number(found?.memory?.workingSetBytes?.value ?? 0) > 0 ? found : undefined;
  }, 20_000);
  assert(Number(stats.cpu.usageCoreNanoSeconds.value) > 0);
}

/** Further processes: in the container's cgroup, with their status, and ended at their time limit. */
async function executed(cri: Cri, id: string, scope: string): Promise<void> {
  const processes = () => readText(`${scope}/cgroup.procs`).trim().split("\n").map(Number);
  const child = cri.crictl("exec", "-s", "--timeout", "15", id, "sleep", "1000");
  const named = (pid: number) => readText(`/proc/${pid}/cmdline`).startsWith("sleep\x001000");
  await until("the process in the scope", () => processes().some(named), 20_000);
  const late = await child;
  assert(late.code !== 0);
  assertMatch(late.stderr, /timeout 15s exceeded|DeadlineExceeded/);
  await until("its end", () => !processes().some(named), 20_000);
  assertEquals(await cri.ok("exec", "-s", id, "echo", "in"), "in");
  const failed = await cri.crictl("exec", "-s", id, "sh", "-c", "exit 5");
  assert(failed.code !== 0);
  assertMatch(failed.stderr, /exited with 5|exit (code|status) 5/);
}

const cases = {
  "a pod in scopes of a slice: limits, figures, exec, removal": async (
    cri: Cri,
  ) => {
    const pod = await cri.pod("tsrun");
    const resources = { memory_limit_in_bytes: 64 * MIB, cpu_quota: 50_000, cpu_period: 100_000 };
    const id = await cri.container(pod, WAITS, { resources });
    const pid = await initOf(cri, id), scope = cgroupOf(pid);
    assertMatch(scope, new RegExp(`/${cri.daemons.token}\\.slice/cri-containerd-${id}\\.scope$`));
    assertMatch(await units(cri, `cri-containerd-${id}.scope`), / loaded +active /);
    await measured(cri, id, pid);
    await executed(cri, id, scope);

    await cri.remove(pod);
    await until("the end of the scope", () => !exists(scope), 20_000);
  },
};

await testCri("CRI with systemd on cgroup v2", cases, "systemd", lacksSystemd() ?? lacksCgroupV2());
