/** What systemd and the kernel know of a container's scope, on a host with cgroup v2 alone. */
import { exists, host, readText, until } from "../lib/process.ts";

/** The runtimes that clients run here. */
export const RUNTIMES: readonly ("tsrun" | "runc")[] = Deno.env.has("TSRUN_TEST_REFERENCE")
  ? ["tsrun", "runc"]
  : ["tsrun"];

/** Directory of a process's cgroup. */
export function cgroupOf(pid: number): string {
  return `/sys/fs/cgroup${/^0::(.*)$/m.exec(readText(`/proc/${pid}/cgroup`))?.[1]}`;
}

/** Values of files of a process's cgroup. */
export function limitsOf(pid: number, files: readonly string[]): string[] {
  const directory = cgroupOf(pid);
  return files.map((file) => readText(`${directory}/${file}`).trim());
}

/** Properties of a unit, as `systemctl show` writes them. */
export async function propertiesOf(unit: string, names: readonly string[]): Promise<string[]> {
  const text = await host("systemctl", "show", unit, ...names.flatMap((name) => ["--property", name]));
  const values = Object.fromEntries(text.trim().split("\n").map((line) => line.split("=", 2)));
  return names.map((name) => values[name]);
}

/** Waits until systemd knows no unit whose name holds the container's id, and its cgroup is gone. */
export async function untilGone(id: string, directory: string): Promise<void> {
  await until(`the end of the units of ${id}`, async () => {
    const units = await host("systemctl", "list-units", "--all", "--plain", "--no-legend", `*${id}*`);
    return units.trim() === "" && !exists(directory);
  });
}
