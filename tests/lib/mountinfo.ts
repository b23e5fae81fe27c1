/** One line of `/proc/<pid>/mountinfo` (proc_pid_mountinfo(5)), with the octal escapes of paths undone. */
export interface Mount {
  /** Mount point, relative to the root of the process that read the file. */
  target: string;
  /** Directory of the filesystem that is the root of this mount. */
  root: string;
  /** Options of this mount: `ro`, `nosuid`, `relatime`. */
  options: string[];
  /** Optional fields that tell propagation: `shared:1`, `master:2`, `unbindable`. */
  propagation: string[];
  type: string;
  source: string;
  /** Options of the filesystem behind the mount: `rw`, `size=64k`, `mode=755`. */
  superOptions: string[];
}

/**
 * Reads the text of a mountinfo file.
 *
 * @param text Whole content of the file.
 * @returns The mounts in the file's order, so that the last one of a target is the visible one.
 */
export function parseMountinfo(text: string): Mount[] {
  return text.split("\n").filter((line) => line.includes(" - ")).map((line) => {
    const [left, right] = line.split(" - ");
    const [, , , root, target, options, ...propagation] = left.trim().split(" ");
    const [type, source, superOptions = ""] = right.split(" ");
    return {
      target: unescapePath(target),
      root: unescapePath(root),
      options: options.split(","),
      propagation,
      type,
      source: unescapePath(source),
      superOptions: superOptions.split(","),
    };
  });
}

/** The visible mount at exactly `target`: the last one listed. */
export function mountAt(mounts: Mount[], target: string): Mount | undefined {
  return mounts.filter((mount) => mount.target === target).at(-1);
}

function unescapePath(path: string): string {
  return path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(parseInt(octal, 8)));
}
