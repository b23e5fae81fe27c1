/**
 * Names: which unit of systemd is a container's, in which slice, and what directory that makes.
 *
 * Sources: runtime-spec config-linux.md "Cgroups Path"; systemd.slice(5), systemd.unit(5); runc's reading of
 * `slice:prefix:name`, which every client counts on.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";

/** Default of the prefix, where no path is given: names of units are runc's, as tools look for them by that. */
const PREFIX = "runc";
const SLICE = ".slice", SCOPE = ".scope";
/** Longest name of a unit, and what it may be made of: systemd.unit(5). */
const MAX_NAME = 255, NAME = /^[A-Za-z0-9:_.\\@-]+$/;

/** Where systemd puts a container. */
export interface UnitPlace {
  /** `<prefix>-<name>.scope`; or a slice. */
  unit: string;
  /** The slice that it is in. */
  slice: string;
  /** What it is called in descriptions: the container's id, as a rule. */
  name: string;
}

/**
 * Reads `linux.cgroupsPath`.
 *
 * @param rootless The default slice is the one for users.
 * @throws {RuntimeError} for a path that is not of the form `slice:prefix:name`, and for names that cannot be a unit's.
 */
export function placeOf(id: string, cgroupsPath: string | undefined, rootless: boolean): UnitPlace {
  const parts = cgroupsPath ? cgroupsPath.split(":") : ["", PREFIX, id];
  if (parts.length !== 3) {
    throw new RuntimeError(
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${
        JSON.stringify(cgroupsPath)
      } instead`,
    );
  }
  const [slice, prefix, name] = parts;
  // With a dash, whatever is empty: so clients that look for the unit make its name, and no scope of the host's has one.
  const unit = name.endsWith(SLICE) ? name : `${prefix}-${name}${SCOPE}`;
  if (unit.length > MAX_NAME || !NAME.test(unit)) {
    throw new RuntimeError(`invalid systemd unit name ${JSON.stringify(unit)} (from the cgroupsPath)`);
  }
  if (unit === `-${SLICE}`) throw new RuntimeError("a container cannot be the root slice");
  return { unit, slice: slice || (rootless ? "user.slice" : "system.slice"), name };
}

/** Whether a unit is a slice: it is made of no process then, and is in a slice by its name. */
export function isSlice(unit: string): boolean {
  return unit.endsWith(SLICE);
}

/**
 * The path of a slice: `a-b.slice` is in `a.slice`, and `-.slice` is the root.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { expandSlice } from "./unit.ts";
 * assertEquals(expandSlice("a-b.slice"), "/a.slice/a-b.slice");
 * ```
 * @returns `""` for the root.
 * @throws {RuntimeError} `invalid slice name: …`
 */
export function expandSlice(slice: string): string {
  const stem = slice.slice(0, -SLICE.length);
  if (!slice.endsWith(SLICE) || stem === "" || !NAME.test(slice)) {
    throw new RuntimeError(`invalid slice name: ${slice}`);
  }
  if (stem === "-") return "";
  let path = "", prefix = "";
  for (const part of stem.split("-")) {
    if (part === "") throw new RuntimeError(`invalid slice name: ${slice}`);
    path += `/${prefix}${part}${SLICE}`;
    prefix += `${part}-`;
  }
  return path;
}

/** The directory of a unit below the mount point. A slice is where its own name says, whatever slice was asked for. */
export function unitPath({ unit, slice }: UnitPlace): string {
  return isSlice(unit) ? expandSlice(unit) : `${expandSlice(slice)}/${unit}`;
}

/** The path of a unit's object on the bus: what is not a letter or digit is `_xx`. */
export function unitObject(unit: string): string {
  let name = "";
  for (const byte of new TextEncoder().encode(unit)) {
    const char = String.fromCharCode(byte);
    // A digit in front would be no name.
    const plain = /[A-Za-z]/.test(char) || name !== "" && /\d/.test(char);
    name += plain ? char : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return `/org/freedesktop/systemd1/unit/${name}`;
}
