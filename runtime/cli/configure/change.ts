/**
 * Changes of files that are decided before the first is made.
 * @module
 */
import { ownError, reasonOf, RuntimeError } from "../../../ffi/errors.ts";

/** A file as it is and as it is to be; undefined where there is none. */
export interface FileChange {
  path: string;
  before: string | undefined;
  after: string | undefined;
}

/** A change that was made: with a copy of the file as it was before, if there was one. */
export interface MadeChange extends FileChange {
  backup: string | undefined;
}

/** Reads a file of a client. @returns Undefined if there is none. @throws {RuntimeError} */
export function readClientFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw failure("read", path, error);
  }
}

/** The error for a file of a client whose content does not allow a change. */
export function wrongFile(path: string, reason: string): RuntimeError {
  return new RuntimeError("EINVAL_CLIENT_CONFIG", `${path}: ${reason}; nothing was changed`);
}

function failure(what: string, path: string, error: unknown): RuntimeError {
  return new RuntimeError("EIO_CLIENT_CONFIG", `${what} ${path}: ${reasonOf(ownError(error))}`);
}

/**
 * Makes all changes or none. Each file is replaced whole, by another with its mode and owner; what a link
 * leads to is replaced, and not the link.
 *
 * @param time Part of the names of the copies.
 * @throws {RuntimeError} Which file could not be written.
 */
export function makeChanges(changes: readonly FileChange[], time: Date): MadeChange[] {
  const made: MadeChange[] = [];
  try {
    for (const change of changes) {
      const backup = change.before === undefined ? undefined : backupOf(change.path, time);
      if (backup !== undefined) writeLike(change.path, backup, change.before!);
      replaceFile(change.path, change.after);
      made.push({ ...change, backup });
    }
    return made;
  } catch (error) {
    for (const { path, before } of made.toReversed()) replaceFile(path, before);
    throw error;
  }
}

/** The name keeps clients from reading the copy: they read `*.toml`, `*.conf` or one file only. */
function backupOf(path: string, time: Date): string {
  return `${path}.${time.toISOString().slice(0, 19).replace(/[-:]/g, "")}.bak`;
}

function replaceFile(path: string, text: string | undefined): void {
  try {
    if (text === undefined) return Deno.removeSync(path);
    const target = targetOf(path), temporary = `${target}.tsrun-${Deno.pid}`;
    Deno.mkdirSync(target.slice(0, target.lastIndexOf("/")) || "/", { recursive: true });
    try {
      writeLike(target, temporary, text);
      Deno.renameSync(temporary, target);
    } catch (error) {
      removeQuietly(temporary);
      throw error;
    }
  } catch (error) {
    throw error instanceof RuntimeError ? error : failure("write", path, error);
  }
}

function targetOf(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Writes a file with the mode and the owner of another, if that exists. */
function writeLike(other: string, path: string, text: string): void {
  try {
    let facts: Deno.FileInfo | undefined;
    try {
      facts = Deno.statSync(other);
    } catch { /* the file is new */ }
    Deno.writeTextFileSync(path, text, { mode: facts ? 0o600 : 0o644 });
    if (facts?.uid != null && facts.gid != null) Deno.chownSync(path, facts.uid, facts.gid);
    if (facts?.mode != null) Deno.chmodSync(path, facts.mode & 0o7777);
  } catch (error) {
    throw failure("write", path, error);
  }
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch { /* it was not made */ }
}
