/** Debian's podman for one test file: storage, state, cgroups and locks of its own; two runtimes. */
import { assertEquals } from "@std/assert";
import { makeBundle } from "../lib/bundle.ts";
import { findProcesses } from "../lib/leaks.ts";
import { exists, host, type Result, until } from "../lib/process.ts";
import type { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { Daemons } from "./daemon.ts";
import { SIZE } from "./dialogue.ts";
import { runCases, testClient } from "./client.ts";

const CLIENT = "/usr/bin/podman";
const RUNC = "/usr/sbin/runc";

/** The runtimes by the names that this podman knows them by. */
export const RUNTIMES = ["tsrun", "runc"] as const;
export type RuntimeName = typeof RUNTIMES[number];

/** One test with podman. */
export type Case = (podman: Podman) => Promise<unknown>;

/** What is missing for these tests, or undefined. */
export function podmanMissing(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return [CLIENT, "/usr/bin/conmon", RUNC].filter((path) => !exists(path))
    .map((path) => `${path} is not installed`)[0];
}

/** Podman with an image named `box`. */
export class Podman {
  readonly daemons: Daemons = new Daemons();
  /** Containers that ran in the background. */
  readonly ids: string[] = [];

  /** @param manager Who makes cgroups; systemd does it in machine.slice. */
  constructor(private readonly manager: "cgroupfs" | "systemd" = "cgroupfs") {}

  /** Writes its configuration and imports the image. */
  static async start(manager?: "cgroupfs" | "systemd"): Promise<Podman> {
    const podman = new Podman(manager);
    const { dir } = podman.daemons;
    Deno.writeTextFileSync(`${dir}/containers.conf`, configuration());
    const { rootfs } = makeBundle(dir, "image");
    Deno.mkdirSync(`${rootfs}/data`);
    Deno.writeTextFileSync(`${rootfs}/data/of-the-image`, "content\n");
    await host("tar", "-C", rootfs, "-cf", `${dir}/image.tar`, ".");
    await podman.ok("import", `${dir}/image.tar`, "box");
    return podman;
  }

  /** Runs podman. */
  run(...args: string[]): Promise<Result> {
    return this.daemons.command(this.argv(args));
  }

  /** Runs podman with a text on its standard input. */
  input(stdin: string, ...args: string[]): Promise<Result> {
    return this.daemons.command(this.argv(args), { stdin });
  }

  /** Runs podman, which must succeed; returns its trimmed standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assertEquals(code, 0, `podman ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** Runs `use` with podman on a terminal, which must be as it was when podman has ended. */
  async terminal<T>(args: string[], use: (terminal: Terminal) => Promise<T>): Promise<T> {
    const terminal = this.daemons.terminal(this.argv(args), SIZE);
    const modes = terminal.modes();
    try {
      const result = await use(terminal);
      assertEquals(terminal.modes(), modes, "the client's terminal is as it was");
      return result;
    } finally {
      await terminal.close();
    }
  }

  /** Arguments of podman that run an image's command under a runtime, in the test's cgroup. */
  runArguments(runtime: RuntimeName | string, ...args: string[]): string[] {
    const parent = this.manager === "cgroupfs" ? ["--cgroup-parent", `/${this.daemons.token}`] : [];
    return ["--runtime", runtime, "run", ...parent, ...args];
  }

  /** Starts a container in the background and returns its id. */
  async detached(runtime: RuntimeName, ...args: string[]): Promise<string> {
    const id = await this.ok(...this.runArguments(runtime, "-d", ...args));
    this.ids.push(id);
    return id;
  }

  /** State directory of a container; podman leaves the runtime its own `--root`. */
  stateDir(id: string): string {
    const name = pathUnderTest().split("/").at(-1);
    return [`/run/${name}/${id}`, `/run/runc/${id}`].find(exists) ?? "";
  }

  /**
   * `podman run --rm` under both runtimes: exit status and output must be the same.
   *
   * @returns The shared result.
   */
  async both(...args: string[]): Promise<Result> {
    const [ours, theirs] = await Promise.all(
      RUNTIMES.map((runtime) => this.run(...this.runArguments(runtime, "--rm", ...args))),
    );
    assertEquals(
      [ours.code, ours.stdout],
      [theirs.code, theirs.stdout],
      `tsrun: ${ours.stderr}\nrunc: ${theirs.stderr}`,
    );
    return ours;
  }

  /**
   * Runs `use` with a container under each runtime at the same time, and removes the containers.
   *
   * @param args Flags, image and command of `podman run -d`.
   * @returns What `use` returned, for tsrun and for runc, to be compared.
   */
  async pair<T>(args: string[], use: (id: string, runtime: RuntimeName) => Promise<T>): Promise<[T, T]> {
    const one = async (runtime: RuntimeName) => {
      const id = await this.detached(runtime, ...args);
      try {
        return await use(id, runtime);
      } catch (error) {
        const message = error instanceof Error ? error.message : error;
        throw new Error(`under ${runtime}: ${message}`, { cause: error });
      } finally {
        await this.run("rm", "-f", "-t", "0", id);
      }
    };
    // Both are waited for even when one fails: the case's containers end with it.
    const [ours, theirs] = await Promise.allSettled([one("tsrun"), one("runc")]);
    if (ours.status === "rejected") throw ours.reason;
    if (theirs.status === "rejected") throw theirs.reason;
    return [ours.value, theirs.value];
  }

  /** Removes all containers, and waits for the ends of conmon and of the clean-up that it starts. */
  async removeAll(): Promise<void> {
    await this.run("rm", "-f", "-a", "-t", "0");
    await until("the end of conmon", () => findProcesses(this.daemons.token).length === 0, 10_000);
  }

  /** Removes all that it made. @returns What was left behind. */
  async stop(): Promise<string[]> {
    const late = await this.removeAll().then(() => [], (error) => [String(error)]);
    return [...late, ...await this.daemons.stop()];
  }

  /** The command line of podman with these arguments. */
  argv(args: string[]): string[] {
    const { dir } = this.daemons;
    const places = ["--root", `${dir}/storage`, "--runroot", `${dir}/run`, "--tmpdir", `${dir}/tmp`];
    return [CLIENT, ...places, "--storage-driver", "overlay", "--cgroup-manager", this.manager, ...args];
  }
}

/** containers.conf(5): podman reads the messages of runtimes that it knows by name to write JSON. */
function configuration(): string {
  return `[containers]
netns = "none"
# By default podman asks for more than root may have that runs in a container or a sandbox itself.
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
lock_type = "file"
events_logger = "file"
runtime_supports_json = ["tsrun", "runc"]
# What keeps the namespaces of a pod; tests that need it import it.
infra_image = "localhost/pause:latest"
[engine.runtimes]
tsrun = ["${pathUnderTest()}"]
runc = ["${RUNC}"]
`;
}

/** Registers a test of cases that share one podman, which leaves nothing behind. */
export function testPodman(name: string, cases: Readonly<Record<string, Case>>): void {
  testClient(name, podmanMissing(), () => Podman.start(), (podman, t) => runCases(t, podman, cases));
}
