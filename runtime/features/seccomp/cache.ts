/**
 * Compiled filters, kept between commands.
 *
 * Compiling Docker's default profile takes some milliseconds, and the containers of a host tend to have the
 * same profile. The cache is a directory that only its owner may enter. A file in it holds, as lines of text:
 *
 *     the full key (one line of JSON)
 *     the flags, in decimal
 *     the program, in base 64
 *     the program once more
 *
 * The file's name comes from a hash of a few letters of the key. The hash costs next to nothing and is not
 * relied upon: the full key is compared. The program is stored twice because comparing two strings is a
 * memcmp, while a checksum in JavaScript that has not run before takes longer than everything else (measured:
 * 0.6 ms).
 *
 * A failure of the cache never fails a container: the profile is compiled then.
 * @module
 */

import { S_IFDIR } from "../../../ffi/constants.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { stat, touch } from "../../../ffi/stat.ts";
import { reasonOf } from "../../../ffi/errors.ts";
import type { CompiledFilter } from "./compile.ts";
import { callerUid, ownPid } from "../../host/caller.ts";
import {
  makeDirectories,
  modifiedAt,
  namesIn,
  removeFile,
  renameFile,
  writeTextFile,
} from "../../host/files.ts";
import { FILTER_MAX, readSmallFile } from "../../host/small_file.ts";
import type { DebugSink } from "../../host/log.ts";

/** The most files that are kept. A host has few profiles, and each takes about 30 KB. */
const MAX_FILES = 32;
/** Letters of the key that are hashed for the file's name. */
const SAMPLES = 64;

/**
 * A filter found in the cache.
 *
 * @param debug Takes the reason why the cache is not used.
 * @returns null where there is none, or the file is another key's, cut short or damaged.
 */
export function readCache(
  k: LocalKernel,
  directory: string,
  key: string,
  debug: DebugSink,
): CompiledFilter | null {
  if (!isOurs(k, directory, debug)) return null;
  try {
    const path = `${directory}/${fileName(key)}`;
    const text = readSmallFile(path, FILTER_MAX);
    if (!text.startsWith(key) || text[key.length] !== "\n") return null;
    const [flags, program, again, end, ...more] = text.slice(key.length + 1).split("\n");
    if (end !== "" || more.length > 0 || program === "" || program !== again) return null;
    const filter = { program: Uint8Array.fromBase64(program), flags: Number.parseInt(flags) };
    if (!Number.isInteger(filter.flags) || filter.program.length % 8 !== 0) return null;
    // A used file must be the last to be removed. Times of access are not kept, or once a day: mount(8),
    // relatime.
    touch(k, path);
    return filter;
  } catch {
    // There is no such file, or it is not base 64.
    return null;
  }
}

/** Stores a filter. The file appears whole or not at all, because readers may come at any moment. */
export function writeCache(
  k: LocalKernel,
  directory: string,
  key: string,
  filter: CompiledFilter,
  debug: DebugSink,
): void {
  try {
    makeDirectories(directory, 0o700);
  } catch (error) {
    return debug(
      `seccomp cache: mkdir ${directory}: ${reasonOf(error)}`,
      "runtime/features/seccomp/cache.ts writeCache",
    );
  }
  if (!isOurs(k, directory, debug)) return;
  const name = fileName(key);
  // The process id tells concurrent commands apart, the name two filters of one process.
  const temporary = `${directory}/${name}.${ownPid()}`;
  try {
    prune(directory);
    const program = filter.program.toBase64();
    writeTextFile(temporary, `${key}\n${filter.flags}\n${program}\n${program}\n`, 0o600);
    renameFile(temporary, `${directory}/${name}`);
  } catch (error) {
    debug(
      `seccomp cache: write ${directory}/${name}: ${reasonOf(error)}`,
      "runtime/features/seccomp/cache.ts writeCache",
    );
    remove(temporary);
  }
}

/**
 * Whether the directory belongs to this user and has mode 0700. Then no other user can have put a filter
 * there, even where a link led to it.
 */
function isOurs(k: LocalKernel, directory: string, debug: DebugSink): boolean {
  const info = stat(k, directory);
  if (info === undefined) return false;
  if (info.mode === (S_IFDIR | 0o700) && info.uid === callerUid()) return true;
  debug(
    `seccomp cache: ${directory} is not a directory of user ${callerUid()} with mode 0700; not used`,
    "runtime/features/seccomp/cache.ts isOurs",
  );
  return false;
}

/**
 * Removes the files that were not used for the longest time, so that there is room for one more. Left-over
 * temporary files are removed in the same way.
 */
function prune(directory: string): void {
  const names = namesIn(directory);
  if (names.length < MAX_FILES) return;
  const aged = names.map((name) => ({ name, time: modifiedAt(`${directory}/${name}`) })).sort((a, b) =>
    b.time - a.time
  );
  for (const { name } of aged.slice(MAX_FILES / 2)) remove(`${directory}/${name}`);
}

function remove(path: string): void {
  try {
    removeFile(path);
  } catch {
    // It is gone already, or is a directory that was made there by something else.
  }
}

/** FNV-1a over letters spread evenly over the key, and its length. */
function fileName(key: string): string {
  let hash = 0x811c9dc5 ^ key.length;
  const step = Math.max(1, Math.floor(key.length / SAMPLES));
  for (let i = 0; i < key.length; i += step) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return `${(hash >>> 0).toString(16)}.bpf`;
}
