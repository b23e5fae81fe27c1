/**
 * The host's mounts, read once: proc_pid_mountinfo(5).
 * @module
 */

/** The content of /proc/self/mountinfo. */
export class HostMounts {
  #text: string | undefined;

  /** @param text The file's text; read at the first need if absent. */
  constructor(text?: string) {
    this.#text = text;
  }

  /** The whole text. */
  get text(): string {
    return this.#text ??= Deno.readTextFileSync("/proc/self/mountinfo");
  }

  /** All mount points. */
  points(): string[] {
    return this.#lines().map(({ point }) => point);
  }

  /** Mount point of the mount with this id; undefined where there is none. */
  pointOf(id: number): string | undefined {
    const line = this.text.split("\n").find((line) => line.startsWith(`${id} `));
    return line === undefined ? undefined : unescape(line.split(" ")[4]);
  }

  /**
   * Whether more than one mount lies on `/`, as after `mount --rbind / /`. Paths do not begin at the topmost
   * one then.
   */
  rootIsCovered(): boolean {
    return (this.text.match(/^\d+ \d+ \S+ \S+ \/ /gm)?.length ?? 0) > 1;
  }

  /** Mount points that show a whole procfs or sysfs and are not inside `rootfs`, in the order of mounting. */
  procAndSys(rootfs: string): string[] {
    return this.#lines()
      .filter(({ type, root, point }) =>
        (type === "proc" || type === "sysfs") && root === "/" && !`${point}/`.startsWith(`${rootfs}/`)
      )
      .map(({ point }) => point);
  }

  /** The mount point of resctrl; undefined where it is not mounted. */
  resctrl(): string | undefined {
    return this.#lines().find(({ type, root }) => type === "resctrl" && root === "/")?.point;
  }

  /** The namespace that is mounted on a path, such as `net:[4026531840]`; undefined where none is. */
  namespaceAt(path: string): string | undefined {
    return this.#lines().findLast(({ type, point }) => type === "nsfs" && point === path)?.root;
  }

  /** Whether the host has /proc/kcore. */
  hasKcore(): boolean {
    try {
      // The first Deno.statSync takes 0.4 ms, this 0.03.
      Deno.realPathSync("/proc/kcore");
      return true;
    } catch {
      return false;
    }
  }

  #lines(): { root: string; point: string; type: string }[] {
    return this.text.trim().split("\n").map((line) => {
      const [before, after = ""] = line.split(" - ");
      const fields = before.split(" ");
      return { root: unescape(fields[3]), point: unescape(fields[4]), type: after.split(" ")[0] };
    });
  }
}

/** Blanks, tabs, newlines and backslashes are written as three octal digits. */
function unescape(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(parseInt(digits, 8)));
}
