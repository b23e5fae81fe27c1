/**
 * Opens files that others could have put in the way, to append to them.
 * @module
 */

import {
  O_APPEND,
  O_CLOEXEC,
  O_CREAT,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_WRONLY,
  S_IFMT,
  S_IFREG,
} from "../../ffi/constants.ts";
import { Descriptor } from "../../ffi/descriptor.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { LocalKernel } from "../../ffi/local.ts";
import { decodeStatx, STATX_SIZE } from "../../ffi/structs.ts";
import { callerUid } from "./caller.ts";
import { openDirectory } from "./directory.ts";

/**
 * Opens a file to append to it, and makes it for its owner only where it is missing.
 *
 * What is there has to be a regular file of root or of the caller, with one name: a link, a pipe without a
 * reader, or another name of a file elsewhere is refused. On the way to it, links of other users are not
 * followed.
 *
 * @param path Absolute.
 * @returns The descriptor, which closes on exec.
 * @throws {RuntimeError} or an `OperationError`.
 */
export function openToAppend(k: LocalKernel, path: string): Descriptor {
  const slash = path.lastIndexOf("/"), name = path.slice(slash + 1);
  using directory = new Descriptor(k, openDirectory(k, path.slice(0, slash) || "/"));
  const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  using file = new Descriptor(
    k,
    k.openat(directory.fd, name, flags, 0o600, { doing: `open ${path}` }).wait(),
  );
  k.scratch(() => {
    const buffer = k.buffer(STATX_SIZE);
    k.statx(file.fd, "", buffer);
    const { mode, uid, links } = decodeStatx(buffer);
    const refuse = (reason: string) => new RuntimeError("EPERM_APPEND", `open ${path}: ${reason}`);
    if ((mode & S_IFMT) !== S_IFREG) throw refuse("not a regular file");
    if (uid !== 0 && uid !== callerUid()) throw refuse(`it belongs to user ${uid}`);
    if (links > 1) throw refuse("the file has several names");
  });
  return new Descriptor(k, file.release());
}
