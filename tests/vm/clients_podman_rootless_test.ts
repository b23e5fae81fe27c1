/**
 * podman of a user without root's rights that has subordinate ids and a service manager. podman runs the
 * runtime as root of a user namespace that it has made, and the user's systemd makes the scopes. See
 * clients_docker_test.ts.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { Daemons } from "../clients/daemon.ts";
import { podmanMissing, type RuntimeName } from "../clients/podman.ts";
import { makeBundle } from "../lib/bundle.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { lacksCgroupV2, lacksSystemd, skip } from "../lib/skip.ts";
import { cgroupOf, limitsOf, RUNTIMES } from "./scopes.ts";

const USER = 1000;
const SESSION = `/run/user/${USER}`;

/**
 * podman as that user, with storage in the test's directory; containers run in a plain directory, not in an
 * image.
 */
class UserPodman {
  readonly daemons = new Daemons();
  readonly rootfs: string;

  constructor() {
    this.rootfs = makeBundle(this.daemons.dir, "image").rootfs;
  }

  /** Gives the directory to the user. */
  async start(): Promise<void> {
    await host("chown", "-hR", `${USER}:${USER}`, this.daemons.dir);
  }

  run(runtime: RuntimeName, ...args: string[]): Promise<Result> {
    const { dir } = this.daemons;
    const user = ["setpriv", "--reuid", String(USER), "--regid", String(USER), "--init-groups"];
    const environment = [
      `HOME=${dir}`,
      "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
      `XDG_RUNTIME_DIR=${SESSION}`,
      `DBUS_SESSION_BUS_ADDRESS=unix:path=${SESSION}/bus`,
    ];
    const places = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`, "--tmpdir", `${dir}/tmp`];
    const path = runtime === "tsrun" ? pathUnderTest() : "/usr/sbin/runc";
    const podman = ["podman", ...places, "--cgroup-manager", "systemd", "--runtime", path, ...args];
    return this.daemons.command(["/usr/bin/env", "-C", dir, "-i", ...environment, ...user, ...podman]);
  }

  async ok(runtime: RuntimeName, ...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(runtime, ...args);
    assertEquals(code, 0, `podman ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /**
   * Ends the process that keeps podman's user namespace, and removes everything.
   *
   * @returns What was left behind.
   */
  async stop(): Promise<string[]> {
    const pause = Number(readText(`${this.daemons.dir}/tmp/pause.pid`));
    if (pause > 0) Deno.kill(pause, "SIGKILL");
    return await this.daemons.stop();
  }
}

/** A container's life: ids, limits, exec, stop, rm. */
async function life(podman: UserPodman, runtime: RuntimeName): Promise<void> {
  const script = "trap 'exit 3' TERM; sleep 600 & wait";
  const limits = ["-m", "64m", "--pids-limit", "50", "--network", "none"];
  const id = await podman.ok(
    runtime,
    ...["run", "-d", ...limits, "--rootfs", podman.rootfs, "sh", "-c", script],
  );
  const pid = Number(await podman.ok(runtime, "inspect", "-f", "{{.State.Pid}}", id));
  const directory = cgroupOf(pid);
  assertMatch(directory, new RegExp(`/user@${USER}\\.service/user\\.slice/libpod-${id}\\.scope`));
  assertEquals(limitsOf(pid, ["memory.max", "pids.max"]), [String(64 << 20), "50"]);
  assertMatch(readText(`/proc/${pid}/uid_map`), new RegExp(`^\\s+0\\s+${USER}\\s+1\\n\\s+1\\s`));
  const exec = await podman.run(runtime, "exec", id, "sh", "-c", "id -u; exit 5");
  assertEquals([exec.code, exec.stdout], [5, "0\n"]);
  await podman.ok(runtime, "stop", "-t", "60", id);
  assertEquals(
    await podman.ok(runtime, "inspect", "-f", "{{.State.ExitCode}} {{.State.Status}}", id),
    "3 exited",
  );
  await until("the end of the scope", () => !exists(directory));
  await podman.ok(runtime, "rm", id);
}

const missing = podmanMissing() ?? lacksSystemd() ?? lacksCgroupV2() ??
  (exists(`${SESSION}/bus`) ? undefined : `needs a user ${USER} with a bus of its own`);
if (missing) skip("podman without root", missing);
else {
  Deno.test("podman without root", async (t) => {
    const podman = new UserPodman();
    let leaks: string[] = [];
    try {
      await podman.start();
      for (const runtime of RUNTIMES) {
        await t.step(`a life: ids, limits, exec, stop, rm [${runtime}]`, async () => {
          try {
            await life(podman, runtime);
          } catch (error) {
            await podman.run(runtime, "rm", "-f", "-a", "-t", "0");
            throw error;
          }
        });
      }
    } finally {
      leaks = await podman.stop();
    }
    assertEquals(leaks, []);
  });
}
