/**
 * The directories under the state root: one for each container.
 *
 *     <root>/<id>/state.json    the record (record.ts), written whole or not at all
 *     <root>/<id>/config.json   the bundle's config as it was at create
 *     <root>/<id>/exec.fifo     there as long as the container is created but not started
 * @module
 */
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { containerDir, validateId } from "./id.ts";
import { callerIsRoot } from "../host/caller.ts";

/**
 * Makes the directory of a new container, and the root where it is missing (mode 0700).
 *
 * @throws {RuntimeError} `container with given ID already exists`, `invalid container ID format`, or why it
 * cannot be made.
 */
export function createStateDir(root: string, id: string): void {
  validateId(id);
  ensureRoot(root);
  const directory = containerDir(root, id);
  try {
    Deno.mkdirSync(directory, { mode: 0o711 });
    // The mode is a promise, whatever the caller's umask.
    Deno.chmodSync(directory, 0o711);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new RuntimeError("container with given ID already exists");
    }
    throw new RuntimeError(`mkdir ${directory}: ${reasonOf(error)}`);
  }
}

function ensureRoot(root: string): void {
  try {
    // Only whether it is there: the first Deno.statSync takes 0.4 ms, this 0.03.
    Deno.realPathSync(root);
    return;
  } catch { /* made below */ }
  try {
    Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
    // Clean-up of $XDG_RUNTIME_DIR spares what has the sticky bit (XDG base directory specification).
    if (!callerIsRoot()) Deno.chmodSync(root, 0o1700);
  } catch (error) {
    const hint = callerIsRoot() ? "" : " (set XDG_RUNTIME_DIR, or give another --root)";
    throw new RuntimeError(`mkdir ${root}: ${reasonOf(error)}${hint}`);
  }
}

/** Removes a container's directory with all in it; fine when it is not there. */
export function removeStateDir(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new RuntimeError(`remove ${directory}: ${reasonOf(error)}`);
  }
}

/**
 * Removes the directory of a create that was killed before it wrote a record: if there is such a directory, and
 * nothing in it but what a create makes, so that a `--root` given by mistake costs nobody his files.
 */
export function removeUnrecorded(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    if (names.every((name) => /^(config\.json|exec\.fifo|state\.json\.\d+)$/.test(name))) {
      removeStateDir(root, id);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new RuntimeError(`read ${directory}: ${reasonOf(error)}`);
    }
  }
}

/** Ids of all containers of a root in order of name; none when the root is missing. Their records may be damaged. */
export function listIds(root: string): string[] {
  const ids: string[] = [];
  try {
    for (const entry of Deno.readDirSync(root)) if (entry.isDirectory) ids.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new RuntimeError(`read ${root}: ${reasonOf(error)}`);
  }
  return ids.sort();
}
