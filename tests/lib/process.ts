/** Starts host commands with a time limit and with descriptors that are files, never pipes. */

/**
 * What all time limits of tests are multiplied by: `TSRUN_TEST_PATIENCE`, set on machines that are emulated.
 * The limits are generous for a machine of one's own; elsewhere the neighbours' work takes its part of the
 * time, too. What passes takes no longer for it.
 */
export const PATIENCE: number = Number(Deno.env.get("TSRUN_TEST_PATIENCE") ?? "4");

/** ESRCH, for which Deno has no class. */
const NO_PROCESS = /\(os error 3\)/;

/** How a command ended and what it wrote. */
export interface Result {
  /** Exit status; 128 + n when signal n ended the command. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Options of {@linkcode runCommand}. */
export interface CommandOptions {
  /** Text for standard input; `/dev/null` when absent. */
  stdin?: string;
  /** The whole environment; empty when absent, because clients give runtimes almost none. */
  env?: Record<string, string>;
  cwd?: string;
  /**
   * Milliseconds, times {@linkcode PATIENCE}, after which the command is killed and the call fails; 20 s when
   * absent.
   */
  timeout?: number;
  /** More redirections in the shell's words, such as `3</etc/hostname`. */
  redirect?: string;
  /** Told the process id as soon as there is one. */
  onStart?: (pid: number) => void;
}

/** Files that take a command's output; a container goes on writing to them after the command's end. */
export interface OutputFiles {
  stdout: string;
  stderr: string;
}

/**
 * Runs a command whose output goes to files. Pipes will not do: a container that is created keeps its
 * standard output, so the end of a pipe would come with the container's end only.
 *
 * @param argv Program (absolute path) and arguments.
 * @param files Where output is appended.
 * @returns Exit status, and what the files hold when the command has ended.
 * @throws Error when the time limit is passed; the command is killed first.
 */
export async function runCommand(
  argv: string[],
  files: OutputFiles,
  options: CommandOptions = {},
): Promise<Result> {
  const input = options.stdin === undefined ? "/dev/null" : `${files.stdout}.in`;
  if (options.stdin !== undefined) Deno.writeTextFileSync(input, options.stdin);
  const script = `i=$1 o=$2 e=$3; shift 3; exec "$@" <"$i" >>"$o" 2>>"$e" ${options.redirect ?? ""}`;
  const child = new Deno.Command("/bin/sh", {
    args: ["-c", script, "sh", input, files.stdout, files.stderr, ...argv],
    clearEnv: true,
    env: options.env ?? {},
    cwd: options.cwd,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  options.onStart?.(child.pid);
  const limit = (options.timeout ?? 20_000) * PATIENCE;
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    try {
      child.kill("SIGKILL");
    } catch { /* it has ended just now */ }
  }, limit);
  const status = await child.status;
  clearTimeout(timer);
  const result = { code: status.code, stdout: readText(files.stdout), stderr: readText(files.stderr) };
  if (late) throw new Error(`still running after ${limit} ms: ${argv.join(" ")}: ${JSON.stringify(result)}`);
  return result;
}

/** Runs a small host command with `PATH` set and fails unless it succeeds; returns its standard output. */
export async function host(...argv: string[]): Promise<string> {
  const output = await new Deno.Command(argv[0], { args: argv.slice(1) }).output();
  const text = new TextDecoder();
  if (!output.success) throw new Error(`${argv.join(" ")}: ${text.decode(output.stderr)}`);
  return text.decode(output.stdout);
}

/**
 * Text of a file, or "" when there is none; a process that ends while its file in /proc is read has none,
 * either.
 */
export function readText(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Error && NO_PROCESS.test(error.message)) {
      return "";
    }
    throw error;
  }
}

/** Whether a path exists, without following a link at its end. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Waits for `milliseconds`. */
export function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/**
 * Polls until `probe` returns something other than `undefined` or `false`.
 *
 * @param what Named in the error.
 * @param limit Milliseconds before the error, times {@linkcode PATIENCE}.
 */
export async function until<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  limit = 5_000,
): Promise<T> {
  const end = performance.now() + limit * PATIENCE;
  while (true) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (performance.now() > end) throw new Error(`waited ${limit * PATIENCE} ms in vain for ${what}`);
    await sleep(10);
  }
}
