/**
 * Looks up the program in the container at create, so that a mistake shows then.
 *
 * Sources: execve(2), faccessat2(2), runtime-spec config.md (process.args, env). dockerd, containerd and
 * podman choose exit codes by the words of these errors.
 * @module
 */

import { type ErrorCode, TsrunError } from "../ffi/errors.ts";
import {
  AT_EACCESS,
  AT_FDCWD,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
  X_OK,
} from "../ffi/constants.ts";
import {
  E2BIG,
  EACCES,
  EBADF,
  EINVAL,
  EISDIR,
  ELOOP,
  ENODEV,
  ENOENT,
  ENOTDIR,
  ENXIO,
  EPERM,
  errnoName,
  EXDEV,
  strerror,
} from "../ffi/errno.ts";
import type { Fd, Kernel, Result } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { decodeStatx, STATX_SIZE } from "../ffi/structs.ts";

/** PATH_MAX: what getcwd(2) writes at most. */
const CWD_SIZE = 4096;
const SLASH = 0x2f;

/** Errors for a root without an /etc/passwd, or with an /etc/passwd that cannot be read as a file. */
const NO_PASSWD: readonly number[] = [
  ...[ENOENT, ENOTDIR, EACCES, EPERM, ELOOP, EXDEV, EISDIR, ENXIO, ENODEV, EINVAL],
  // The file has not been opened.
  EBADF,
];

/** A place where the program may be, and the kernel's answers for it. */
interface Candidate {
  path: string;
  found: Result;
  stat: Buffer;
  executable: Result;
}

/** A look-up in progress. Read it after the kernel has answered. */
export interface Lookup {
  /** The path to execute. @throws {TsrunError} In the words that clients know. */
  resolve(): string;
}

/** How many places are asked about in the first batch. A usual PATH has fewer. */
const FIRST_PLACES = 32;

/** Asks where `name` is as the process will see it: with its user, its working directory and its PATH. */
export function lookUpProgram(k: Kernel, name: string, env: readonly string[]): Lookup {
  const direct = name.includes("/");
  const paths = direct ? [name] : searchPath(env).map((directory) => `${directory}/${name}`);
  const first = paths.slice(0, FIRST_PLACES).map((path) => lookAt(k, path));
  return {
    resolve() {
      const path = findIn(first) ?? findFurther(k, paths.slice(FIRST_PLACES));
      if (path !== undefined) return path;
      if (!direct) throw notExecutable(name, "ENOENT_PROGRAM", "executable file not found in $PATH");
      const error = verdict(first[0]);
      const stat = first[0].found.wait() < 0 ? `stat ${name}: ` : "";
      // Old clients know the first of these words, new ones the second. Both mean exit status 126.
      const reason = error === EISDIR ? `${strerror(EACCES)} (${strerror(EISDIR)})` : strerror(error);
      throw notExecutable(name, `${errnoName(error)}_PROGRAM` as ErrorCode, `${stat}${reason}`);
    },
  };
}

function lookAt(k: Kernel, path: string): Candidate {
  const stat = k.buffer(STATX_SIZE);
  const found = k.statx(AT_FDCWD, path, stat, { allow: "any" }, 0);
  const executable = k.call("faccessat2", [AT_FDCWD, path, X_OK, AT_EACCESS], { allow: "any" });
  return { path, found, stat, executable };
}

function findIn(candidates: readonly Candidate[]): string | undefined {
  return candidates.find((candidate) => verdict(candidate) === 0)?.path;
}

/** Looks through the rest of a PATH, which may have any length. */
function findFurther(k: Kernel, paths: readonly string[]): string | undefined {
  for (let i = 0; i < paths.length; i += FIRST_PLACES) {
    const path = k.reusing(() => findIn(paths.slice(i, i + FIRST_PLACES).map((path) => lookAt(k, path))));
    if (path !== undefined) return path;
  }
  return undefined;
}

function notExecutable(name: string, code: ErrorCode, reason: string): TsrunError {
  const object = JSON.stringify(name);
  return new TsrunError({ code, operation: "exec", object, reason, message: `exec: ${object}: ${reason}` });
}

/** 0 when the file can be executed, or the errno that says why not. */
function verdict({ found, stat, executable }: Candidate): number {
  if (found.wait() < 0) return -found.wait();
  const { mode } = decodeStatx(stat);
  if ((mode & S_IFMT) === S_IFDIR) return EISDIR;
  // Even with CAP_DAC_OVERRIDE, a process may execute only files with an execute bit.
  if (executable.wait() < 0) return -executable.wait();
  return mode & 0o111 ? 0 : EACCES;
}

