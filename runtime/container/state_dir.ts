/**
 * The directories under the state root: one for each container.
 *
 *     <root>/<id>/state.json    the record (record.ts), written whole or not at all
 *     <root>/<id>/config.json   the bundle's config as it was at create
 *     <root>/<id>/exec.fifo     there as long as the container is created but not started
 * @module
 */
import { S_IFDIR, S_IFMT, S_IWGRP, S_IWOTH } from "../../ffi/constants.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { type LocalKernel, madeLocal } from "../../ffi/local.ts";
import { stat } from "../../ffi/stat.ts";
import { containerDir, validateId } from "./id.ts";
import { hasAccessList } from "../host/access_list.ts";
import { callerGid, callerIsRoot, callerUid } from "../host/caller.ts";

/** The root that was checked last, without a finding. */
let checked: string | undefined;

/** Does {@linkcode checkRoot}, unless this process has checked the root already. */
export function checkRootOnce(root: string): void {
  if (root !== checked) checkRoot(root);
}

/**
 * Refuses a state root that other users can change: tsrun would act on their records with the caller's
 * rights. Root may own the directory of any user.
 *
 * @param k Given if the caller has one already: to bind libc takes 1 ms, while the first question by way of
 * Deno takes 0.4 ms.
 * @returns Whether the root exists.
 * @throws {RuntimeError} Who owns the root, or that every user can write to it, and how to mend that.
 */
export function checkRoot(root: string, k?: LocalKernel): boolean {
  const there = k === undefined ? statByDeno(root) : stat(k, root);
  if (there === undefined) return false;
  if ((there.mode & S_IFMT) !== S_IFDIR) {
    throw new RuntimeError("EIO_STATE_ROOT", `state root ${root}: not a directory`);
  }
  const own = callerUid();
  if (there.uid !== own && there.uid !== 0) {
    throw new RuntimeError(
      "EPERM_STATE_ROOT",
      `state root ${root} belongs to user ${there.uid}, who could change the records in it: ` +
        `give another --root, or make it yours (chown ${own} ${root})`,
    );
  }
  if ((there.mode & S_IWOTH) !== 0) {
    throw new RuntimeError(
      "EPERM_STATE_ROOT",
      `state root ${root} can be written to by everybody: chmod o-w ${root}, or give another --root`,
    );
  }
  if ((there.mode & S_IWGRP) !== 0) refuseGroup(root, there.gid, k ?? madeLocal());
  checked = root;
  return true;
}

/**
 * Refuses a root that a group of others can write to, or users that an access control list names: its mask is
 * shown as the group's rights. The caller's own group is fine, as many users have one of their own.
 */
function refuseGroup(root: string, gid: number, k: LocalKernel | undefined): void {
  // `create` has a kernel, and so do most others.
  const named = k !== undefined && hasAccessList(k, root);
  if (!named && (gid === 0 || gid === callerGid())) return;
  const [others, mend] = named
    ? ["users that its access control list names", `setfacl -b ${root}`]
    : [`group ${gid}`, `chmod g-w ${root}`];
  throw new RuntimeError(
    "EPERM_STATE_ROOT",
    `state root ${root} can be written to by ${others}: ${mend}, or give another --root`,
  );
}

function statByDeno(path: string): { uid: number; gid: number; mode: number } | undefined {
  try {
    const { uid, gid, mode } = Deno.statSync(path);
    return { uid: uid ?? 0, gid: gid ?? 0, mode: mode ?? 0 };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new RuntimeError("EIO_STATE_ROOT", `stat ${path}: ${reasonOf(error)}`);
  }
}

/** Mode of the directory. The init of a container in a user namespace has to pass through it. */
export const DIRECTORY_MODE = 0o711;

/**
 * Makes the directory of a new container, and the root if it is missing (mode 0700). The directory has no
 * owner yet: {@linkcode claimContainer} makes it the caller's.
 *
 * @throws {RuntimeError} `container with given ID already exists`, `invalid container ID format`, or the
 * reason why it cannot be made.
 */
export function createStateDir(root: string, id: string, k?: LocalKernel): void {
  validateId(id);
  ensureRoot(root, k);
  const directory = containerDir(root, id);
  try {
    Deno.mkdirSync(directory, { mode: DIRECTORY_MODE });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw alreadyExists();
    throw new RuntimeError("EIO_STATE_ROOT", `mkdir ${directory}: ${reasonOf(error)}`);
  }
}

/** The error for an id that is in use. */
export function alreadyExists(): RuntimeError {
  return new RuntimeError("EEXIST_CONTAINER", "container with given ID already exists");
}

function ensureRoot(root: string, k?: LocalKernel): void {
  if (checkRoot(root, k)) return;
  try {
    Deno.mkdirSync(root, { recursive: true, mode: 0o700 });
    // The clean-up of $XDG_RUNTIME_DIR spares files with the sticky bit (XDG base directory specification).
    if (!callerIsRoot()) Deno.chmodSync(root, 0o1700);
  } catch (error) {
    const hint = callerIsRoot() ? "" : " (set XDG_RUNTIME_DIR, or give another --root)";
    throw new RuntimeError("EIO_STATE_ROOT", `mkdir ${root}: ${reasonOf(error)}${hint}`);
  }
}

/** Removes a container's directory and its content. A missing directory is no error. */
export function removeStateDir(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    Deno.removeSync(directory, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new RuntimeError("EIO_STATE_ROOT", `remove ${directory}: ${reasonOf(error)}`);
  }
}

/**
 * Removes the directory of a create that was killed before it wrote a record. A directory with other files
 * than a create makes is left alone, so that a wrong `--root` removes no files of others.
 */
export function removeUnrecorded(root: string, id: string): void {
  validateId(id);
  const directory = containerDir(root, id);
  try {
    const names = [...Deno.readDirSync(directory)].map((entry) => entry.name);
    if (
      names.every((name) =>
        /^(config\.json|exec\.fifo|prepared|start\.report|criu-(root|mask)|state\.json\.\d+)$/.test(name)
      )
    ) {
      removeStateDir(root, id);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new RuntimeError("EIO_STATE_ROOT", `read ${directory}: ${reasonOf(error)}`);
    }
  }
}

/** Ids of all containers of a root, in order; none when the root is missing. Their records may be damaged. */
export function listIds(root: string): string[] {
  checkRoot(root);
  const ids: string[] = [];
  try {
    for (const entry of Deno.readDirSync(root)) if (entry.isDirectory) ids.push(entry.name);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) {
      throw new RuntimeError("EIO_STATE_ROOT", `read ${root}: ${reasonOf(error)}`);
    }
  }
  return ids.sort();
}
