/**
 * The CRI on cgroup v2 with systemd's cgroups, as nodes of Kubernetes have it: the cases of ../cri, and what
 * systemd knows of a container.
 */
import { assert, assertEquals } from "@std/assert";
import { type Cri, type CriCase, testCri } from "../cri/cri.ts";
import { initOf, LIFE, MIB, WAITS } from "../cri/life_cases.ts";
import { exists, readText, until } from "../lib/process.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";

/** The directory of a process's cgroup. */
function cgroupOf(pid: number): string {
  return `/sys/fs/cgroup${/^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1]}`;
}

/** Properties of a unit of systemd, by name. */
async function properties(cri: Cri, unit: string): Promise<Record<string, string>> {
  const names = ["Slice", "ActiveState", "Delegate", "MemoryMax", "CPUQuotaPerSecUSec"];
  const show = ["systemctl", "show", ...names.map((name) => `--property=${name}`), unit];
  const lines = (await cri.daemons.command(show)).stdout.trim().split("\n");
  return Object.fromEntries(lines.map((line) => line.split("=")));
}

/** A further process is in the container's scope, and ended there at its time limit. */
async function executed(cri: Cri, id: string, scope: string): Promise<void> {
  const processes = () => readText(`${scope}/cgroup.procs`).trim().split("\n").map(Number);
  const child = cri.crictl("exec", "-s", "--timeout", "15", id, "sleep", "4444");
  const named = (pid: number) => readText(`/proc/${pid}/cmdline`).startsWith("sleep\x004444");
  await until("the process in the scope", () => processes().some(named), 20_000);
  assert((await child).code !== 0);
  await until("its end", () => !processes().some(named), 20_000);
}

const SCOPES: Readonly<Record<string, CriCase>> = {
  "a container is in a scope of the pod's slice, whose limits systemd knows": (cri) =>
    cri.both(async (handler) => {
      const resources = { memory_limit_in_bytes: 64 * MIB, cpu_quota: 50_000, cpu_period: 100_000 };
      const id = await cri.container(await cri.usual(handler), WAITS, { resources });
      const unit = `cri-containerd-${id}.scope`, scope = cgroupOf(await initOf(cri, id));
      assertEquals(scope.slice(scope.lastIndexOf("/") + 1), unit);
      assertEquals(scope.split("/").at(-2), cri.parent());
      const before = await properties(cri, unit);
      assertEquals([before.Slice, before.ActiveState, before.Delegate], [cri.parent(), "active", "yes"]);
      assertEquals([before.MemoryMax, before.CPUQuotaPerSecUSec], [`${64 * MIB}`, "500ms"]);
      await cri.ok("update", "--memory", String(32 * MIB), "--cpu-quota", "20000", id);
      const after = await properties(cri, unit);
      assertEquals([after.MemoryMax, after.CPUQuotaPerSecUSec], [`${32 * MIB}`, "200ms"]);
      await executed(cri, id, scope);
      await cri.drop(id);
      await until("the end of the scope", () => !exists(scope), 20_000);
      assertEquals((await properties(cri, unit)).ActiveState, "inactive");
    }),
};

const cases = { ...SCOPES, ...LIFE };
await testCri(
  "CRI with systemd on cgroup v2: life of pods",
  cases,
  "systemd",
  lacksSystemd() ?? lacksCgroupV2(),
);
