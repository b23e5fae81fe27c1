/**
 * tsrun as a library: containers made and driven by a Deno program, as the commands of `tsrun` do it.
 *
 * Importing this module starts nothing, listens to nothing and ends nothing. Any number of containers can
 * live in one program. The program needs Deno's permissions (`--allow-all`), and the rights that the command
 * would need: root's, or a user namespace in the container's config. Processes of a container have the
 * program's standard streams.
 *
 * In the examples `/bundle` is a bundle, and `/run/tsrun` keeps the containers' states.
 * @module
 */

import { RuntimeError } from "./ffi/errors.ts";
import { exitStatus, reapOne } from "./ffi/wait.ts";
import { absolute, defaultRoot } from "./runtime/cli/globals.ts";
import { libseccompVersion } from "./runtime/features/seccomp/mod.ts";
import { createContainer } from "./runtime/container/create/create.ts";
import { deleteContainer } from "./runtime/container/delete.ts";
import {
  type ContainerEvent,
  type ContainerSample,
  sampleContainer,
  watchContainer,
} from "./runtime/container/events.ts";
import { spawnInContainer } from "./runtime/container/exec/exec.ts";
import { effectiveSignal, killContainer } from "./runtime/container/kill.ts";
import {
  attempt,
  type ContainerOptions,
  ContainerProcess,
  type ContainerReport,
  type CreateOptions,
  type ExecOptions,
  programKernel,
  programLog,
  statusAtEnd,
} from "./runtime/container/library.ts";
import { listContainers } from "./runtime/container/list.ts";
import { pauseContainer, resumeContainer } from "./runtime/container/pause.ts";
import { containerPids } from "./runtime/container/ps.ts";
import { type ContainerState, readState } from "./runtime/container/record.ts";
import { startContainer } from "./runtime/container/start.ts";
import { ociState, statusOf } from "./runtime/container/status.ts";
import { updateContainer } from "./runtime/container/update.ts";
import { seccompFeatures } from "./runtime/features/seccomp/features.ts";
import { build } from "./runtime/host/build_info.ts";
import type { Log } from "./runtime/host/log.ts";
import { features as featuresOf } from "./spec/features.ts";
import { signalNumber } from "./spec/signals.ts";
import type { Features, LinuxResources } from "./spec/types.ts";

export { type ErrorCode, type ErrorFacts, RuntimeError, TsrunError } from "./ffi/errors.ts";
export type { ContainerEvent, ContainerSample, OutOfMemory } from "./runtime/container/events.ts";
export {
  type ContainerOptions,
  ContainerProcess,
  type ContainerReport,
  type CreateOptions,
  type ExecOptions,
} from "./runtime/container/library.ts";
export type * from "./spec/types.ts";
export { type Problem, validateConfig } from "./spec/validate.ts";

/**
 * A container by its name, whether it exists yet or not. Every method takes one object of options and
 * answers with a promise. Failures are a {@linkcode TsrunError} in one line.
 *
 * @example A container from its beginning to its end
 * ```ts
 * import { Container } from "@tsrun/tsrun";
 * const box = new Container({ id: "box", root: "/run/tsrun" });
 * await box.create({ bundle: "/bundle" });
 * await box.start();
 * console.log(await box.wait());
 * await box.delete();
 * ```
 */
export class Container implements AsyncDisposable {
  /** Its name. */
  readonly id: string;
  /** Absolute path of the directory of the containers' states. */
  readonly root: string;
  readonly #options: ContainerOptions;
  readonly #log: Log;
  /** Exit status of an init that this program has made and reaped. */
  #status: Promise<number> | undefined;

  /** Names a container; nothing is made or read. */
  constructor(options: ContainerOptions) {
    this.id = options.id;
    this.root = absolute(options.root ?? defaultRoot());
    this.#options = options;
    this.#log = programLog(options.onWarning);
  }