function searchPath(env: readonly string[]): string[] {
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "";
  return path === "" ? [] : path.split(":").map((directory) => directory || ".");
}

/** Most bytes of arguments and environment that execve(2) takes: three quarters of 8 MiB. */
const MOST = 6 << 20;

/** Refuses arguments that no kernel takes, before memory is reserved for them. */
export function checkArguments(args: readonly string[], env: readonly string[]): void {
  const size = [...args, ...env].reduce((sum, text) => sum + text.length, 0);
  if (size > MOST) throw notExecutable(args[0].slice(0, 64), "E2BIG_PROGRAM", strerror(E2BIG));
}

/**
 * The environment with each name once: the last value, in the order of first appearance. An empty HOME is
 * left out, because it counts as none.
 */
export function uniqueEnv(env: readonly string[]): string[] {
  const values = new Map<string, string>();
  for (const entry of env) values.set(entry.slice(0, entry.indexOf("=")), entry);
  if (values.get("HOME") === "HOME=") values.delete("HOME");
  return [...values.values()];
}

/** Whether the environment names a home directory. */
export function hasHome(env: readonly string[]): boolean {
  return env.some((entry) => entry.startsWith("HOME="));
}

/** Bytes of /etc/passwd that are read at once, and the most reads: the file may have been made to do harm. */
const PASSWD_SIZE = 1 << 16, PASSWD_READS = 256;

/**
 * Reads the container's /etc/passwd. The result is the user's home directory, `/` where the file names none.
 */
export function lookUpHome(k: Kernel, root: Fd, uid: number): { resolve(): string } {
  const text = k.room(PASSWD_SIZE);
  const flags = O_RDONLY | O_NONBLOCK, resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  // An image often has no such file. No answer stops the executor, so the answers are judged below.
  const file = k.openat2(root, "/etc/passwd", flags, resolve, 0, { allow: "any" });
  const read = k.call("read", [file, text, PASSWD_SIZE], { allow: "any" });
  k.call("close", [file], { allow: "any" });
  return {
    resolve() {
      const errno = -(file.wait() < 0 ? file : read).wait(), length = Math.max(read.wait(), 0);
      const again = length === PASSWD_SIZE || (errno > 0 && !NO_PASSWD.includes(errno));
      return homeOf(again ? readPasswd(k, text) : text.text(length), uid);
    },
  };
}

/**
 * Reads a file that is larger than most, or could not be read for a reason that may have passed. The process
 * is in the container's root by then.
 *
 * @throws {OperationError} If the file is there and cannot be read.
 */
function readPasswd(k: Kernel, buffer: Buffer): string {
  const flags = O_RDONLY | O_NONBLOCK, allow = NO_PASSWD;
  const file = k.openat2(AT_FDCWD, "/etc/passwd", flags, RESOLVE_NO_MAGICLINKS, 0, { allow });
  const decoder = new TextDecoder();
  let text = "";
  for (let i = 0; i < PASSWD_READS; i++) {
    const length = k.call("read", [file, buffer, buffer.size], { allow }).wait();
    if (length <= 0) break;
    text += decoder.decode(buffer.bytes.slice(0, length), { stream: true });
  }
  k.call("close", [file], { allow: "any" });
  return text;
}

/** The home directory of a user id in the text of a passwd(5) file. */
export function homeOf(passwd: string, uid: number): string {
  for (const line of passwd.split("\n")) {
    const fields = line.split(":");
    if (fields.length >= 6 && fields[2] === String(uid)) return fields[5] || "/";
  }
  return "/";
}

/** Asks for the working directory; the answer is for {@linkcode checkWorkingDirectory}. */
export function askWorkingDirectory(k: Kernel): Buffer {
  // Where the call fails the buffer stays empty, which is no directory in the root.
  const cwd = k.buffer(CWD_SIZE);
  k.call("getcwd", [cwd, CWD_SIZE], { allow: "any" });
  return cwd;
}

/**
 * Refuses a working directory outside the root, which a leaked descriptor can lead to (CVE-2024-21626).
 *
 * @param cwd The answer of getcwd(2).
 */
export function checkWorkingDirectory(cwd: Buffer): void {
  // It is compared as bytes: decoding the first text takes 0.2 ms.
  if (cwd.bytes[0] !== SLASH) {
    throw new TsrunError({
      code: "EXDEV_CWD",
      operation: "enter the working directory",
      reason: "it is outside of the root",
      message:
        "current working directory is outside of container mount namespace root -- possible container breakout detected",
    });
  }
}
