/**
 * A containerd with its CRI plug-in, as a node of Kubernetes has it, with two runtime handlers: `tsrun` and
 * `runc`. It is driven by crictl.
 */
import { assertEquals } from "@std/assert";
import { runCases, testClient } from "../clients/client.ts";
import { Daemons } from "../clients/daemon.ts";
import { writeImage } from "../clients/image.ts";
import { makeBundle } from "../lib/bundle.ts";
import { ensurePrograms } from "../lib/go_programs.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import type { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";

/** The runtime handlers. */
export type Handler = "tsrun" | "runc";

const CNI = "/usr/lib/cni";
const IMAGE = "example.org/box:latest";
/** What holds a pod's namespaces. */
const PAUSE = "example.org/pause:latest";
const PROGRAMS: readonly string[] = ["containerd", "containerd-shim-runc-v2", "ctr", "crictl"];

/** A message of the CRI as crictl reads it: field names of the protocol, enumerations by number. */
export type Message = { [field: string]: unknown };

/** `NamespaceMode` of the CRI. */
export const MODE = { POD: 0, CONTAINER: 1, NODE: 2, TARGET: 3 } as const;

/** Where containerd and crictl are, or why the tests cannot run. */
async function criPrograms(): Promise<{ dir: string } | { missing: string }> {
  if (Deno.uid() !== 0) return { missing: "needs root" };
  if (!exists(`${CNI}/ptp`)) return { missing: "needs the CNI plug-ins (containernetworking-plugins)" };
  if (!exists("/usr/sbin/runc")) return { missing: "needs runc" };
  return await ensurePrograms(PROGRAMS);
}

/** One test on a running containerd. */
export type CriCase = (cri: Cri) => Promise<unknown>;

/**
 * Registers a test of cases that share one containerd, which leaves nothing behind.
 *
 * @param manager Who makes cgroups.
 * @param missing Why the machine cannot run it, if it cannot.
 */
export async function testCri(
  name: string,
  cases: Readonly<Record<string, CriCase>>,
  manager: "cgroupfs" | "systemd" = "cgroupfs",
  missing?: string,
): Promise<void> {
  const programs = missing === undefined ? await criPrograms() : { missing };
  if ("missing" in programs) return skip(name, programs.missing);
  testClient(name, undefined, () => Cri.start(programs.dir, manager), (cri, t) => runCases(t, cri, cases));
}

/** A pod that runs. */
export interface Pod {
  id: string;
  handler: Handler;
  /** The config it was made from, which its containers are made with, too. */
  file: string;
  /** Where its containers' logs are. */
  logs: string;
}

/** A running containerd with one image, `example.org/box`. */
export class Cri {
  readonly daemons: Daemons = new Daemons();
  /** A number of this object's own for its network, 10.200.N.0/24. */
  private readonly subnet = 1 + Deno.pid % 250;
  private count = 0;

  private constructor(
    private readonly programs: string,
    private readonly manager: "cgroupfs" | "systemd",
  ) {
    this.daemons.addPath(programs);
  }

  /** Starts containerd and imports the images. */
  static async start(programs: string, manager: "cgroupfs" | "systemd"): Promise<Cri> {
    const cri = new Cri(programs, manager);
    try {
      await cri.startDaemon();
      return cri;
    } catch (error) {
      const log = cri.daemons.log("containerd");
      await cri.stop();
      throw new Error(`containerd did not come up: ${error}\n${log}`);
    }
  }