  /**
   * The containers under a root.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * for (const container of await Container.list({ root: "/run/tsrun" })) console.log(container.id);
   * ```
   */
  static list({ root = defaultRoot() }: { root?: string } = {}): Promise<Container[]> {
    return attempt(() =>
      listContainers(absolute(root), () => {}).map(({ state }) => new Container({ id: state.id, root }))
    );
  }

  /**
   * Makes the container: everything but its program, which waits for {@linkcode start}.
   *
   * @throws {TsrunError} For any failure. Everything made until then is removed first.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * ```
   */
  async create(options: CreateOptions): Promise<void> {
    const path = (name: string | undefined) => name === undefined ? undefined : absolute(name);
    const { systemdCgroup = false, rootless } = this.#options;
    this.#status = undefined;
    await createContainer(programKernel(), {
      root: this.root,
      id: this.id,
      bundle: absolute(options.bundle),
      pidFile: path(options.pidFile),
      consoleSocket: path(options.consoleSocket),
      pidfdSocket: path(options.pidfdSocket),
      noPivot: options.noPivot ?? false,
      noNewKeyring: options.noNewKeyring ?? false,
      preserveFds: options.preserveFds ?? 0,
      systemdCgroup,
      rootless: rootless === undefined ? "auto" : rootless ? "true" : "false",
      log: this.#log,
      serviceManager: false,
    });
  }

