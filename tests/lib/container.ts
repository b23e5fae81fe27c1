/** A container of a test: its bundle, and the runtime's commands on it. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "./box.ts";
import type { Bundle, Dict } from "./bundle.ts";
import { type Facts, parseFacts, PROBE } from "./probe.ts";
import { type CommandOptions, readText, type Result, until } from "./process.ts";
import { lacksCgroupV2 } from "./skip.ts";

/** What `state` prints. */
export interface StateJson {
  ociVersion: string;
  id: string;
  pid: number;
  status: string;
  bundle: string;
  rootfs: string;
  created: string;
  owner: string;
  annotations?: Record<string, string>;
  /** Where a container has stopped, and the status is known; not runc's. */
  exitStatus?: number;
}

/** Options of the commands: {@linkcode CommandOptions}, flags before the command, flags after it. */
export type RunOptions = CommandOptions & { globals?: string[]; flags?: string[] };

/** See the module's description. Made by `Box.container()`. */
export class Container {
  /** Base of the files that hold the container's output. */
  private readonly files: string;

  /** @param box Where it lives. @param id Its id. @param bundle Its bundle. */
  constructor(readonly box: Box, readonly id: string, readonly bundle: Bundle) {
    this.files = `${box.dir}/${id}`;
  }

  /** Writes `config.json`: the default one with `overrides`. */
  configure(overrides: Dict): void {
    this.writeConfig(JSON.stringify(this.box.config(this.id, overrides)));
  }

  /** Writes any text as `config.json`. */
  writeConfig(text: string): void {
    Deno.writeTextFileSync(`${this.bundle.dir}/config.json`, text);
  }

  /** Path of a file inside the rootfs, on the host. */
  path(inside: string): string {
    return `${this.bundle.rootfs}${inside}`;
  }

  /** `create`, without judging how it ends. */
  create(options: RunOptions = {}): Promise<Result> {
    const flags = ["--bundle", this.bundle.dir, ...(options.flags ?? [])];
    return this.box.cli(["create", ...flags, this.id], { ...options, files: this.files });
  }

  /** `create` that must succeed. */
  async created(options: RunOptions = {}): Promise<this> {
    assertOk(await this.create(options));
    return this;
  }

  /** `start`, without judging how it ends. */
  start(options: RunOptions = {}): Promise<Result> {
    return this.box.cli(["start", this.id], options);
  }

  /** `create` and `start`, both of which must succeed. */
  async started(options: RunOptions = {}): Promise<this> {
    await this.created(options);
    assertOk(await this.start());
    return this;
  }

  /** `run`, without judging how it ends; in the foreground unless `flags` say otherwise. */
  run(options: RunOptions = {}): Promise<Result> {
    const flags = ["--bundle", this.bundle.dir, ...(options.flags ?? [])];
    return this.box.cli(["run", ...flags, this.id], { ...options, files: this.files });
  }

  /** `run` that must exit with 0. @returns What the container wrote to its standard output. */
  async output(options: RunOptions = {}): Promise<string> {
    return assertOk(await this.run(options)).stdout;
  }

  /** Runs the probe as the container's process; `overrides` make the config. */
  async probe(overrides: Dict = {}, options: RunOptions = {}): Promise<Facts> {
    const process = { args: PROBE, ...(overrides.process as Dict | undefined) };
    this.configure({ ...overrides, process });
    return parseFacts(await this.output(options));
  }

  /** `state`, which must succeed, decoded. */
  async state(): Promise<StateJson> {
    return JSON.parse(assertOk(await this.box.cli(["state", this.id])).stdout);
  }

  /** The status alone. */
  async status(): Promise<string> {
    return (await this.state()).status;
  }

  /** The process id on the host. */
  async pid(): Promise<number> {
    return (await this.state()).pid;
  }

  /** Waits until the container has this status. */
  async wait(status: string, limit = 5_000): Promise<void> {
    await until(`${this.id} to be ${status}`, async () => (await this.status()) === status, limit);
  }

  /** Starts, and waits for the end of, a container whose output is then returned. */
  async completed(): Promise<string> {
    await this.started();
    await this.wait("stopped");
    return this.stdout();
  }

  /** `kill`, without judging how it ends; flags (`--all`) stand before the id, where runc looks for them. */
  kill(...args: string[]): Promise<Result> {
    const flags = args.filter((arg) => arg.startsWith("--"));
    return this.box.cli(["kill", ...flags, this.id, ...args.filter((arg) => !flags.includes(arg))]);
  }

  /** `delete`, without judging how it ends. */
  delete(...flags: string[]): Promise<Result> {
    return this.box.cli(["delete", ...flags, this.id]);
  }

  /** What the container, and the command that created it, wrote to standard output so far. */
  stdout(): string {
    return readText(`${this.files}.out`);
  }

  /** The same for standard error. */
  stderr(): string {
    return readText(`${this.files}.err`);
  }

  /**
   * Value of a file of the container's cgroup, trimmed; with v2, one directory holds the files of all
   * controllers.
   */
  cgroup(controller: string, file: string): string {
    const hierarchy = lacksCgroupV2() === undefined ? "" : `${controller}/`;
    return Deno.readTextFileSync(`/sys/fs/cgroup/${hierarchy}${this.id}/${file}`).trim();
  }
}

/** Fails with the command's whole output unless it exited with 0. @returns The same result. */
export function assertOk(result: Result): Result {
  assertEquals(result.code, 0, `exit ${result.code}\nstderr: ${result.stderr}\nstdout: ${result.stdout}`);
  return result;
}

/**
 * Fails unless the command ended with an error that matches.
 *
 * @param result Of the command.
 * @param pattern Found in standard error, in which escaped quotation marks (of log lines) are plain.
 * @param code Exit status, 1 unless given.
 */
export function assertError(result: Result, pattern: RegExp, code = 1): void {
  assertMatch(result.stderr.replaceAll('\\"', '"'), pattern);
  // One reason, and nothing of what was undone.
  assertEquals(/cleaning up failed/.exec(result.stderr), null, result.stderr);
  assertEquals(result.code, code);
}
