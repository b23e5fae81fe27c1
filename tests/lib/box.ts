/** A place for one test: a state directory, bundles and containers, and the duty to leave nothing behind. */
import { assertEquals } from "@std/assert";
import { type Bundle, config, type Dict, makeBundle } from "./bundle.ts";
import { Container } from "./container.ts";
import { findCgroups, findMounts, findProcesses, removeMounts } from "./leaks.ts";
import { type CommandOptions, PATIENCE, type Result, runCommand, sleep } from "./process.ts";
import type { Runtime } from "./runtime.ts";

/**
 * See the module's description. Made by `contract()`; {@linkcode Box.close} is called when the test is over.
 */
export class Box {
  /** Part of every name that the test makes: ids, cgroups, directories. */
  readonly token: string = `tsrun-test-${crypto.randomUUID().slice(0, 8)}`;
  /** Temporary directory of the test. */
  readonly dir: string;
  /** The runtime's `--root`. */
  readonly root: string;
  readonly containers: Container[] = [];
  private commands = 0;
  private running = new Set<number>();

  /** @param runtime The runtime that this box's commands run. */
  constructor(readonly runtime: Runtime) {
    this.dir = `/tmp/${this.token}`;
    Deno.mkdirSync(this.dir);
    this.root = `${this.dir}/state`;
  }

  /** Makes a bundle of its own for one more container; `overrides` are those of `config()`. */
  container(overrides: Dict = {}): Container {
    const number = this.containers.length + 1;
    const container = new Container(this, `${this.token}-${number}`, makeBundle(this.dir, `bundle${number}`));
    container.configure(overrides);
    this.containers.push(container);
    return container;
  }

  /** One more container on the bundle of another one, with a config of its own in a second directory. */
  sibling(of: Container, overrides: Dict = {}): Container {
    const number = this.containers.length + 1;
    const bundle: Bundle = { dir: `${this.dir}/bundle${number}`, rootfs: of.bundle.rootfs };
    Deno.mkdirSync(bundle.dir);
    const container = new Container(this, `${this.token}-${number}`, bundle);
    container.configure({ root: { path: of.bundle.rootfs }, ...overrides });
    this.containers.push(container);
    return container;
  }

  /**
   * Runs the runtime with `--root` of this box and the given arguments.
   *
   * @param args Command and arguments.
   * @param options Environment, input, time limit; `globals` are flags to stand before the command.
   */
  cli(
    args: string[],
    options: CommandOptions & { globals?: string[]; files?: string } = {},
  ): Promise<Result> {
    return this.command(
      [
        ...(this.runtime.within ?? []),
        this.runtime.path,
        "--root",
        this.root,
        ...(options.globals ?? []),
        ...args,
      ],
      options,
    );
  }

  /** Runs any program with this box's clean-up and time limits; see {@linkcode runCommand}. */
  async command(argv: string[], options: CommandOptions & { files?: string } = {}): Promise<Result> {
    const base = options.files ?? `${this.dir}/command-${++this.commands}`;
    let started = 0;
    const onStart = (pid: number) => {
      this.running.add(started = pid);
      options.onStart?.(pid);
    };
    try {
      return await runCommand(argv, { stdout: `${base}.out`, stderr: `${base}.err` }, {
        ...options,
        onStart,
      });
    } finally {
      this.running.delete(started);
    }
  }

  /**
   * Removes all containers by `delete --force`, then everything that is still there.
   *
   * @returns What had to be removed by hand: each line is a leak.
   */
  async close(): Promise<string[]> {
    const leaks: string[] = [];
    for (const pid of this.running) kill(pid);
    for (const container of this.containers.toReversed()) {
      const { code, stderr } = await this.cli(["delete", "--force", container.id]);
      if (code !== 0) leaks.push(`delete --force ${container.id}: exit ${code}: ${stderr.trim()}`);
    }
    for (const pid of await settled(() => findProcesses(this.token))) {
      leaks.push(`process ${pid}`);
      kill(pid);
    }
    for (const path of await settled(() => findCgroups(this.token))) {
      leaks.push(`cgroup ${path}`);
      removeCgroup(path);
    }
    for (const target of await settled(() => findMounts(this.token))) leaks.push(`mount ${target}`);
    await removeMounts(this.token);
    leaks.push(...stateEntries(this.root).map((name) => `state ${name}`));
    try {
      if (findMounts(this.token).length === 0) Deno.removeSync(this.dir, { recursive: true });
    } catch (error) {
      leaks.push(`${this.dir}: ${error instanceof Error ? error.message : error}`);
    }
    return leaks;
  }

  /** Asserts that nothing of this box exists on the machine except its directory: for tests of clean-up. */
  async assertNothingLeft(): Promise<void> {
    const left = {
      processes: await settled(() => findProcesses(this.token)),
      cgroups: await settled(() => findCgroups(this.token)),
      mounts: await settled(() => findMounts(this.token)),
      state: stateEntries(this.root),
    };
    assertEquals(left, { processes: [], cgroups: [], mounts: [], state: [] });
  }

  /** The default config merged with `overrides` and with a cgroup path that carries the box's name. */
  config(id: string, overrides: Dict): Dict {
    return config({
      ...overrides,
      linux: { cgroupsPath: `/${id}`, ...(overrides.linux as Dict | undefined) },
    });
  }
}

/** What `find` still finds after some seconds: processes take a moment to end. */
async function settled<T>(find: () => T[]): Promise<T[]> {
  for (let tries = 0; tries < 20 * PATIENCE; tries++) {
    if (find().length === 0) return [];
    await sleep(50);
  }
  return find();
}

function stateEntries(root: string): string[] {
  try {
    return [...Deno.readDirSync(root)].map((entry) => entry.name);
  } catch {
    return [];
  }
}

function removeCgroup(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* reported as a leak already */ }
}

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}
