/**
 * Reads the kernel's figures, in the same way for all versions of cgroups.
 * @module
 */
import { ENOENT } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs } from "./fs.ts";

/** The value for "no limit" in v1 and v2. It is above every counter. */
export const MAX = 0xffff_ffff_ffff_ffffn;

/** One controller's files, all below one directory. */
export class Reader {
  constructor(readonly fs: CgroupFs, readonly dir: string) {}

  /** The text of a file; undefined where this kernel has no such file. */
  optional(file: string): string | undefined {
    try {
      return this.fs.read(this.dir, file);
    } catch (error) {
      if (!(error instanceof CgroupFileError) || error.errno !== ENOENT) throw error;
      return undefined;
    }
  }

  /** The text of a file that must exist. */
  text(file: string): string {
    return this.fs.read(this.dir, file);
  }

  /** The number in a file; `max` is 2^64-1. */
  number(file: string): bigint {
    const text = this.text(file).trim();
    return text === "max" ? MAX : this.parse(text, file);
  }

  /** A number that may be missing. */
  numberOr(file: string, otherwise: bigint): bigint {
    const text = this.optional(file);
    return text === undefined ? otherwise : this.parse(text.trim(), file);
  }

  /** Lines of `name value`. */
  table(text: string, file: string): Record<string, bigint> {
    const values: Record<string, bigint> = {};
    for (const line of text.split("\n")) {
      if (line === "") continue;
      const space = line.indexOf(" ");
      values[line.slice(0, Math.max(space, 0))] = this.parse(line.slice(space + 1), file);
    }
    return values;
  }

  /** The number in a text from a file. @throws {RuntimeError} when it is none. */
  parse(text: string, file: string): bigint {
    if (!/^-?\d+$/.test(text)) {
      throw new RuntimeError(
        "EPROTO_CGROUP_STATS",
        `read ${this.dir}/${file}: ${JSON.stringify(text)} is not a number`,
      );
    }
    return BigInt(text);
  }
}
