/**
 * Copies of the sources in directories of their own, each a repository with one commit, the same one.
 * @module
 */
import { assertEquals } from "@std/assert";

const TOP = new URL("../..", import.meta.url).pathname;

/** Who and when: so that the commits are the same. */
const COMMIT_ENV = {
  GIT_AUTHOR_NAME: "release",
  GIT_AUTHOR_EMAIL: "release@example.com",
  GIT_COMMITTER_NAME: "release",
  GIT_COMMITTER_EMAIL: "release@example.com",
  GIT_AUTHOR_DATE: "2026-01-02T03:04:05Z",
  GIT_COMMITTER_DATE: "2026-01-02T03:04:05Z",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_CONFIG_NOSYSTEM: "1",
};

/** Time of that commit, in seconds of the epoch. */
export const COMMIT_TIME = Date.parse(COMMIT_ENV.GIT_COMMITTER_DATE) / 1000;

/** Runs a program. @returns What it printed. */
export function run(argv: string[], options: { cwd?: string; env?: Record<string, string> } = {}): string {
  const { code, stdout, stderr } = new Deno.Command(argv[0], {
    args: argv.slice(1),
    stdin: "null",
    ...options,
  }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  assertEquals(code, 0, `${argv.join(" ")}:\n${text(stdout)}${text(stderr)}`);
  return text(stdout);
}

/** Makes a copy of all files that git knows or would take. */
export function checkout(dir: string): void {
  const list = run(["git", "-C", TOP, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
  const files = list.split("\0").filter((path) => path !== "");
  for (const path of files) {
    let info: Deno.FileInfo;
    try {
      info = Deno.lstatSync(TOP + path);
    } catch {
      continue; // Removed, and the index knows nothing of it yet.
    }
    Deno.mkdirSync(`${dir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    if (info.isSymlink) Deno.symlinkSync(Deno.readLinkSync(TOP + path), `${dir}/${path}`);
    else Deno.copyFileSync(TOP + path, `${dir}/${path}`);
  }
  const git = (...args: string[]) => run(["git", ...args], { cwd: dir, env: COMMIT_ENV });
  git("init", "-q", "-b", "main");
  git("add", "-A");
  git("commit", "-q", "-m", "a release");
  // What ./x has found out about JSR, so that it is not asked again.
  Deno.mkdirSync(`${dir}/.deno`);
  Deno.copyFileSync(`${TOP}.deno/imports`, `${dir}/.deno/imports`);
}

/** Where the packages of the build and of the tests are kept. */
export function cacheDirectory(): string {
  return Deno.env.get("DENO_DIR") ?? `${TOP}.deno/cache`;
}

/** Runs `./x release` in a copy. @returns What it printed. */
export function release(dir: string, out: string, args: string[], env: Record<string, string> = {}): string {
  return run(["./x", "release", `--out=${out}`, ...args], {
    cwd: dir,
    env: { DENO: Deno.execPath(), DENO_DIR: cacheDirectory(), ...env },
  });
}
