/** Debian's containerd for one test file, driven by its own client ctr; two runtimes. */
import { assertEquals } from "@std/assert";
import { makeBundle } from "../lib/bundle.ts";
import { exists, host, type Result, until } from "../lib/process.ts";
import type { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { Daemons } from "./daemon.ts";
import { SIZE } from "./dialogue.ts";
import { writeImage } from "./image.ts";

const CTR = "/usr/bin/ctr";
const IMAGE = "example.org/box:latest";

export type RuntimeName = "tsrun" | "runc";
export const RUNTIMES: readonly RuntimeName[] = ["tsrun", "runc"];

/** One test on the running daemon. */
export type Case = (containerd: Containerd) => Promise<void>;

/** What is missing for these tests, or undefined. */
export function containerdMissing(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return [CTR, "/usr/bin/containerd", "/usr/sbin/runc"].filter((path) => !exists(path))
    .map((path) => `${path} is not installed`)[0];
}

/** Runs cases one after the other as steps of a test, on a containerd of their own. */
export async function runCases(t: Deno.TestContext, cases: Record<string, Case>): Promise<void> {
  const containerd = new Containerd();
  let leaks: string[] = [];
  try {
    await containerd.start();
    for (const [name, fn] of Object.entries(cases)) await t.step(name, () => fn(containerd));
  } finally {
    leaks = await containerd.daemons.stop();
    if (exists(containerd.stateDir)) Deno.removeSync(containerd.stateDir, { recursive: true });
  }
  assertEquals(leaks, []);
}

/** A running containerd with one image. */
export class Containerd {
  readonly daemons: Daemons = new Daemons();
  /** Where the shim lets the runtimes keep the state of this test's containers. */
  readonly stateDir: string = `/run/containerd/runc/${this.daemons.token}`;
  private count = 0;

  async start(): Promise<void> {
    const { daemons } = this;
    await daemons.startContainerd();
    const { rootfs } = makeBundle(daemons.dir, "image");
    await host("tar", "-C", rootfs, "-cf", `${daemons.dir}/layer.tar`, ".");
    await writeImage(`${daemons.dir}/layer.tar`, `${daemons.dir}/image.tar`, IMAGE);
    await this.ok("images", "import", `${daemons.dir}/image.tar`);
  }

  /** Runs ctr in the namespace that carries the test's name, which is also the parent of its cgroups. */
  ctr(...args: string[]): Promise<Result> {
    const { containerd, token } = this.daemons;
    return this.daemons.command([CTR, "--address", containerd, "--namespace", token, ...args]);
  }

  /** Runs `use` with ctr on a terminal, which must be as it was when ctr has ended. */
  async terminal<T>(args: string[], use: (terminal: Terminal) => Promise<T>): Promise<T> {
    const { containerd, token } = this.daemons;
    const terminal = this.daemons.terminal(
      [CTR, "--address", containerd, "--namespace", token, ...args],
      SIZE,
    );
    const modes = terminal.modes();
    try {
      const result = await use(terminal);
      assertEquals(terminal.modes(), modes, "the client's terminal is as it was");
      return result;
    } finally {
      await terminal.close();
    }
  }

  /** Runs ctr, which must succeed; returns its trimmed standard output. */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.ctr(...args);
    assertEquals(code, 0, `ctr ${args.join(" ")}: exit ${code}\n${stderr}${stdout}`);
    return stdout.trim();
  }

  /** An id for one more container. */
  id(runtime: RuntimeName): string {
    return `${runtime}-${++this.count}`;
  }

  /** Arguments of `ctr run` for a container under a runtime; `flags` come before image and id. */
  runArguments(runtime: RuntimeName, id: string, flags: string[], command: string[]): string[] {
    const binary = runtime === "tsrun" ? pathUnderTest() : "/usr/sbin/runc";
    return [
      "run",
      "--runc-binary",
      binary,
      "--fifo-dir",
      `${this.daemons.dir}/fifo`,
      ...flags,
      IMAGE,
      id,
      ...command,
    ];
  }

  /** `ctr run --rm`. */
  run(runtime: RuntimeName, flags: string[], ...command: string[]): Promise<Result> {
    return this.ctr(...this.runArguments(runtime, this.id(runtime), ["--rm", ...flags], command));
  }

  /**
   * `ctr run --rm` under both runtimes: exit status and output must be the same.
   *
   * @returns The shared result.
   */
  async both(flags: string[], ...command: string[]): Promise<Result> {
    const [ours, theirs] = [
      await this.run("tsrun", flags, ...command),
      await this.run("runc", flags, ...command),
    ];
    assertEquals(
      [ours.code, ours.stdout],
      [theirs.code, theirs.stdout],
      `tsrun: ${ours.stderr}\nrunc: ${theirs.stderr}`,
    );
    return ours;
  }

  /** `ctr run --detach`. @returns The id. */
  async detached(runtime: RuntimeName, flags: string[], ...command: string[]): Promise<string> {
    const id = this.id(runtime);
    await this.ok(...this.runArguments(runtime, id, ["--detach", "--null-io", ...flags], command));
    return id;
  }

  /** Status of a task as `ctr task ls` prints it, or undefined. */
  async status(id: string): Promise<string | undefined> {
    const line = (await this.ok("task", "ls")).split("\n").find((line) => line.startsWith(`${id} `));
    return line?.trim().split(/\s+/)[2];
  }

  /** Kills, waits for, and removes a container. */
  async remove(id: string): Promise<void> {
    await this.ctr("task", "kill", "-s", "KILL", id);
    await until(`${id} to stop`, async () => (await this.status(id)) !== "RUNNING");
    await this.ok("task", "rm", id);
    await this.ok("container", "rm", id);
  }
}
