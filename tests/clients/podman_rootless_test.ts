/**
 * podman of a user without root's rights, who has subordinate ids. Every command runs in a mount namespace of
 * its own, whose /etc says so.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { makeBundle } from "../lib/bundle.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import { asUser, missingForRootless, SUBORDINATE, USER } from "../lib/rootless.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { type Client, runCases, testClient } from "./client.ts";
import { Daemons } from "./daemon.ts";
import { podmanMissing } from "./podman.ts";

/** The files of /etc that podman and newuidmap look into. */
const DATABASES = {
  subuid: `tsrun-test:${SUBORDINATE}:65536\n`,
  subgid: `tsrun-test:${SUBORDINATE}:65536\n`,
  passwd: `root:x:0:0::/root:/bin/sh\ntsrun-test:x:${USER}:${USER}::/:/bin/sh\n`,
  group: `root:x:0:\ntsrun-test:x:${USER}:\n`,
};

/** See the module's description. */
class RootlessPodman implements Client {
  readonly daemons: Daemons = new Daemons();
  readonly dir: string = this.daemons.dir;

  static async start(): Promise<RootlessPodman> {
    const podman = new RootlessPodman(), { dir } = podman;
    for (const [name, text] of Object.entries(DATABASES)) Deno.writeTextFileSync(`${dir}/${name}`, text);
    Deno.mkdirSync(`${dir}/runtime`, { mode: 0o700 });
    Deno.mkdirSync(`${dir}/volume`);
    Deno.writeTextFileSync(`${dir}/volume/file`, "of the volume\n");
    Deno.writeTextFileSync(
      `${dir}/containers.conf`,
      `[containers]
netns = "none"
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
lock_type = "file"
events_logger = "file"
runtime = "tsrun"
runtime_supports_json = ["tsrun"]
[engine.runtimes]
tsrun = ["${pathUnderTest()}"]
`,
    );
    const { rootfs } = makeBundle(dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${dir}/image.tar`, ".");
    await host("/bin/chown", "-hR", `${USER}:${USER}`, dir);
    await podman.ok("import", `${dir}/image.tar`, "box");
    return podman;
  }

  /** Runs podman as the user. */
  run(...args: string[]): Promise<Result> {
    return this.daemons.command(this.argv(args));
  }

  /** Runs podman, which must succeed; returns its trimmed standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assertEquals(code, 0, `podman ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** The command that runs podman as the user, in whose /etc he has subordinate ids. */
  argv(args: string[]): string[] {
    const { dir } = this;
    const binds = Object.keys(DATABASES).map((name) => `mount --bind ${dir}/${name} /etc/${name} || exit 1`);
    const script = [...binds, `export XDG_RUNTIME_DIR=${dir}/runtime`, "cd /", 'exec "$@"'].join("\n");
    const unshare = [
      "/usr/bin/unshare",
      "--mount",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      script,
      "sh",
    ];
    const podman = ["/usr/bin/podman", "--storage-driver", "vfs", "--log-level", "error"];
    return [...unshare, "/usr/bin/setpriv", ...asUser(), ...podman, ...args];
  }

  async stop(): Promise<string[]> {
    const removed = await this.run("rm", "-f", "-a", "-t", "0");
    // The process that keeps the user namespace between two commands.
    const pause = Number(readText(`${this.dir}/runtime/libpod/tmp/pause.pid`));
    if (pause > 0 && exists(`/proc/${pause}`)) {
      Deno.kill(pause, "SIGKILL");
      await until("the end of podman's pause process", () => !exists(`/proc/${pause}`));
    }
    // podman makes it, whatever its --runroot, where it finds no session's directory.
    const left = `/tmp/podman-run-${USER}`;
    if (exists(left)) Deno.removeSync(left, { recursive: true });
    const leaks = removed.code === 0 ? [] : [`podman rm: ${removed.stderr}`];
    return [...leaks, ...await this.daemons.stop()];
  }
}

/** Runs `use` with a container in the background. */
async function withContainer(
  podman: RootlessPodman,
  flags: string[],
  use: (id: string) => Promise<unknown>,
): Promise<void> {
  const id = await podman.ok("run", "-d", ...flags, "box", "/bin/sleep", "1000");
  try {
    await use(id);
  } finally {
    await podman.ok("rm", "-f", "-t", "0", id);
  }
}

const CASES: Record<string, (podman: RootlessPodman) => Promise<unknown>> = {
  async "run: as root of a user namespace of the user's"(podman) {
    const output = await podman.ok("run", "--rm", "box", "/bin/sh", "-c", "id -u; cat /proc/self/uid_map");
    assertMatch(output, new RegExp(`^0\\n\\s+0\\s+${USER}\\s+1\\n\\s+1\\s+${SUBORDINATE}\\s+65536$`));
    assertEquals((await podman.run("run", "--rm", "box", "/bin/sh", "-c", "exit 7")).code, 7);
  },
  async "run: with the PID namespace of the host"(podman) {
    const count = "ls /proc | grep -c '^1$'; readlink /proc/self/ns/pid";
    const output = await podman.ok("run", "--rm", "--pid", "host", "box", "/bin/sh", "-c", count);
    assertEquals(output, `1\n${Deno.readLinkSync("/proc/self/ns/pid")}`);
  },
  async "run: with the network and UTS namespaces of the host"(podman) {
    const flags = ["--network", "host", "--uts", "host"];
    const output = await podman.ok("run", "--rm", ...flags, "box", "/bin/readlink", "/proc/self/ns/net");
    assertEquals(output, Deno.readLinkSync("/proc/self/ns/net"));
  },
  async "run: with the user's own id, with ids that nobody else has, with none of the user's"(podman) {
    const id = (...flags: string[]) => podman.ok("run", "--rm", ...flags, "box", "/bin/id", "-u");
    assertEquals(await id("--userns", "keep-id"), String(USER));
    assertEquals(await id("--userns", "auto"), "0");
    assertEquals(await id("--userns", "nomap"), "0");
  },
  async "run: volumes"(podman) {
    const script = "cat /v/file; echo made >/v/made; touch /r/x 2>&1";
    const volumes = ["-v", `${podman.dir}/volume:/v`, "-v", `${podman.dir}/volume:/r:ro`];
    const { stdout } = await podman.run("run", "--rm", ...volumes, "box", "/bin/sh", "-c", script);
    assertEquals(stdout, "of the volume\ntouch: /r/x: Read-only file system\n");
    assertEquals(Deno.statSync(`${podman.dir}/volume/made`).uid, USER);
  },
  async "exec: as root, as another user, in another directory"(podman) {
    await withContainer(podman, [], async (id) => {
      assertMatch(await podman.ok("exec", id, "/bin/id"), /^uid=0\(root\) gid=0\(root\)/);
      const other = await podman.ok("exec", "-u", "5", "-w", "/tmp", id, "/bin/sh", "-c", "id -u; pwd");
      assertEquals(other, "5\n/tmp");
      assertEquals((await podman.run("exec", id, "/bin/sh", "-c", "exit 9")).code, 9);
    });
  },
  async "exec: where the host's network and PID namespaces are the container's"(podman) {
    await withContainer(podman, ["--network", "host", "--pid", "host"], async (id) => {
      assertEquals(await podman.ok("exec", id, "/bin/id", "-u"), "0");
    });
  },
  async "exec: on a terminal"(podman) {
    await withContainer(podman, [], async (id) => {
      const argv = podman.argv(["exec", "-it", id, "/bin/sh", "-c", "tty; stty size; id -u"]);
      const terminal = podman.daemons.terminal(argv, [91, 31]);
      try {
        await terminal.expect(/\/dev\/pts\/\d+\r\n31 91\r\n0\r\n/);
        assertEquals(await terminal.wait(), 0);
      } finally {
        await terminal.close();
      }
    });
  },
  async "pods: containers share what the first has"(podman) {
    const infra = ["--infra-image", "box", "--infra-command", "/bin/sleep 1000"];
    const pod = await podman.ok("pod", "create", ...infra);
    try {
      const run = (script: string) => podman.ok("run", "--rm", "--pod", pod, "box", "/bin/sh", "-c", script);
      const [first, second] = [
        await run("readlink /proc/self/ns/ipc"),
        await run("readlink /proc/self/ns/ipc"),
      ];
      assertEquals(first, second);
      assert(first !== Deno.readLinkSync("/proc/self/ns/ipc"));
    } finally {
      await podman.ok("pod", "rm", "-f", "-t", "0", pod);
    }
  },
};

testClient(
  "podman, rootless",
  podmanMissing() ?? missingForRootless() ?? (exists("/usr/bin/newuidmap") ? undefined : "needs newuidmap"),
  () => RootlessPodman.start(),
  (podman, t) => runCases(t, podman, CASES),
);
