/**
 * Names: the container's unit of systemd, its slice, and its directory.
 *
 * Sources: runtime-spec config-linux.md "Cgroups Path"; systemd.slice(5), systemd.unit(5); runc's reading of
 * `slice:prefix:name`, which every client relies on.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";

/** The prefix where no path is given. It is runc's, because tools look for such names. */
const PREFIX = "runc";
const SLICE = ".slice", SCOPE = ".scope";
/** The longest name of a unit, and its characters: systemd.unit(5). */
const MAX_NAME = 255, NAME = /^[A-Za-z0-9:_.\\@-]+$/;

/** The place of a container in systemd. */
export interface UnitPlace {
  /** `<prefix>-<name>.scope`; or a slice. */
  unit: string;
  /** The unit's slice. */
  slice: string;
  /** The name in descriptions: usually the container's id. */
  name: string;
}

/**
 * Reads `linux.cgroupsPath`.
 *
 * @param rootless The default slice is that of users.
 * @throws {RuntimeError} for a path that is not of the form `slice:prefix:name`, and for names that no unit
 * can have.
 */
export function placeOf(id: string, cgroupsPath: string | undefined, rootless: boolean): UnitPlace {
  const parts = cgroupsPath ? cgroupsPath.split(":") : ["", PREFIX, id];
  if (parts.length !== 3) {
    throw new RuntimeError(
      "EINVAL_CGROUPS_PATH",
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got ${
        JSON.stringify(cgroupsPath)
      } instead`,
    );
  }
  const [slice, prefix, name] = parts;
  // The dash is there even where a part is empty: clients that look for the unit build its name so, and no
  // scope of the host has such a name.
  const unit = name.endsWith(SLICE) ? name : `${prefix}-${name}${SCOPE}`;
  if (unit.length > MAX_NAME || !NAME.test(unit)) {
    throw new RuntimeError(
      "EINVAL_SYSTEMD_UNIT",
      `invalid systemd unit name ${JSON.stringify(unit)} (from the cgroupsPath)`,
    );
  }
  if (unit === `-${SLICE}`) {
    throw new RuntimeError("EINVAL_CGROUPS_PATH", "a container cannot be the root slice");
  }
  return { unit, slice: slice || (rootless ? "user.slice" : "system.slice"), name };
}

/** Whether a unit is a slice. A slice is made without processes, and its name gives its place. */
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
    throw new RuntimeError("EINVAL_SYSTEMD_UNIT", `invalid slice name: ${slice}`);
  }
  if (stem === "-") return "";
  let path = "", prefix = "";
  for (const part of stem.split("-")) {
    if (part === "") throw new RuntimeError("EINVAL_SYSTEMD_UNIT", `invalid slice name: ${slice}`);
    path += `/${prefix}${part}${SLICE}`;
    prefix += `${part}-`;
  }
  return path;
}

/**
 * The directory of a unit below the mount point. For a slice its own name decides, not the slice that was
 * asked for.
 */
export function unitPath({ unit, slice }: UnitPlace): string {
  return isSlice(unit) ? expandSlice(unit) : `${expandSlice(slice)}/${unit}`;
}

/** The path of a unit's object on the bus. Characters other than letters and digits become `_xx`. */
export function unitObject(unit: string): string {
  let name = "";
  for (const byte of new TextEncoder().encode(unit)) {
    const char = String.fromCharCode(byte);
    // A name does not begin with a digit.
    const plain = /[A-Za-z]/.test(char) || name !== "" && /\d/.test(char);
    name += plain ? char : `_${byte.toString(16).padStart(2, "0")}`;
  }
  return `/org/freedesktop/systemd1/unit/${name}`;
}
