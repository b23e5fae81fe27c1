/**
 * Runs a test program of others with a runtime, so that nothing of it outlives it: with a PID namespace, a
 * mount namespace and a directory for temporary files of its own.
 * @module
 */
import { type Case, casesOf } from "./tap.ts";
import type { Program } from "./suite.ts";

/** Characters of a program's errors that are kept. */
const MOST_SAID = 4000;
/** How deep below the directory for temporary files a suite keeps the state of its containers. */
const STATE_DEPTH = 3;

/**
 * A shell is process 1 and waits for orphans. Mounts do not reach the host, and the kernel kills every
 * process that is left when the program ends, or when unshare(1) is killed.
 */
const CONTAINED = [
  ..."unshare --mount --propagation private --pid --fork --kill-child=KILL --mount-proc".split(" "),
  "sh",
  "-c",
  '"$@"; exit $?',
  "sh",
];

/**
 * Runs a program, and returns its cases.
 *
 * @param runtime Absolute path of the runtime.
 * @param seconds After which it is killed.
 * @param stop Kills it at once.
 * @throws {DOMException} When `stop` was asked for.
 */
export async function runProgram(
  directory: string,
  program: Program,
  runtime: string,
  seconds: number,
  stop: AbortSignal,
): Promise<Case[]> {
  const temporary = Deno.makeTempDirSync({ prefix: "conf-" });
  // Users of containers have to reach their root filesystems.
  Deno.chmodSync(temporary, 0o755);
  const path = program.kind.bare ? scriptWithRoot(temporary, runtime) : runtime;
  const variables = Object.fromEntries(program.kind.variables.map((name) => [name, path]));
  const [command, ...args] = [...CONTAINED, ...program.kind.command(program.path)];
  try {
    const child = new Deno.Command(command, {
      args,
      cwd: directory,
      env: { ...variables, TMPDIR: temporary },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = AbortSignal.timeout(seconds * 1000);
    const end = AbortSignal.any([timer, stop]), kill = () => child.kill("SIGKILL");
    end.addEventListener("abort", kill);
    const { code, stdout, stderr } = await child.output().finally(() =>
      end.removeEventListener("abort", kill)
    );
    stop.throwIfAborted();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    const status = timer.aborted ? undefined : code;
    return casesOf({ stdout: text(stdout), stderr: text(stderr).slice(-MOST_SAID), status }, seconds);
  } finally {
    removeContainers(temporary, runtime);
    Deno.removeSync(temporary, { recursive: true });
  }
}

/** A script in the runtime's place that keeps its containers below the directory, where they are found. */
function scriptWithRoot(temporary: string, runtime: string): string {
  const path = `${temporary}/${runtime.slice(runtime.lastIndexOf("/") + 1)}`;
  const quoted = [runtime, `${temporary}/state`].map((word) => `'${word.replaceAll("'", `'\\''`)}'`);
  Deno.writeTextFileSync(path, `#!/bin/sh\nexec ${quoted[0]} --root ${quoted[1]} "$@"\n`, { mode: 0o755 });
  return path;
}

/** Directories of the name `state`. */
function stateRoots(directory: string, depth = STATE_DEPTH): string[] {
  return [...Deno.readDirSync(directory)].filter(({ isDirectory }) => isDirectory).flatMap(({ name }) => {
    const path = `${directory}/${name}`;
    if (name === "state") return [path];
    return depth > 1 ? stateRoots(path, depth - 1) : [];
  });
}

/**
 * Removes the containers that a program has left, for the sake of their cgroups. Their processes have ended
 * with the PID namespace, and the pids on record are others' here; so this runs in a PID namespace, too.
 */
function removeContainers(temporary: string, runtime: string): void {
  for (const root of stateRoots(temporary)) {
    for (const { name } of Deno.readDirSync(root)) {
      const [command, ...args] = [...CONTAINED, runtime, "--root", root, "delete", "--force", name];
      new Deno.Command(command, {
        args,
        stdin: "null",
        stdout: "null",
        stderr: "null",
      }).outputSync();
    }
  }
}
