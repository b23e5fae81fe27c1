/**
 * Devices in the container's /dev: the default ones, `linux.devices`, and the usual links.
 *
 * Sources: runtime-spec config-linux.md, sections Default Devices and Devices; "/dev symbolic links" of
 * runtime-linux.md.
 * @module
 */

import { type ErrorCode, TsrunError } from "../ffi/errors.ts";
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
} from "../ffi/constants.ts";
import { EEXIST, EPERM } from "../ffi/errno.ts";
import { type Fd, type Kernel, OperationError } from "../ffi/kernel.ts";
import { decodeStatx, makedev, STATX_SIZE } from "../ffi/structs.ts";
import { cleanPath } from "../spec/clean_path.ts";
import { MS_BIND, parseMountOptions } from "../spec/mount_options.ts";
import type { LinuxDevice, Mount } from "../spec/types.ts";
import { openInRoot } from "./in_root.ts";

/** The devices that every container has: path below /dev, major and minor number. */
const DEFAULT_DEVICES: readonly (readonly [string, number, number])[] = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0],
];

/** The links in /dev and where they lead. */
const DEFAULT_LINKS: readonly (readonly [string, string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
];

const TYPES = { c: S_IFCHR, u: S_IFCHR, b: S_IFBLK, p: S_IFIFO } as const;

/**
 * Who made the container's /dev. A bind mount there brings its own devices. Where the rootfs is the root of
 * the host, /dev is the host's.
 */
export function devOwner(
  mounts: readonly Mount[] | undefined,
  hostRoot: boolean,
): "container" | "bound" | "host" {
  const there = (mounts ?? []).filter(({ destination }) => cleanPath(`/${destination}`) === "/dev");
  if (there.some(({ options }) => (parseMountOptions(options).flags & MS_BIND) !== 0)) return "bound";
  return there.length === 0 && hostRoot ? "host" : "container";
}

/**
 * Checks that the host has the devices that the configuration names, because nothing is made in the host's
 * /dev.
 */
export function checkDeviceNodes(k: Kernel, root: Fd, devices: readonly LinuxDevice[]): void {
  for (const { path, type, major = 0, minor = 0 } of devices) {
    k.during(
      `find device node ${JSON.stringify(path)} on the host (none is made there: mount a /dev)`,
      () => {
        const node = openInRoot(k, root, path, { flags: O_PATH | O_NOFOLLOW });
        checkExisting(k, node, "", path, { mode: TYPES[type], major, minor });
        k.close(node);
      },
    );
  }
}

/**
 * The list of devices to make, by clean paths: the configured ones, and each default one that they do not
 * replace.
 */
export function devicesToMake(configured: readonly LinuxDevice[] | undefined): LinuxDevice[] {
  const own = (configured ?? []).map((device) => ({ ...device, path: cleanPath(device.path) }))
    .filter((device) => device.path !== "/dev/ptmx");
  const paths = new Set(own.map((device) => device.path));
  const defaults = DEFAULT_DEVICES
    .filter(([name]) => !paths.has(`/dev/${name}`))
    .map(([name, major, minor]): LinuxDevice => ({ type: "c", path: `/dev/${name}`, major, minor }));
  return [...defaults, ...own];
}

/**
 * Makes devices and links. The umask must be 0.
 *
 * @param root Descriptor of the rootfs.
 * @param hasKcore Whether the host has /proc/kcore, to which /dev/core then leads.
 * @param bind Bind the host's devices instead of making nodes, which is not allowed in a user namespace.
 */
export function makeDevices(
  k: Kernel,
  root: Fd,
  devices: readonly LinuxDevice[],
  hasKcore: boolean,
  bind = false,
): void {
  const dev = k.during(
    "open /dev of the container",
    () => openInRoot(k, root, "/dev", { flags: O_PATH | O_DIRECTORY, missing: "directory" }),
  );
  k.inPieces(devices, (piece) => {
    for (const device of piece) {
      k.during(`create device node ${JSON.stringify(device.path)}`, () => {
        if (bind && device.type !== "p") bindHostDevice(k, root, device);
        else makeDevice(k, root, dev, device);
      });
    }
  });
  for (const [name, target] of DEFAULT_LINKS) k.symlinkat(target, dev, name, { allow: [EEXIST] });
  if (hasKcore) k.symlinkat("/proc/kcore", dev, "core", { allow: [EEXIST] });
  linkPtmx(k, dev);
  k.close(dev);
}

/** Makes /dev/ptmx the container's own pty multiplexer. A file that the image has there is replaced. */
function linkPtmx(k: Kernel, dev: Fd): void {
  k.symlinkat("pts/ptmx", dev, "ptmx", {
    doing: "link /dev/ptmx to pts/ptmx",
    repair(errno) {
      if (errno !== EEXIST) throw new OperationError("symlinkat", errno, "", "link /dev/ptmx to pts/ptmx");
      k.unlinkat(dev, "ptmx").wait();
      return "retry";
    },
  });
}

function makeDevice(k: Kernel, root: Fd, dev: Fd, device: LinuxDevice): void {
  const { path, type, major = 0, minor = 0, fileMode = 0o666, uid = 0, gid = 0 } = device;
  const inDev = /^\/dev\/[^/]+$/.test(path);
  const parent = path.slice(0, path.lastIndexOf("/")) || "/";
  const directory = inDev
    ? dev
    : openInRoot(k, root, parent, { flags: O_PATH | O_DIRECTORY, missing: "directory" });
  const name = path.slice(path.lastIndexOf("/") + 1);
  const wanted = { mode: TYPES[type], major, minor };
  const made = k.mknodat(directory, name, wanted.mode | (fileMode & 0o7777), makedev(major, minor), {
    repair(errno) {
      if (errno === EEXIST) checkExisting(k, directory, name, path, wanted);
      else if (errno === EPERM) bindHostDevice(k, root, device);
      else throw new OperationError("mknodat", errno, "", `create device node ${JSON.stringify(path)}`);
      return "skip";
    },
  });
  // Only a node that was made here gets another owner: one that was there may be the host's own.
  if ((uid !== 0 || gid !== 0) && made.wait() >= 0) {
    const node = k.openat(directory, name, O_PATH | O_NOFOLLOW);
    k.fchown(node, uid, gid);
    k.close(node);
  }
  if (!inDev) k.close(directory);
}

/** Refuses an existing entry that is not the wanted device. */
function checkExisting(
  k: Kernel,
  dir: Fd,
  name: string,
  path: string,
  wanted: { mode: number; major: number; minor: number },
): void {
  const buffer = k.buffer(STATX_SIZE);
  k.statx(dir, name, buffer).wait();
  const { mode, rdev } = decodeStatx(buffer);
  const same = (mode & S_IFMT) === wanted.mode &&
    (wanted.mode === S_IFIFO || (rdev.major === wanted.major && rdev.minor === wanted.minor));
  if (!same) {
    throw otherThere(path, "EEXIST_DEVICE", "the image has something else there");
  }
}

function otherThere(path: string, code: ErrorCode, reason: string): TsrunError {
  return new TsrunError({ code, operation: "create device node", object: JSON.stringify(path), reason });
}

/** Binds the host's node, with the host's owner and mode, where device nodes may not be made. */
function bindHostDevice(k: Kernel, root: Fd, { path, type, major, minor }: LinuxDevice): void {
  const buffer = k.buffer(STATX_SIZE);
  const node = k.openTree(AT_FDCWD, path, OPEN_TREE_CLONE);
  k.statx(node, "", buffer).wait();
  const { mode, rdev } = decodeStatx(buffer);
  if ((mode & S_IFMT) !== TYPES[type] || rdev.major !== major || rdev.minor !== minor) {
    throw otherThere(
      path,
      "EPERM_DEVICE",
      "nodes cannot be made here, and the host has another device there",
    );
  }
  const place = openInRoot(k, root, path, { flags: O_PATH | O_NOFOLLOW, missing: "file" });
  k.moveMount(node, place);
  k.close(node);
  k.close(place);
}
