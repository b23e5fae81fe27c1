/**
 * The cgroup file systems of this machine, by system calls.
 *
 * Every directory is opened once, without following a link, and is used only after fstatfs(2) said that it is a
 * cgroup file system; files are then opened beneath it, so that no crafted name and no foreign mount leads a write
 * elsewhere.
 * @module
 */
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../../ffi/constants.ts";
import { EINVAL, ENOENT } from "../../ffi/errno.ts";
import { local, type LocalKernel } from "../../ffi/local.ts";
import { RuntimeError } from "../errors.ts";
import { CgroupFileError, type CgroupFs } from "./fs.ts";

/** statfs(2) types: cgroup v1 and cgroup v2. */
const CGROUP_SUPER_MAGIC = 0x27e0eb, CGROUP2_SUPER_MAGIC = 0x63677270;
const NO_LINKS = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_XDEV | NO_LINKS;
/** Bytes per read(2); kernfs hands out at most a page at a time. */
const PAGE = 4096;
/** Answers are the errno, never an exception: most failures here are everyday ones. */
const ANY = { allow: "any" } as const;

/** The real tree. Descriptors are close-on-exec and stay open until their directory is removed or the process ends. */
export class HostCgroupFs implements CgroupFs {
  readonly #directories = new Map<string, number>();
  #kernel: LocalKernel | undefined;

  mkdir(dir: string): number {
    const [parent, name] = split(dir);
    const fd = this.#directory(parent);
    if (fd < 0) return -fd;
    const errno = -this.#local.mkdirat(fd, name, 0o755, ANY).value;
    if (errno === ENOENT) this.#close(parent); // removed by somebody since it was opened
    return errno;
  }

  rmdir(dir: string): number {
    const [parent, name] = split(dir);
    const fd = this.#directory(parent);
    if (fd < 0) return -fd;
    const errno = -this.#local.unlinkat(fd, name, AT_REMOVEDIR, ANY).value;
    if (errno === 0) this.#close(dir);
    return errno;
  }

  write(dir: string, file: string, value: string | readonly string[]): void {
    const values = typeof value === "string" ? [value] : value;
    const fd = this.#open(dir, file, O_WRONLY, values[0]);
    try {
      for (const one of values) {
        const written = this.#local.write(fd, one, ANY).value;
        if (written < 0) throw new CgroupFileError("write", `${dir}/${file}`, -written, one);
      }
    } finally {
      this.#local.close(fd);
    }
  }

  read(dir: string, file: string): string {
    const kernel = this.#local;
    const fd = this.#open(dir, file, O_RDONLY);
    try {
      return kernel.scratch(() => {
        const buffer = kernel.buffer(PAGE);
        let text = "";
        for (;;) {
          const count = kernel.call("read", [fd, buffer, PAGE], ANY).value;
          if (count < 0) throw new CgroupFileError("read", `${dir}/${file}`, -count);
          if (count === 0) return text;
          text += buffer.text(count);
        }
      });
    } finally {
      kernel.close(fd);
    }
  }

  exists(dir: string, file: string): boolean {
    const directory = this.#directory(dir);
    if (directory < 0) return false;
    const fd = this.#local.openat2(directory, file, O_PATH, INSIDE, 0, ANY).value;
    if (fd >= 0) this.#local.close(fd);
    return fd >= 0;
  }

  list(dir: string): string[] {
    const names: string[] = [];
    try {
      for (const entry of Deno.readDirSync(dir)) if (entry.isDirectory) names.push(entry.name);
    } catch (error) {
      const { code } = error as { code?: string };
      if (code !== "ENOENT" && code !== "ENODEV") {
        throw new RuntimeError(`cannot list the cgroup ${JSON.stringify(dir)}: ${(error as Error).message}`);
      }
    }
    return names;
  }

  pause(milliseconds: number): void {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
  }

  get #local(): LocalKernel {
    return this.#kernel ??= local();
  }

  /** A verified descriptor of a cgroup directory, or the negative errno. */
  #directory(dir: string): number {
    const known = this.#directories.get(dir);
    if (known !== undefined) return known;
    const fd = this.#openDirectory(dir);
    if (fd >= 0) this.#directories.set(dir, fd);
    return fd;
  }

  #close(dir: string): void {
    const fd = this.#directories.get(dir);
    if (fd === undefined) return;
    this.#directories.delete(dir);
    this.#local.close(fd);
  }

  #openDirectory(dir: string): number {
    const [parent, name] = split(dir);
    const above = this.#directories.get(parent);
    // Below a verified directory nothing but the same file system can be reached.
    if (above !== undefined) {
      return this.#local.openat2(above, name, O_PATH | O_DIRECTORY, INSIDE, 0, ANY).value;
    }
    const fd = this.#local.openat2(AT_FDCWD, dir, O_PATH | O_DIRECTORY, NO_LINKS, 0, ANY).value;
    if (fd >= 0) this.#verify(dir, fd);
    return fd;
  }

  #verify(dir: string, fd: number): void {
    const kernel = this.#local;
    const type = kernel.scratch(() => {
      const statfs = kernel.buffer(120); // struct statfs: f_type comes first
      return kernel.fstatfs(fd, statfs, ANY).value < 0 ? 0 : statfs.u32(0);
    });
    if (type === CGROUP_SUPER_MAGIC || type === CGROUP2_SUPER_MAGIC) return;
    kernel.close(fd);
    throw new RuntimeError(`${JSON.stringify(dir)} is not on a cgroup file system`);
  }

  #open(dir: string, file: string, flags: number, value?: string): number {
    const directory = this.#directory(dir);
    const fd = directory < 0
      ? directory
      : file.includes("/")
      ? -EINVAL
      : this.#local.openat2(directory, file, flags, INSIDE, 0, ANY).value;
    if (fd < 0) throw new CgroupFileError("open", `${dir}/${file}`, -fd, value);
    return fd;
  }
}

/** A path's directory and last name. */
function split(path: string): [string, string] {
  const slash = path.lastIndexOf("/");
  return [slash === 0 ? "/" : path.slice(0, slash), path.slice(slash + 1)];
}
