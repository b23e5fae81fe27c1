/** systemd as the first process of a container; services that belong together. Each under both runtimes. */
import { assert, assertEquals } from "@std/assert";
import { exists, host, sleep, until } from "../lib/process.ts";
import { type Podman, type RuntimeName, RUNTIMES } from "./podman.ts";

const INIT = "/usr/lib/systemd/systemd";

/** Why systemd cannot be booted in a container: its programs are those of this machine. */
export function systemdMissing(): string | undefined {
  const merged = exists("/usr/lib/systemd/systemd") && exists("/usr/bin/systemctl");
  return merged ? undefined : "needs systemd's programs in /usr (Debian's package systemd)";
}

/** Gives podman an image `systemd` without programs: they are this machine's, from a volume. */
export async function importSystemd(podman: Podman): Promise<void> {
  const tree = `${podman.daemons.dir}/systemd`;
  for (const name of ["dev", "etc", "proc", "run", "sys", "tmp", "usr", "var/log", "root"]) {
    Deno.mkdirSync(`${tree}/${name}`, { recursive: true });
  }
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    if (exists(`/usr/${name}`)) Deno.symlinkSync(`usr/${name}`, `${tree}/${name}`);
  }
  // Without it, systemd would take this for the first boot, and switch on every unit that there is.
  Deno.writeTextFileSync(`${tree}/etc/machine-id`, "0123456789abcdef0123456789abcdef\n");
  Deno.writeTextFileSync(`${tree}/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
  Deno.writeTextFileSync(`${tree}/etc/group`, "root:x:0:\n");
  await host("tar", "-C", tree, "-cf", `${tree}.tar`, ".");
  await podman.ok("import", `${tree}.tar`, "systemd");
}

/**
 * Boots a container of the image `systemd`, runs a unit in it, and stops it.
 *
 * @returns What was seen, to be compared.
 */
async function boot(podman: Podman, runtime: RuntimeName): Promise<unknown> {
  const id = await podman.detached(runtime, "--systemd=always", "-v", "/usr:/usr:ro", "systemd", INIT);
  const inside = (...words: string[]) => podman.run("--runtime", runtime, "exec", id, ...words);
  const state = await until("systemd's start", async () => {
    const word = (await inside("systemctl", "is-system-running", "--wait")).stdout.trim();
    return ["running", "degraded"].includes(word) ? word : sleep(300).then(() => undefined);
  }, 60_000);
  const failed = (await inside("systemctl", "list-units", "--state=failed", "--plain", "--no-legend")).stdout;
  // A service has a cgroup of its own below the container's.
  const started = await inside("systemd-run", "--unit=one", "--property=TasksMax=7", "sleep", "1000");
  assertEquals(started.code, 0, started.stderr);
  const shown = (await inside("systemctl", "show", "one", "-p", "ControlGroup,ActiveState,TasksMax")).stdout;
  const begin = performance.now();
  await podman.ok("--runtime", runtime, "stop", "-t", "50", id);
  assert(performance.now() - begin < 45_000, "systemd was killed: it did not stop in time");
  const end = await podman.ok("inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id);
  await podman.ok("rm", id);
  return [state, failed, shown.replace(/\/libpod\S*\//, "/").replaceAll(id, "ID"), end];
}

/** A front, a back and a store: three containers of a pod, in which the front asks the back. */
async function services(podman: Podman, runtime: RuntimeName): Promise<unknown> {
  const pod = `pod-${runtime}`;
  await podman.ok("--runtime", runtime, "pod", "create", "--infra=false", "--name", pod);
  const volume = `${podman.daemons.dir}/${pod}`;
  Deno.mkdirSync(volume);
  const service = (name: string, ...words: string[]) =>
    podman.detached(runtime, "--pod", pod, "--net", "host", "--name", `${pod}-${name}`, ...words);
  await service(
    "store",
    "-v",
    `${volume}:/data`,
    "box",
    "sh",
    "-c",
    "echo stored >/data/file; exec sleep 1000",
  );
  await until(
    "the store",
    async () => (await podman.run("exec", `${pod}-store`, "cat", "/data/file")).code === 0,
  );
  const port = runtime === "tsrun" ? "28411" : "28412";
  await service(
    "back",
    "-v",
    `${volume}:/data:ro`,
    "box",
    "busybox",
    "httpd",
    "-f",
    "-p",
    `127.0.0.1:${port}`,
    "-h",
    "/data",
  );
  const ask = `until wget -q -O - http://127.0.0.1:${port}/file; do sleep 0.2; done`;
  const front = await service("front", "box", "sh", "-c", ask);
  const code = await podman.ok("wait", front);
  const logs = await podman.ok("logs", front);
  const states = await podman.ok("ps", "-a", "--filter", `pod=${pod}`, "--format", "{{.Names}} {{.State}}");
  await podman.ok("pod", "rm", "-f", "-t", "0", pod);
  return [
    code,
    logs,
    states.replaceAll(pod, "pod").replace(/ (?:\d+ seconds?|Less than a second) ago/g, "").split("\n").sort(),
  ];
}

/** Does the same under both runtimes, one after the other. */
async function alike(look: (runtime: RuntimeName) => Promise<unknown>): Promise<void> {
  const seen: unknown[] = [];
  for (const runtime of RUNTIMES) seen.push(await look(runtime));
  assertEquals(seen[0], seen[1], "tsrun, then runc");
}

/** Cases for a podman that has an image `systemd` besides `box`. */
export const SYSTEMD_CASES: Readonly<Record<string, (podman: Podman) => Promise<void>>> = {
  "systemd as a container's init: running, a service with a limit, a stop in time": (podman) =>
    alike((runtime) => boot(podman, runtime)),
  "three services in a pod": (podman) => alike((runtime) => services(podman, runtime)),
};
