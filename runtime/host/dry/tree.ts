/**
 * The files of a dry run: those of the host, with what would have been made or removed laid over them.
 *
 * A place is a path of the host, or `N:/path` in the Nth filesystem that would have been made. Nothing is
 * ever written.
 * @module
 */

import { S_IFCHR, S_IFDIR, S_IFLNK, S_IFREG } from "../../../ffi/constants.ts";
import { makedev } from "../../../ffi/structs.ts";
import { cgroupText, controllersAfter } from "./cgroup_files.ts";
import type { Entry } from "./entry.ts";
import type { RealFiles } from "./real_files.ts";

/** Where something lies; see the module's description. */
export type Place = string;

/** A file of a process of the dry run in /proc, or its directory; undefined for other processes. */
export type ProcEntry = (pid: number, file: string) => Entry | undefined;

/** See the module's description. */
export class DryTree {
  /** Entries that would have been made; null: removed. */
  readonly #made = new Map<Place, Entry | null>();
  readonly #types: string[] = [""];

  /** @param rootOf The root of a process of the dry run. */
  constructor(
    readonly real: RealFiles,
    readonly procEntry: ProcEntry,
    readonly rootOf: (pid: number) => { path?: string; place: Place } | undefined = () => undefined,
  ) {}

  /** A new filesystem. @returns The place of its root. */
  newFilesystem(type: string, mode: number): Place {
    const root = `${this.#types.push(type) - 1}:/`;
    this.#made.set(root, { mode: S_IFDIR | mode });
    return root;
  }

  /** Type of the filesystem that a place is in; of the host's, those of /proc and /sys only. */
  typeOf(place: Place): string {
    if (!place.startsWith("/")) return this.#types[parseInt(place)];
    return /^\/proc(\/|$)/.test(place) ? "proc" : /^\/sys(\/|$)/.test(place) ? "sysfs" : "";
  }

  /** What is at a place; a link is not followed. */
  look(place: Place): Entry | undefined {
    const made = this.#made.get(place);
    if (made !== undefined) return made ?? undefined;
    const host = this.#onHost(place);
    if (host === undefined) return this.typeOf(place) === "devpts" ? inDevpts(place) : undefined;
    const [, pid, file] = /^\/proc\/(\d+)\/?(.*)$/.exec(host) ?? [];
    const entry = pid === undefined ? undefined : this.procEntry(Number(pid), file);
    if (entry !== undefined) return entry;
    const text = this.#cgroupText(host);
    return text === undefined ? this.real.look(host) : { mode: S_IFREG | 0o644, text };
  }

  /** Whether the dry run knows better than the host what is at a place. */
  isMade(place: Place): boolean {
    if (this.#made.has(place)) return true;
    const [, pid, file] = /^\/proc\/(\d+)\/?(.*)$/.exec(place) ?? [];
    return (pid !== undefined && this.procEntry(Number(pid), file) !== undefined) ||
      this.#made.has(parentOf(place));
  }

  /** Content of a file. */
  text(place: Place): string | undefined {
    return this.look(place)?.text ?? this.real.text(this.#onHost(place) ?? "");
  }

  /** Makes something, or changes it. */
  make(place: Place, entry: Entry): void {
    const handsDown = nameOf(place) === "cgroup.subtree_control" && entry.text !== undefined;
    const text = handsDown ? controllersAfter(this.text(place) ?? "", entry.text!) : entry.text;
    this.#made.set(place, { ...entry, text });
  }

  /** Removes something, and all below. */
  remove(place: Place): void {
    for (const other of this.#made.keys()) if (other.startsWith(`${place}/`)) this.#made.set(other, null);
    this.#made.set(place, null);
  }

  /** Names in a directory. */
  names(place: Place): string[] {
    const names = new Set(this.real.names(this.#onHost(place) ?? ""));
    for (const [other, entry] of this.#made) {
      if (parentOf(other) !== place || other === place) continue;
      if (entry === null) names.delete(nameOf(other));
      else names.add(nameOf(other));
    }
    return [...names];
  }

  /** The path of the host that shows the same, if there is one. */
  #onHost(place: Place): string | undefined {
    if (place.startsWith("/")) return place;
    const rest = place.slice(place.indexOf(":") + 1), type = this.typeOf(place);
    if (type === "proc") return `/proc${rest === "/" ? "" : rest}`;
    return type === "sysfs" ? `/sys${rest === "/" ? "" : rest}` : undefined;
  }

  /** The content of a control file of a cgroup that would have been made. */
  #cgroupText(path: string): string | undefined {
    const directory = parentOf(path);
    if (nameOf(path) === "cgroup.controllers" && this.#made.get(directory)) {
      return this.text(childOf(parentOf(directory), "cgroup.subtree_control"));
    }
    if (!this.#made.get(directory)) return undefined;
    const text = cgroupText(this.real, directory, nameOf(path));
    if (text !== undefined) return text;
    // A cgroup of v2 has the files of its controllers, also where no neighbour has that controller.
    const controllers = this.text(childOf(directory, "cgroup.controllers"))?.split(/\s+/) ?? [];
    return controllers.includes(nameOf(path).split(".")[0]) ? "" : undefined;
  }
}

/** A devpts has its master and no terminal. */
function inDevpts(place: Place): Entry | undefined {
  return place.endsWith(":/ptmx") ? { mode: S_IFCHR | 0o666, rdev: makedev(5, 2) } : undefined;
}

/** Whether an entry is of a type. */
export const isDirectory = ({ mode }: Entry): boolean => (mode & 0o170000) === S_IFDIR;
export const isLink = ({ mode }: Entry): boolean => (mode & 0o170000) === S_IFLNK;

/** The place of an entry of a directory. */
export function childOf(place: Place, name: string): Place {
  return place.endsWith("/") ? place + name : `${place}/${name}`;
}

/** The directory that a place is in; a root is its own. */
export function parentOf(place: Place): Place {
  const slash = place.lastIndexOf("/");
  return place[slash - 1] === ":" || slash === 0 ? place.slice(0, slash + 1) : place.slice(0, slash);
}

/** The last part of a place. */
export function nameOf(place: Place): string {
  return place.slice(place.lastIndexOf("/") + 1);
}
