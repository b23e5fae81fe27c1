/**
 * Changes of control files that can be undone.
 * @module
 */
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { CgroupFileError, type CgroupFs } from "./fs.ts";

/**
 * Makes changes: all of them or none.
 *
 * @throws The error of the step, after its writes were undone. It also names the files that could not be
 * restored.
 */
export function changeAll(fs: CgroupFs, step: (fs: CgroupFs) => void): void {
  const journal = new Journal(fs);
  try {
    step(journal);
  } catch (error) {
    const left = journal.undo();
    if (left.length === 0) throw error;
    const reasons = left.map((failure) => failure.message).join("; ");
    throw new RuntimeError("EIO_CGROUP_RESTORE", `${reasonOf(error)}; and setting back failed: ${reasons}`);
  }
}

/** A file that was written, and the values that restore it. */
interface Entry {
  dir: string;
  file: string;
  before: readonly string[];
}

/** How often restoring is tried: the kernel may refuse one old value beside another's new one. */
const PASSES = 3;

/**
 * Passes all calls on to another file system, and remembers the content of each file before its first write.
 */
export class Journal implements CgroupFs {
  readonly #fs: CgroupFs;
  readonly #entries: Entry[] = [];

  constructor(fs: CgroupFs) {
    this.#fs = fs;
  }

  /** Values are written one at a time: when a later one is refused, those before it have to be undone. */
  write(dir: string, file: string, value: string | readonly string[]): void {
    for (const one of typeof value === "string" ? [value] : value) {
      const entries = this.#look(dir, file, one);
      this.#fs.write(dir, file, one);
      this.#entries.push(...entries);
    }
  }

  /** The content that a write is about to change. */
  #look(dir: string, file: string, value: string): Entry[] {
    try {
      const text = this.#fs.read(dir, file);
      const entry = { dir, file, before: restoring(file, text, [value]) };
      // Making a group idle and then not idle leaves it with the default weight.
      const weight = file === "cpu.idle" && text.trim() === "0" ? this.#weight(dir) : [];
      return [...weight, entry];
    } catch (error) {
      // Unreadable content cannot be restored. The write itself fails for a missing file.
      if (!(error instanceof CgroupFileError)) throw error;
      return [];
    }
  }

  #weight(dir: string): Entry[] {
    const file = this.#fs.exists(dir, "cpu.weight") ? "cpu.weight" : "cpu.shares";
    return [{ dir, file, before: [this.#fs.read(dir, file).trim()] }];
  }

  /**
   * Writes the old values, last first.
   *
   * @returns The failure of each file that could not be restored.
   */
  undo(): CgroupFileError[] {
    let entries = this.#entries.splice(0).reverse();
    let failures: CgroupFileError[] = [];
    for (let pass = 0; pass < PASSES && entries.length > 0; pass++) {
      failures = [];
      entries = entries.filter((entry) => {
        try {
          this.#fs.write(entry.dir, entry.file, entry.before);
          return false;
        } catch (error) {
          if (!(error instanceof CgroupFileError)) throw error;
          failures.push(error);
          return true;
        }
      });
    }
    return failures;
  }

  mkdir(dir: string): number {
    return this.#fs.mkdir(dir);
  }

  rmdir(dir: string): number {
    return this.#fs.rmdir(dir);
  }

  read(dir: string, file: string): string {
    return this.#fs.read(dir, file);
  }

  exists(dir: string, file: string): boolean {
    return this.#fs.exists(dir, file);
  }

  list(dir: string): string[] {
    return this.#fs.list(dir);
  }

  pause(milliseconds: number): void {
    this.#fs.pause(milliseconds);
  }
}

/**
 * The values that restore a file.
 *
 * @param text The file's content. Most files show what was written to them.
 * @param written The values that are about to be written.
 */
export function restoring(file: string, text: string, written: readonly string[]): readonly string[] {
  const lines = text.split("\n").filter((line) => line !== "");
  // Files with a line for each device or interface. A device without one gets 0, for which the kernel drops
  // its rule.
  if (/_device$/.test(file) || file === "net_prio.ifpriomap") {
    return written.map((line) => {
      const key = line.slice(0, line.indexOf(" ") + 1);
      return lines.find((old) => old.startsWith(key)) ?? `${key}0`;
    });
  }
  // v2's limits by device. A line holds several; a device without one gets `max` for all.
  if (file === "io.max") return written.map((line) => ioBefore(lines, line));
  if (/^io(\.bfq)?\.weight$/.test(file)) return written.map((line) => weightBefore(lines, line));
  // The file has "oom_kill_disable 0" and two lines that are not settings.
  if (file === "memory.oom_control") return [lines[0]?.split(" ")[1] ?? "0"];
  // On v2 an empty value means the parent's. An empty line sets it.
  if (lines.length === 0 && /^cpuset\.(cpus|mems)$/.test(file)) return ["\n"];
  // An idle group accepts no weight. Kernels before 6.12 show 0.
  if (file === "cpu.weight" && lines[0] === "0") return [];
  return lines;
}

/** The old line of io.max for a device of a new one. */
function ioBefore(lines: readonly string[], written: string): string {
  const device = written.slice(0, written.indexOf(" ") + 1);
  const old = lines.find((line) => line.startsWith(device));
  return old ?? `${device}rbps=max wbps=max riops=max wiops=max`;
}

/** The old weight of a device, or of all (`default 100`). */
function weightBefore(lines: readonly string[], written: string): string {
  const space = written.indexOf(" ");
  const key = space < 0 ? "default" : written.slice(0, space);
  return lines.find((line) => line.startsWith(`${key} `)) ?? `${key} default`;
}
