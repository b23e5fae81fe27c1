/** Debian's dockerd for one test file: private socket, directories, bridge, cgroup parent; two runtimes. */
import { assertEquals } from "@std/assert";
import { makeBundle } from "../lib/bundle.ts";
import { exists, host, type Result, until } from "../lib/process.ts";
import type { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { Daemons } from "./daemon.ts";

/** Client of Debian's docker.io package; another program of that name may come first in PATH. */
const CLIENT = "/usr/bin/docker";
const DAEMON = "/usr/sbin/dockerd";

/** Address of the host on the test's bridge. */
export const BRIDGE_ADDRESS = "172.30.211.1";

/** The runtimes by the names that docker knows them by. */
export const RUNTIMES = ["tsrun", "runc"] as const;
export type RuntimeName = typeof RUNTIMES[number];

/** One test on the running daemon. */
export type Case = (docker: Docker) => Promise<unknown>;

/** What is missing for these tests, or undefined. */
export function dockerMissing(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return [CLIENT, DAEMON, "/usr/bin/containerd", "/usr/sbin/runc"].filter((path) => !exists(path))
    .map((path) => `${path} is not installed`)[0];
}

/**
 * The client's warning about a host that forwards no packets (net.ipv4.ip_forward). The tests leave the host
 * as it is: their containers speak to the host only.
 */
export const NO_FORWARDING = /^WARNING: IPv4 forwarding is disabled\. Networking will not work\.\r?\n/gm;

/** A result without what the client says of the host. */
function aboutContainers(result: Result): Result {
  return { ...result, stderr: result.stderr.replace(NO_FORWARDING, "") };
}

/** A running dockerd with an image named `box`. */
export class Docker {
  readonly daemons: Daemons = new Daemons();
  /** Address of the daemon, for clients that are started otherwise. */
  readonly socket: string = `unix://${this.daemons.dir}/docker.sock`;

  /** @param driver `systemd` is what dockerd itself takes on a host with systemd and cgroup v2 alone. */
  private constructor(
    private readonly driver: "cgroupfs" | "systemd" = "cgroupfs",
    readonly flags: string[],
  ) {}

  /**
   * Starts containerd and dockerd and imports the image.
   *
   * @param flags More flags of dockerd.
   * @param prepare Called before anything is started.
   */
  static async start(
    driver?: "cgroupfs" | "systemd",
    flags: string[] = [],
    prepare?: (daemons: Daemons) => Promise<void>,
  ): Promise<Docker> {
    const docker = new Docker(driver, flags);
    try {
      await prepare?.(docker.daemons);
      await docker.startDaemon();
      await docker.importImage();
      return docker;
    } catch (error) {
      const log = docker.daemons.log("dockerd");
      await docker.stop();
      throw new Error(`dockerd did not come up: ${error}\n${log}`);
    }
  }

  /** Runs the docker client. */
  async run(...args: string[]): Promise<Result> {
    return aboutContainers(await this.daemons.command([CLIENT, "-H", this.socket, ...args]));
  }

  /** Runs the docker client with a text on its standard input. */
  async input(stdin: string, ...args: string[]): Promise<Result> {
    return aboutContainers(await this.daemons.command([CLIENT, "-H", this.socket, ...args], { stdin }));
  }

  /** Runs the docker client, which must succeed; returns its trimmed standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(...args);
    assertEquals(code, 0, `docker ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** `docker run --rm` under a runtime. */
  container(runtime: RuntimeName, ...args: string[]): Promise<Result> {
    return this.run("run", "--rm", "--runtime", runtime, ...args);
  }

  /**
   * The same `docker run --rm` under both runtimes at the same time; their exit status and output must be the
   * same.
   *
   * @returns The result that they share.
   */
  async both(...args: string[]): Promise<Result> {
    const [ours, theirs] = await Promise.all(RUNTIMES.map((runtime) => this.container(runtime, ...args)));
    assertEquals(
      [ours.code, ours.stdout],
      [theirs.code, theirs.stdout],
      `tsrun: ${ours.stderr}\nrunc: ${theirs.stderr}`,
    );
    return ours;
  }

  /** The docker client on a terminal, `size` in columns and rows. */
  terminal(args: string[], size?: [number, number]): Terminal {
    return this.daemons.terminal([CLIENT, "-H", this.socket, ...args], size);
  }

  /**
   * Runs `use` with a container under each runtime at the same time, and removes the containers.
   *
   * @param args Flags, image and command of `docker run -d`.
   * @returns What `use` returned, for tsrun and for runc, to be compared.
   */
  async pair<T>(args: string[], use: (id: string, runtime: RuntimeName) => Promise<T>): Promise<[T, T]> {
    const one = async (runtime: RuntimeName) => {
      const id = await this.detached(runtime, ...args);
      try {
        return await use(id, runtime);
      } catch (error) {
        throw new Error(`under ${runtime}: ${error instanceof Error ? error.message : error}`, {
          cause: error,
        });
      } finally {
        await this.run("rm", "-f", id);
      }
    };
    // Both are waited for even when one fails: the case's containers end with it.
    const [ours, theirs] = await Promise.allSettled([one("tsrun"), one("runc")]);
    if (ours.status === "rejected") throw ours.reason;
    if (theirs.status === "rejected") throw theirs.reason;
    return [ours.value, theirs.value];
  }

  /** Starts a container in the background and returns its full id. */
  detached(runtime: RuntimeName, ...args: string[]): Promise<string> {
    return this.ok("run", "-d", "--runtime", runtime, ...args);
  }

  /** `docker inspect` of a container. */
  async inspect(id: string): Promise<Record<string, Record<string, unknown>>> {
    return JSON.parse(await this.ok("inspect", id))[0];
  }

  /** State directory of a container; dockerd gives all runtimes the same `--root`. */
  stateDir(id = ""): string {
    return `${this.daemons.dir}/exec/runtime-runc/moby/${id}`;
  }

  /** Value of a v1 cgroup file of a container. */
  cgroup(id: string, controller: string, file: string): string {
    return Deno.readTextFileSync(`/sys/fs/cgroup/${controller}/${this.daemons.token}/${id}/${file}`).trim();
  }

  /** Removes all containers, stops the daemons, removes bridge, mounts, cgroups and directories. */
  async stop(): Promise<string[]> {
    await this.removeAll();
    return await this.daemons.stop();
  }

  /** Removes all containers: those of cases that failed. */
  async removeAll(): Promise<void> {
    const ids = (await this.run("ps", "-aq")).stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) await this.run("rm", "-f", ...ids);
  }

  private async startDaemon(): Promise<void> {
    const { daemons } = this;
    await daemons.startContainerd();
    // Interface names have 15 characters at most.
    const bridge = `tsr-${daemons.token.slice(-8)}`;
    await host("ip", "link", "add", bridge, "type", "bridge");
    daemons.defer(() => host("ip", "link", "del", bridge));
    await host("ip", "addr", "add", `${BRIDGE_ADDRESS}/24`, "dev", bridge);
    await host("ip", "link", "set", bridge, "up");
    const directory = (name: string) => `${daemons.dir}/${name}`;
    daemons.spawn("dockerd", [
      ...[DAEMON, "--host", this.socket, "--containerd", daemons.containerd],
      ...[
        "--data-root",
        directory("data"),
        "--exec-root",
        directory("exec"),
        "--pidfile",
        directory("docker.pid"),
      ],
      ...["--bridge", bridge],
      ...(this.driver === "cgroupfs"
        ? ["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", `/${daemons.token}`]
        : []),
      ...[
        "--iptables=false",
        "--ip6tables=false",
        "--ip-masq=false",
        "--ip-forward=false",
        "--userland-proxy=false",
      ],
      ...["--storage-driver", "overlay2"],
      // dockerd refuses runtimes on the command line beside those of a configuration file.
      ...(this.flags.includes("--config-file") ? [] : ["--add-runtime", `tsrun=${pathUnderTest()}`]),
      ...this.flags,
    ]);
    await until("dockerd to answer", async () => {
      if (!exists(`${daemons.dir}/docker.sock`)) return false;
      return (await this.run("version")).code === 0;
    }, 30_000);
  }

  private async importImage(): Promise<void> {
    const { dir } = this.daemons;
    const { rootfs } = makeBundle(dir, "image");
    Deno.mkdirSync(`${rootfs}/data`);
    Deno.writeTextFileSync(`${rootfs}/data/of-the-image`, "content\n");
    await host("tar", "-C", rootfs, "-cf", `${dir}/image.tar`, ".");
    await this.ok("import", `${dir}/image.tar`, "box");
  }
}
