/** CRIU, for tests of checkpoint and restore: the one that `TSRUN_TEST_CRIU` names, or the one in PATH. */
import type { Dict } from "./bundle.ts";
import { sh } from "./bundle.ts";
import type { Container } from "./container.ts";
import type { ContractOptions } from "./contract.ts";
import { exists, readText, type Result, until } from "./process.ts";

const SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Path of the criu to test with; undefined where there is none. */
function criuPath(): string | undefined {
  const named = Deno.env.get("TSRUN_TEST_CRIU");
  if (named) return named;
  const directories = `${Deno.env.get("PATH") ?? ""}:${SYSTEM_PATH}`.split(":");
  return directories.map((directory) => `${directory}/criu`).find(exists);
}

/**
 * Runs `criu check`.
 *
 * @returns Undefined for success, else the first error that it tells, or its last line.
 */
function check(path: string, ...args: string[]): string | undefined {
  const { success, stdout, stderr } = new Deno.Command(path, { args: ["check", ...args] }).outputSync();
  if (success) return undefined;
  const lines = new TextDecoder().decode(Uint8Array.from([...stdout, ...stderr])).trim().split("\n");
  return lines.find((line) => line.startsWith("Error")) ?? lines.at(-1);
}

const PATH = criuPath();

/** Why checkpoints cannot be tested on this machine, in CRIU's own words; undefined where they can. */
export function lacksCriu(): string | undefined {
  if (PATH === undefined) return "needs criu (TSRUN_TEST_CRIU names one)";
  const reason = check(PATH);
  return reason && `${PATH} does not work here: ${reason}`;
}

/** Why lazy pages cannot be tested. */
export function lacksLazyPages(): string | undefined {
  const reason = PATH && check(PATH, "--feature", "uffd-noncoop");
  return lacksCriu() ?? (reason && `needs userfaultfd: ${reason}`);
}

/**
 * Why lazy pages cannot be brought from another CRIU. That of Debian's 3.17 can; that of CRIU 4.2-22 ends
 * with "splice: Bad file descriptor" where this was written, with runc as with tsrun, and leaves a restore
 * that hangs, so of others the test is asked for.
 */
export function lacksPageServer(): string | undefined {
  const lacks = lacksLazyPages();
  if (lacks !== undefined || Deno.env.has("TSRUN_TEST_CRIU_PAGE_SERVER")) return lacks;
  const { stdout } = new Deno.Command(PATH!, { args: ["--version"] }).outputSync();
  const [, version] = /^Version: (\S+)/.exec(new TextDecoder().decode(stdout)) ?? [];
  return version?.startsWith("3.")
    ? undefined
    : `needs a criu whose page server works, not ${version} (TSRUN_TEST_CRIU_PAGE_SERVER)`;
}

/** Why pre-dumps cannot be tested. */
export function lacksMemTrack(): string | undefined {
  const reason = PATH && check(PATH, "--feature", "mem_dirty_track");
  return lacksCriu() ?? (reason && `needs a kernel that tracks memory changes: ${reason}`);
}

/** Options of a contract about checkpoints: runc mounts the rootfs in the namespace that it is called in. */
export function criuContract(more: ContractOptions = {}): ContractOptions {
  return {
    skip: lacksCriu(),
    within: ["unshare", "--mount", "--propagation", "private"],
    timeout: 60_000,
    ...more,
  };
}

/** The directory that criu is in, for PATH. */
export function criuDirectory(): string {
  return PATH!.slice(0, PATH!.lastIndexOf("/"));
}

/** The environment in which runtimes find this criu. */
export function criuEnvironment(): Record<string, string> {
  return { PATH: `${criuDirectory()}:${SYSTEM_PATH}` };
}

/**
 * A container that counts in /log, which begins with `before`. Its standard descriptors are files of its
 * own.
 */
export function counter(before = ""): Dict {
  const script =
    `exec >>/log 2>&1 </dev/null; ${before} i=0; while :; do echo $i; i=$((i+1)); usleep 20000; done`;
  return { args: sh(script) };
}

/** The last number that a counter has written; -1 when there is none. */
export function lastCount(container: Container): number {
  return Number(readText(container.path("/log")).trim().split("\n").at(-1) || -1);
}

/** Waits until a counter has counted on from `from`, and makes sure that it has left nothing out. */
export async function countsOn(container: Container, from: number): Promise<void> {
  await until(`counting on from ${from}`, () => lastCount(container) > from + 2);
  const numbers = readText(container.path("/log")).trim().split("\n").map(Number);
  const wrong = numbers.findIndex((number, index) => number !== index);
  if (wrong >= 0) throw new Error(`counted ${numbers[wrong]} in place of ${wrong}`);
}

/** Where a container's images and logs are. */
export function images(container: Container): { images: string; work: string } {
  return { images: `${container.box.dir}/images`, work: `${container.box.dir}/work` };
}

function paths(container: Container): string[] {
  const { images: directory, work } = images(container);
  return ["--image-path", directory, "--work-path", work];
}

/** `checkpoint`, without judging how it ends. */
export function checkpoint(container: Container, ...flags: string[]): Promise<Result> {
  const args = ["checkpoint", ...paths(container), ...flags, container.id];
  return container.box.cli(args, { env: criuEnvironment() });
}

/** `restore` to the background, without judging how it ends. */
export function restore(container: Container, ...flags: string[]): Promise<Result> {
  const args = ["restore", "--detach", "--bundle", container.bundle.dir, ...paths(container), ...flags];
  return container.box.cli([...args, container.id], { env: criuEnvironment() });
}