  private async startDaemon(): Promise<void> {
    const { daemons } = this, { dir } = daemons;
    this.writeNetwork();
    Deno.writeTextFileSync(`${dir}/containerd.toml`, this.config());
    Deno.writeTextFileSync(`${dir}/crictl.yaml`, "");
    // Its mounts are shared, as a node's are, but not with the machine.
    const shared = 'mount --make-rshared /; exec "$@"';
    daemons.prefix = ["unshare", "--mount", "--propagation", "private", "sh", "-c", shared, "sh"];
    daemons.spawn("containerd", [`${this.programs}/containerd`, "--config", `${dir}/containerd.toml`]);
    await until("containerd's socket", () => exists(daemons.containerd), 20_000);
    const { rootfs } = makeBundle(dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${dir}/layer.tar`, ".");
    await this.importImage(IMAGE, ["sh"]);
    await this.importImage(PAUSE, ["sleep", "2147483647"]);
    const both = async () => /box[^]*pause/.test(await this.ok("images"));
    await until("the images", both, 20_000);
  }

  /** Gives containerd an image of the one layer. */
  private async importImage(name: string, command: string[]): Promise<void> {
    const { dir, containerd } = this.daemons, archive = `${dir}/image-${++this.count}.tar`;
    await writeImage(`${dir}/layer.tar`, archive, name, command);
    const ctr = [`${this.programs}/ctr`, "--address", containerd, "--namespace", "k8s.io"];
    const { code, stderr } = await this.daemons.command([...ctr, "images", "import", archive]);
    assertEquals(code, 0, stderr);
  }

  async stop(): Promise<string[]> {
    return await this.daemons.stop();
  }

  /** Both handlers are runc's shim, with another program each, which keeps its state here. */
  private config(): string {
    const { dir, containerd } = this.daemons;
    const handler = (name: Handler, program: string) => `
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${name}]
runtime_type = "io.containerd.runc.v2"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.${name}.options]
BinaryName = "${program}"
Root = "${dir}/state-${name}"
SystemdCgroup = ${this.manager === "systemd"}
`;
    return `version = 3
root = "${dir}/containerd-root"
state = "${dir}/containerd-state"
disabled_plugins = ["io.containerd.nri.v1.nri", "io.containerd.snapshotter.v1.erofs", "io.containerd.snapshotter.v1.blockfile"]
[grpc]
address = "${containerd}"
[ttrpc]
address = "${containerd}.ttrpc"
[plugins.'io.containerd.internal.v1.opt']
path = "${dir}/opt"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
sandbox = "${PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
netns_mounts_under_state_dir = true
restrict_oom_score_adj = true
drain_exec_sync_io_timeout = "10s"
[plugins.'io.containerd.cri.v1.runtime'.cni]
bin_dirs = ["${CNI}"]
conf_dir = "${dir}/net.d"
[plugins.'io.containerd.cri.v1.runtime'.containerd]
default_runtime_name = "runc"
${handler("tsrun", pathUnderTest())}${handler("runc", "/usr/sbin/runc")}`;
  }

  /** A pair of devices for each pod: nothing of it stays on the machine. */
  private writeNetwork(): void {
    const { dir } = this.daemons;
    Deno.mkdirSync(`${dir}/net.d`);
    const ipam = {
      type: "host-local",
      dataDir: `${dir}/addresses`,
      ranges: [[{ subnet: `10.200.${this.subnet}.0/24` }]],
      routes: [{ dst: "0.0.0.0/0" }],
    };
    const list = { cniVersion: "0.4.0", name: "pods", plugins: [{ type: "ptp", ipMasq: false, ipam }] };
    Deno.writeTextFileSync(`${dir}/net.d/10-pods.conflist`, JSON.stringify(list));
  }

  /** Words of a crictl command. */
  words(...args: string[]): string[] {
    const socket = `unix://${this.daemons.containerd}`;
    return [
      `${this.programs}/crictl`,
      "--config",
      `${this.daemons.dir}/crictl.yaml`,
      "-r",
      socket,
      "-i",
      socket,
      "--timeout",
      "120s",
      ...args,
    ];
  }

  /** Runs crictl. */
  crictl(...args: string[]): Promise<Result> {
    return this.daemons.command(this.words(...args));
  }

  /** Runs crictl, which must succeed; returns its trimmed standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.crictl(...args);
    assertEquals(code, 0, `crictl ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** crictl on a terminal of its own. */
  terminal(...args: string[]): Terminal {
    return this.daemons.terminal(this.words(...args));
  }

  /** Runs a program where the node's mounts are: in containerd's mount namespace. It must succeed. */
  async onNode(...words: string[]): Promise<void> {
    const { code, stderr } = await this.daemons.command([
      ...["nsenter", "--mount", `--target=${this.daemons.pids().containerd}`],
      ...words,
    ]);
    assertEquals(code, 0, stderr);
  }

  /** Writes a message to a file for crictl. */
  private write(message: Message): string {
    const file = `${this.daemons.dir}/message-${++this.count}.json`;
    Deno.writeTextFileSync(file, JSON.stringify(message));
    return file;
  }

  /** The cgroup in which pods are. */
  private parent(): string {
    return this.manager === "systemd" ? `${this.daemons.token}.slice` : `/${this.daemons.token}`;
  }

  /** Runs a pod. @param linux Fields of its `LinuxPodSandboxConfig`. */
  async pod(handler: Handler, linux: Message = {}, more: Message = {}): Promise<Pod> {
    const uid = `pod-${++this.count}`, logs = `${this.daemons.dir}/logs-${uid}`;
    const file = this.write({
      metadata: { name: uid, uid, namespace: "tests", attempt: 0 },
      hostname: "box",
      log_directory: logs,
      ...more,
      linux: { cgroup_parent: this.parent(), ...linux },
    });
    return { id: await this.ok("runp", "--runtime", handler, file), handler, file, logs };
  }

  /** Makes a container in a pod and starts it. @returns Its id. */
  async container(pod: Pod, script: string, linux: Message = {}, more: Message = {}): Promise<string> {
    const id = await this.created(pod, script, linux, more);
    await this.ok("start", id);
    return id;
  }

  /** Makes a container that runs a script in a shell; its log is `ID.log` of the pod's directory. */
  async created(pod: Pod, script: string, linux: Message = {}, more: Message = {}): Promise<string> {
    const name = `c-${++this.count}`;
    const file = this.write({
      metadata: { name, attempt: 0 },
      image: { image: IMAGE },
      command: ["/bin/sh", "-c", script],
      log_path: `${name}.log`,
      ...more,
      linux,
    });
    return await this.ok("create", pod.id, file, pod.file);
  }

  /** What a container wrote, when it has ended. */
  async output(id: string): Promise<string> {
    await until(
      "the container's end",
      async () => (await this.status(id)).state === "CONTAINER_EXITED",
      20_000,
    );
    return await this.ok("logs", id);
  }

  /** The first lines of a container's output, as soon as there are so many; it goes on. */
  async lines(id: string, count: number): Promise<string[]> {
    return await until(`${count} lines of output`, async () => {
      const { stdout } = await this.crictl("logs", id);
      const lines = stdout.split("\n").slice(0, -1);
      return lines.length >= count ? lines : undefined;
    }, 20_000);
  }

  /** `ContainerStatus` of a container. */
  async status(id: string): Promise<{ state: string; exitCode: number; reason: string }> {
    return JSON.parse(await this.ok("inspect", id)).status;
  }

  /** Runs a script as the only container of a pod, which is removed. @returns What it wrote. */
  async run(handler: Handler, script: string, linux: Message = {}, pod: Message = {}): Promise<string> {
    const made = await this.pod(handler, pod);
    const output = await this.output(await this.container(made, script, linux));
    await this.remove(made);
    return output;
  }

  /** Stops and removes a pod, of which nothing may stay. */
  async remove(pod: Pod): Promise<void> {
    await this.ok("stopp", pod.id);
    await this.ok("rmp", pod.id);
    assertEquals(this.stateOf(pod.handler), []);
  }

  /** Ids of the containers that a runtime keeps. */
  stateOf(handler: Handler): string[] {
    try {
      return [...Deno.readDirSync(`${this.daemons.dir}/state-${handler}/k8s.io`)].map(({ name }) => name);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw error;
    }
  }

  /**
   * Does the same under each handler; what is seen must be the same. With systemd, under tsrun alone.
   *
   * @returns What was seen.
   */
  async both<T>(look: (handler: Handler) => Promise<T>): Promise<T> {
    const ours = await look("tsrun");
    // An emulated machine takes minutes for a pod, and runc has passed outside of it.
    if (this.manager === "systemd") return ours;
    const theirs = await look("runc");
    assertEquals(ours, theirs, `tsrun, then runc; ${this.daemons.log("containerd")}`);
    return ours;
  }

  /** The log that containerd writes for a container, in the form of the CRI. */
  logFile(pod: Pod): string {
    return [...Deno.readDirSync(pod.logs)].map(({ name }) => readText(`${pod.logs}/${name}`)).join("");
  }
}
