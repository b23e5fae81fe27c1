/**
 * A containerd with its CRI plug-in, as a node of Kubernetes has it, with two runtime handlers: `tsrun` and
 * `runc`. It is driven by crictl.
 */
import { assert, assertEquals } from "@std/assert";
import { runCases, testClient } from "../clients/client.ts";
import { Daemons } from "../clients/daemon.ts";
import { writeImage } from "../clients/image.ts";
import { makeBundle } from "../lib/bundle.ts";
import { ensurePrograms } from "../lib/go_programs.ts";
import { exists, host, readText, type Result, until } from "../lib/process.ts";
import type { Terminal } from "../lib/pty.ts";
import { skip } from "../lib/skip.ts";
import {
  CNI,
  containerdConfig,
  type Handler,
  type Manager,
  networkConfig,
  PAUSE,
  stateDir,
} from "./config.ts";

const IMAGE = "example.org/box:latest";
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
  manager: Manager = "cgroupfs",
  missing?: string,
): Promise<void> {
  const programs = missing === undefined ? await criPrograms() : { missing };
  if ("missing" in programs) return skip(name, programs.missing);
  testClient(name, undefined, () => Cri.start(programs.dir, manager), async (cri, t) => {
    await runCases(t, cri, cases);
    await t.step(
      "the pods that cases shared are removed, and nothing of them stays",
      () => cri.removeShared(),
    );
  });
}

/** A pod that runs. */
export interface Pod {
  id: string;
  handler: Handler;
  /** The config it was made from, which its containers are made with, too. */
  file: string;
  /** Where its containers' logs are. */
  logs: string;
  /** Ids of all containers that were made in it. */
  containers: string[];
}

/** What is kept of a container. */
interface Container {
  pod: Pod;
  /** Its log, in the form of the CRI. */
  log: string;
}

/** A running containerd with one image, `example.org/box`. */
export class Cri {
  readonly daemons: Daemons = new Daemons();
  /** Beginning of the addresses of its pods: those of other test processes begin otherwise. */
  readonly network: string = `10.${128 + (Deno.pid >> 8) % 64}.${Deno.pid % 256}.`;
  private count = 0;
  private readonly shared = new Map<Handler, Pod>();
  private readonly containers = new Map<string, Container>();

  private constructor(
    private readonly programs: string,
    readonly manager: Manager,
  ) {
    this.daemons.addPath(programs);
  }

  /** Starts containerd and imports the images. */
  static async start(programs: string, manager: Manager): Promise<Cri> {
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
    Deno.mkdirSync(`${dir}/net.d`);
    Deno.writeTextFileSync(`${dir}/net.d/10-pods.conflist`, networkConfig(dir, `${this.network}0/24`));
    Deno.writeTextFileSync(
      `${dir}/containerd.toml`,
      containerdConfig(dir, daemons.containerd, this.manager),
    );
    if (this.manager === "systemd") daemons.defer(() => this.endSlice());
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

  /** systemd keeps a slice that it made for a scope, empty as it is. */
  private async endSlice(): Promise<void> {
    await this.daemons.command(["systemctl", "stop", this.parent()]);
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
  parent(): string {
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
    const id = await this.ok("runp", "--runtime", handler, file);
    return { id, handler, file, logs, containers: [] };
  }

  /**
   * A pod with nothing special. Cases whose subject is a container share it, as a pod takes its time, and a
   * node's pods live longer than their containers, too.
   */
  async usual(handler: Handler): Promise<Pod> {
    let pod = this.shared.get(handler);
    if (pod === undefined) this.shared.set(handler, pod = await this.pod(handler));
    return pod;
  }

  /** Removes the pods that cases shared. */
  async removeShared(): Promise<void> {
    for (const pod of this.shared.values()) await this.remove(pod);
  }

  /** Makes a container in a pod and starts it. @returns Its id. */
  async container(pod: Pod, script: string, linux: Message = {}, more: Message = {}): Promise<string> {
    const id = await this.created(pod, script, linux, more);
    await this.ok("start", id);
    return id;
  }

  /** Makes a container that runs a script in a shell. */
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
    const id = await this.ok("create", pod.id, file, pod.file);
    pod.containers.push(id);
    this.containers.set(id, { pod, log: `${pod.logs}/${name}.log` });
    return id;
  }

  /** What a container wrote, when it has ended. */
  async output(id: string): Promise<string> {
    await this.ended(id);
    return await this.ok("logs", id);
  }

  /**
   * Waits for the end of a container that was started, and until containerd tells of it: it cannot be removed
   * before. A look at a directory costs nothing; crictl does, and takes its time from the container.
   */
  async ended(id: string): Promise<void> {
    await until("the container's end", () => !this.kept(this.known(id).pod, id), 20_000);
    const exited = async () => (await this.status(id)).state === "CONTAINER_EXITED";
    await until("the status of its end", exited, 20_000);
  }

  private known(id: string): Container {
    const container = this.containers.get(id);
    if (container === undefined) throw new Error(`no container of this test: ${id}`);
    return container;
  }

  /** The first lines of a container's output, as soon as there are so many; it goes on. */
  async lines(id: string, count: number): Promise<string[]> {
    await until(`${count} lines of output`, () => this.logFile(id).split("\n").length > count, 20_000);
    return (await this.ok("logs", id)).split("\n");
  }

  /** `ContainerStatus` of a container. */
  async status(id: string): Promise<{ state: string; exitCode: number; reason: string }> {
    return JSON.parse(await this.ok("inspect", id)).status;
  }

  /**
   * Runs a script as a container, which is removed.
   *
   * @param pod Fields of the `LinuxPodSandboxConfig` of a pod of its own; absent, it is in the usual pod.
   * @returns What it wrote.
   */
  async run(handler: Handler, script: string, linux: Message = {}, pod?: Message): Promise<string> {
    const made = pod === undefined ? await this.usual(handler) : await this.pod(handler, pod);
    const id = await this.container(made, script, linux);
    const output = await this.output(id);
    await (pod === undefined ? this.drop(id) : this.remove(made));
    return output;
  }

  /** Removes a container, with force where it runs, of which nothing may stay. */
  async drop(...ids: string[]): Promise<void> {
    await this.ok("rm", "--force", ...ids);
    for (const id of ids) assert(!this.kept(this.known(id).pod, id), `${id} is still there`);
  }

  /** Stops and removes a pod, of which nothing may stay. */
  async remove(pod: Pod): Promise<void> {
    await this.ok("stopp", pod.id);
    await this.ok("rmp", pod.id);
    assertEquals([pod.id, ...pod.containers].filter((id) => this.kept(pod, id)), []);
  }

  /** Whether the runtime keeps a container of this pod, or its sandbox. */
  private kept(pod: Pod, id: string): boolean {
    return exists(`${stateDir(this.daemons.dir, pod.handler)}/${id}`);
  }

  /** Does the same under each handler; what is seen must be the same. @returns What was seen. */
  async both<T>(look: (handler: Handler) => Promise<T>): Promise<T> {
    const ours = await look("tsrun"), theirs = await look("runc");
    assertEquals(ours, theirs, `tsrun, then runc; ${this.daemons.log("containerd")}`);
    return ours;
  }

  /** The log that containerd writes for a container, in the form of the CRI. */
  logFile(id: string): string {
    return readText(this.known(id).log);
  }
}
