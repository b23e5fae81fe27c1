/**
 * What is timed: the life of a container as a container manager drives it, and `run` as a person does.
 *
 * Every figure is the wall time of whole commands, from before posix_spawn to after wait4, with the
 * options that managers give (`--root --log --log-format json --bundle --pid-file`). `create+start+delete`
 * is the sum of its three commands and of the wait between them for the end of `/bin/true`.
 */
import { CONFIG_NAMES, type ConfigName, configOf } from "./configs.ts";
import type { Floor, Runtime } from "./runtimes.ts";
import type { Sandbox } from "./sandbox.ts";
import type { Finished, Spawner } from "./spawn.ts";

/** Names of the cases in the order of the report. */
export const CASE_NAMES = ["create", "start", "delete", "create+start+delete", "run", "exec"] as const;

/** Name of a case. */
export type CaseName = (typeof CASE_NAMES)[number];

/** How many processes of the runtime a case starts. A case contains the floor this many times. */
export const COMMANDS: Record<CaseName, number> = {
  "create": 1,
  "start": 1,
  "delete": 1,
  "create+start+delete": 3,
  "run": 1,
  "exec": 1,
};

/** Raw samples of one case, in milliseconds, in the order of the rounds. */
export interface Series {
  wall: number[];
  cpu: number[];
}

/** What the rounds need. */
export interface Stage {
  sandbox: Sandbox;
  spawner: Spawner;
  /** File to which commands print. */
  output: string;
  runtimes: Runtime[];
  floor: Floor;
  configs: ConfigName[];
  units: UnitName[];
}

/** A unit is what a round does once per runtime: a whole life in three commands, one `run`, or one `exec`. */
export type UnitName = "lifecycle" | "run" | "exec";

/** A command of a runtime failed. */
export class CommandError extends Error {}

/** Series by name; a new name begins an empty one. */
export class SampleBook {
  constructor(readonly series: Record<string, Series> = {}) {}

  /** Key of a series. The floor has one series, under no configuration. */
  static key(runtime: string, config?: ConfigName, name?: CaseName): string {
    return [runtime, config, name].filter((part) => part !== undefined).join("/");
  }

  add(key: string, sample: { wall: number; cpu: number }): void {
    const series = this.series[key] ??= { wall: [], cpu: [] };
    series.wall.push(sample.wall);
    series.cpu.push(sample.cpu);
  }

  /** Wall times of a case, or undefined if it was not measured. */
  wall(runtime: string, config?: ConfigName, name?: CaseName): number[] | undefined {
    return this.series[SampleBook.key(runtime, config, name)]?.wall;
  }

  cpu(runtime: string, config?: ConfigName, name?: CaseName): number[] | undefined {
    return this.series[SampleBook.key(runtime, config, name)]?.cpu;
  }
}

/** One runtime with one configuration: its bundle, its state directory and its commands. */
export class Subject {
  readonly root: string;
  readonly bundle: string;
  readonly cgroup: string;
  /** Turns that failed. */
  failures = 0;
  readonly #log: string;
  readonly #pidFile: string;
  #count = 0;

  constructor(readonly stage: Stage, readonly runtime: Runtime, readonly config: ConfigName) {
    const name = `${runtime.name}-${config}`;
    this.root = `${stage.sandbox.directory}/state-${runtime.name}`;
    this.bundle = stage.sandbox.subdirectory(`bundle-${name}`);
    this.cgroup = `${stage.sandbox.cgroup}/${name}`;
    this.#log = `${this.bundle}/log.json`;
    this.#pidFile = `${this.bundle}/pid`;
    this.configure();
  }

  /** Writes the bundle's config.json, with a memory limit (bytes) if one is given. */
  configure(memoryLimit?: number): void {
    const { rootfs, files } = this.stage.sandbox;
    const config = configOf(this.config, { rootfs, files, cgroup: this.cgroup, memoryLimit });
    Deno.writeTextFileSync(`${this.bundle}/config.json`, JSON.stringify(config));
  }

  /** A container id not used before. */
  nextId(): string {
    return `${this.runtime.name}-${this.config}-${++this.#count}`;
  }

  /** Pid of the init, from the pid file of the last create. */
  pid(): number {
    return Number(Deno.readTextFileSync(this.#pidFile));
  }

  /** Runs one command to its end. Its exit status is not judged. */
  attempt(words: string[], timeout?: number): Finished {
    const global = ["--root", this.root, "--log", this.#log, "--log-format", "json"];
    return this.stage.spawner.run([this.runtime.path, ...global, ...words], timeout);
  }

  /** Runs one command that must succeed; a CommandError quotes the runtime's own words. */
  command(words: string[]): Finished {
    Deno.truncateSync(this.stage.output);
    const end = this.attempt(words);
    if (end.code === 0) return end;
    const why = end.timedOut ? "it hung and was killed" : `exit code ${end.code}`;
    throw new CommandError(`${this.runtime.name} ${words.join(" ")}: ${why}${this.#lastWords()}`);
  }

  /** The end of what the runtime logged and printed, as one line. */
  #lastWords(): string {
    const tail = (path: string) => {
      try {
        return Deno.readTextFileSync(path).trim().split("\n").slice(-2).join(" ");
      } catch {
        return "";
      }
    };
    const words = `${tail(this.#log)} ${tail(this.stage.output)}`.trim().slice(-600);
    return words === "" ? "" : `: ${words}`;
  }

  create(id: string): Finished {
    return this.command(["create", "--bundle", this.bundle, "--pid-file", this.#pidFile, id]);
  }

  /** create, start, the wait for the end of the program, delete. */
  lifecycle(book: SampleBook): void {
    const id = this.nextId();
    const record = (name: CaseName, end: Finished) => {
      book.add(SampleBook.key(this.runtime.name, this.config, name), end);
      return end;
    };
    const create = record("create", this.create(id));
    const pid = this.pid();
    const start = record("start", this.command(["start", id]));
    const waiting = performance.now();
    if (!this.stage.spawner.waitForEnd(pid, 10_000)) {
      throw new CommandError(`${this.runtime.name}: /bin/true has not ended 10 s after start`);
    }
    const waited = performance.now() - waiting;
    const end = record("delete", this.command(["delete", id]));
    record("create+start+delete", {
      ...end,
      wall: create.wall + start.wall + waited + end.wall,
      cpu: create.cpu + start.cpu + end.cpu,
    });
  }

  /** `run` in the foreground, to the end of the program. */
  run(book: SampleBook): void {
    const end = this.command(["run", "--bundle", this.bundle, this.nextId()]);
    book.add(SampleBook.key(this.runtime.name, this.config, "run"), end);
  }

  /**
   * One `exec` in the foreground, in a container that waits for `start`: making and removing it is not timed.
   */
  exec(book: SampleBook): void {
    const id = this.nextId();
    this.create(id);
    const end = this.command(["exec", id, "/bin/true"]);
    book.add(SampleBook.key(this.runtime.name, this.config, "exec"), end);
    this.command(["delete", "--force", id]);
  }

  /** Ends and removes the container in any state. */
  discard(): void {
    this.stage.sandbox.reset(this.root);
  }
}

/** Every pair of a runtime and a configuration. */
export function subjectsOf(stage: Stage): Subject[] {
  return stage.configs.flatMap((config) =>
    stage.runtimes.map((runtime) => new Subject(stage, runtime, config))
  );
}

/** The configurations among the given names, or all when none is named. */
export function configsNamed(names: string[]): ConfigName[] {
  const named = CONFIG_NAMES.filter((name) => names.includes(name));
  return named.length > 0 ? named : [...CONFIG_NAMES];
}
