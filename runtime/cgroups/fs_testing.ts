/**
 * A cgroup tree in memory, for unit tests: directories get the files of their kind when they are made,
 * everything is logged, and any operation can be made to fail.
 * @module
 */
import { EBUSY, EEXIST, ENOENT, ENOTEMPTY } from "../../ffi/errno.ts";
import { CgroupFileError, type CgroupFs } from "./fs.ts";

/** What a file holds after a value was written to it. */
export type Keep = (value: string) => string;

/** See the module's description. */
export class FakeCgroupFs implements CgroupFs {
  /** `mkdir D`, `rmdir D`, `write D/F V`, `read D/F`, `pause N`, in order. */
  readonly log: string[] = [];
  /** Files by directory. */
  readonly tree = new Map<string, Map<string, string>>();
  /**
   * Errnos by `mkdir D`, `rmdir D`, `write D/F`, `read D/F`; each is used up by one failure, the last one
   * stays.
   */
  readonly failures = new Map<string, number[]>();
  readonly #kept = new Map<string, Keep>();
  readonly #filesOf: (dir: string) => Record<string, string>;

  /**
   * @param roots Directories that exist.
   * @param filesOf Files that a directory has from the moment it is made.
   */
  constructor(roots: readonly string[], filesOf: (dir: string) => Record<string, string> = () => ({})) {
    this.#filesOf = filesOf;
    for (const root of roots) this.#add(root);
  }

  /** Lines of the log that are writes, without the word. */
  get writes(): string[] {
    return this.log.filter((line) => line.startsWith("write ")).map((line) => line.slice(6));
  }

  /** Lets the operations of a key fail, see {@linkcode failures}. */
  fail(key: string, ...errnos: number[]): void {
    this.failures.set(key, errnos);
  }

  /** Lets a file hold something else than what was written, as the kernel's files do. */
  keepAs(path: string, keep: Keep): void {
    this.#kept.set(path, keep);
  }

  /** Sets a file behind the driver's back. */
  put(dir: string, file: string, text: string): void {
    this.tree.get(dir)!.set(file, text);
  }

  mkdir(dir: string): number {
    this.log.push(`mkdir ${dir}`);
    const failure = this.#failure(`mkdir ${dir}`);
    if (failure !== 0) return failure;
    if (this.tree.has(dir)) return EEXIST;
    if (!this.tree.has(dir.slice(0, dir.lastIndexOf("/")))) return ENOENT;
    this.#add(dir);
    return 0;
  }

  rmdir(dir: string): number {
    this.log.push(`rmdir ${dir}`);
    const failure = this.#failure(`rmdir ${dir}`);
    if (failure !== 0) return failure;
    const files = this.tree.get(dir);
    if (files === undefined) return ENOENT;
    if (this.list(dir).length > 0) return ENOTEMPTY;
    if (files.get("cgroup.procs")) return EBUSY;
    this.tree.delete(dir);
    return 0;
  }

  write(dir: string, file: string, value: string | readonly string[]): void {
    const path = `${dir}/${file}`;
    if (!this.exists(dir, file)) throw new CgroupFileError("open", path, ENOENT, String(value));
    for (const one of typeof value === "string" ? [value] : value) {
      this.log.push(`write ${path} ${one}`);
      const errno = this.#failure(`write ${path}`);
      if (errno !== 0) throw new CgroupFileError("write", path, errno, one);
      this.put(dir, file, (this.#kept.get(path)?.(one) ?? one) + "\n");
    }
  }

  read(dir: string, file: string): string {
    const path = `${dir}/${file}`;
    this.log.push(`read ${path}`);
    const errno = this.#failure(`read ${path}`);
    const text = this.tree.get(dir)?.get(file);
    if (errno !== 0 || text === undefined) throw new CgroupFileError("read", path, errno || ENOENT);
    return text;
  }

  exists(dir: string, file: string): boolean {
    return this.tree.get(dir)?.has(file) ?? false;
  }

  list(dir: string): string[] {
    const names = [];
    for (const path of this.tree.keys()) {
      if (path.startsWith(dir + "/") && !path.includes("/", dir.length + 1)) {
        names.push(path.slice(dir.length + 1));
      }
    }
    return names;
  }

  pause(milliseconds: number): void {
    this.log.push(`pause ${milliseconds}`);
  }

  #add(dir: string): void {
    this.tree.set(dir, new Map(Object.entries(this.#filesOf(dir))));
  }

  #failure(key: string): number {
    const errnos = this.failures.get(key);
    if (errnos === undefined || errnos.length === 0) return 0;
    return errnos.length > 1 ? errnos.shift()! : errnos[0];
  }
}