  /**
   * Runs the program of a container that has been made.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.start();
   * ```
   */
  async start(): Promise<void> {
    await startContainer(programKernel(), this.root, this.id, this.#log);
  }

  /**
   * Waits for the end of the container's own process.
   *
   * @returns Its exit status, 128 + n when signal n ended it.
   * @throws {TsrunError} `ENODATA_EXIT_STATUS` where the status is lost: another program made the container,
   * and it has ended before, or the kernel is older than 6.15.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.start();
   * if (await box.wait() !== 0) throw new Error("it failed");
   * ```
   */
  wait(): Promise<number> {
    return this.#status ??= attempt(() => statusAtEnd(programKernel(), this.root, this.#read()));
  }

  /**
   * Runs one more process in the container.
   *
   * @returns The process, which runs, and is this program's child.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * const process = await box.exec({ args: ["/bin/sh", "-c", "exit 3"], env: ["NAME=value"] });
   * if (await process.wait() !== 3) throw new Error("not 3");
   * ```
   */
  async exec(options: ExecOptions): Promise<ContainerProcess> {
    const { args, cwd, env = [], user, additionalGids = [], capabilities = [], noNewPrivileges } = options;
    const k = programKernel();
    const pid = await spawnInContainer(k, {
      root: this.root,
      id: this.id,
      process: {
        ...{ args, cwd, env, user, capabilities, noNewPrivileges },
        tty: false,
        additionalGids: additionalGids.map(String),
      },
      detach: true,
      preserveFds: options.preserveFds ?? 0,
      cgroups: [],
      ignorePaused: options.ignorePaused ?? false,
      log: this.#log,
    });
    return new ContainerProcess(k, pid);
  }

  /**
   * Sends a signal to the container's own process, or to all of its processes.
   *
   * @param options.signal A name such as `SIGTERM` or `TERM`, or a number; SIGTERM when absent.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.kill({ signal: "SIGKILL" });
   * if (await box.wait() !== 137) throw new Error("not killed");
   * ```
   */
  async kill(options: { signal?: string | number; all?: boolean } = {}): Promise<void> {
    const { signal = "SIGTERM", all = false } = options, number = signalNumber(String(signal));
    if (number === undefined) {
      throw new RuntimeError("EINVAL_SIGNAL", `unknown signal ${JSON.stringify(signal)}`);
    }
    const state = this.#read();
    await killContainer(programKernel(), state, effectiveSignal(this.root, state, number), all);
  }

  /**
   * Stops all processes, until {@linkcode resume}.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.pause();
   * if ((await box.state()).status !== "paused") throw new Error("not paused");
   * ```
   */
  async pause(): Promise<void> {
    await pauseContainer(programKernel, this.root, this.id);
  }

  /**
   * Lets all processes go on.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.pause();
   * await box.resume();
   * ```
   */
  async resume(): Promise<void> {
    await resumeContainer(programKernel, this.root, this.id);
  }

  /**
   * Changes limits, all that are asked for or none; what is absent stays.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.update({ resources: { pids: { limit: 20 } } });
   * ```
   */
  async update({ resources }: { resources: LinuxResources }): Promise<void> {
    await updateContainer(programKernel(), this.root, this.id, resources);
  }

  /**
   * What the container is, and what it is doing.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * if ((await box.state()).status !== "created") throw new Error("not created");
   * ```
   */
  state(): Promise<ContainerReport> {
    return attempt(() => {
      const state = this.#read(), { rootfs, created } = state;
      return { ...ociState(state, statusOf(this.root, state)), rootfs, created };
    });
  }

  /**
   * Pids of the container's processes as the host sees them.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * if ((await box.ps()).length !== 1) throw new Error("more than the init");
   * ```
   */
  async ps(): Promise<number[]> {
    return await containerPids(programKernel, this.#read());
  }

  /**
   * What the container uses now.
   *
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * console.log((await box.stats()).data.memory);
   * ```
   */
  async stats(): Promise<ContainerSample> {
    return await sampleContainer(programKernel(), this.#read());
  }

  /**
   * Samples of what the container uses, and an event each time that its memory runs out, until its end.
   *
   * @param options.interval Milliseconds between samples; 5000 when absent.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * await using box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * for await (const event of box.events({ interval: 10 })) {
   *   if (event.type === "stats") break;
   * }
   * ```
   */
  async *events({ interval = 5000 }: { interval?: number } = {}): AsyncGenerator<ContainerEvent> {
    if (!(interval > 0)) throw new RuntimeError("EINVAL_FLAG", "duration interval must be greater than 0");
    const warn = (reason: string) => this.#log.warn(reason);
    yield* watchContainer(programKernel(), this.#read(), interval, warn);
  }

  /**
   * Removes the container with all that belongs to it, and runs its poststop hooks.
   *
   * @param options.force Kill it if it runs; no error when there is none.
   * @example
   * ```ts
   * import { Container } from "@tsrun/tsrun";
   * const box = new Container({ id: "box", root: "/run/tsrun" });
   * await box.create({ bundle: "/bundle" });
   * await box.delete({ force: true });
   * ```
   */
  async delete({ force = false }: { force?: boolean } = {}): Promise<void> {
    const { root, id } = this, { systemdCgroup = false } = this.#options;
    const k = programKernel(), pid = this.#pid();
    await deleteContainer(k, { root, id, force, systemdCgroup, log: this.#log });
    // What this program has made is its child, and would stay as a zombie.
    const ended = pid > 0 ? reapOne(k, pid) : undefined;
    if (ended !== undefined) this.#status ??= Promise.resolve(exitStatus(ended.status));
  }

  /** Removes the container, if there is one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.delete({ force: true });
  }

  #read(): ContainerState {
    return readState(this.root, this.id);
  }

  /** The init's pid, 0 where there is none or the record cannot be read. */
  #pid(): number {
    try {
      return this.#read().pid;
    } catch {
      return 0;
    }
  }
}

/**
 * What this runtime implements on any host: the features document of the runtime specification.
 * @example
 * ```ts
 * import { features } from "@tsrun/tsrun";
 * if (!features().linux?.cgroup?.v2) throw new Error("no cgroup v2");
 * ```
 */
export function features(): Features {
  const { version, commit } = build;
  const libseccomp = libseccompVersion() || undefined;
  return featuresOf({ version, commit, libseccomp, seccomp: seccompFeatures() });
}
