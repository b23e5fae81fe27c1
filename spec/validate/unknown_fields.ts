/**
 * Properties of a config that the specification does not have. The runtime ignores them, as the specification
 * demands, so a name that is misspelt goes unnoticed.
 *
 * @module
 */
import { propertyPath, quote, type Report } from "../rules/report.ts";
import type { Shapes } from "../shapes.ts";
import { isObject } from "./explain.ts";
import { allShapes } from "./rare_shapes.ts";

/** Properties that the specification has for other systems. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  freebsd: "FreeBSD",
  solaris: "Solaris",
  vm: "virtual machines",
  windows: "Windows",
  zos: "z/OS",
  "process.commandLine": "Windows",
  "process.user.username": "Windows",
};

/** The most fields that are reported, and the longest name that is compared with the known ones. */
const MOST = 500, LONGEST = 40;

/**
 * Reports every property that is not in the specification, with the nearest name that is, and names in
 * another case.
 *
 * @param config The document as `parseJson` reads it.
 */
export function findUnknownFields(config: unknown, report: Report): void {
  const shapes = allShapes(), places = placesOfNames(shapes);
  let left = MOST;
  const walk = (value: unknown, shape: unknown, path: string) => {
    if (left <= 0) return;
    if (typeof shape === "string") {
      if (shape[0] === "$") walk(value, shapes[shape], path);
      return;
    }
    if (Array.isArray(shape)) {
      if (Array.isArray(value)) value.forEach((it, index) => walk(it, shape[0], `${path}[${index}]`));
      return;
    }
    if (!isObject(value)) return;
    const wanted = shape as Record<string, unknown>, known = namesOf(wanted);
    for (const key of Object.keys(value)) {
      const at = propertyPath(path, key), any = wanted["*"];
      const name = any !== undefined || known.includes(key) ? key : spelt(key, known, value);
      if (name === undefined) {
        if (--left >= 0) report(at, ...unknown(key, at, known, places));
        continue;
      }
      if (name !== key) report(at, `is read as ${name}`, `write ${quote(name)}`);
      walk(value[key], any ?? wanted[name], at);
    }
  };
  walk(config, "$config", "");
  if (left < 0) report("", `there are more than ${MOST} unknown properties`, "only the first are listed");
}

/** The known name that a key is in another case. It is not read so where the exact name is there too. */
function spelt(key: string, known: readonly string[], beside: object): string | undefined {
  const folded = key.toLowerCase();
  return known.find((name) => name.toLowerCase() === folded && !Object.hasOwn(beside, name));
}

function unknown(
  key: string,
  path: string,
  known: readonly string[],
  places: ReadonlyMap<string, string>,
): [reason: string, fix: string] {
  if (Object.hasOwn(ELSEWHERE, path)) {
    return [`is a property for ${ELSEWHERE[path]}, ignored on Linux`, "remove it"];
  }
  const reason = "is not in the specification: ignored";
  const near = nearestName(key, known);
  if (near !== undefined) return [reason, `is ${quote(near)} meant?`];
  const place = places.get(key) ?? places.get(nearestName(key, [...places.keys()]) ?? "");
  if (place !== undefined) return [reason, `is ${place} meant?`];
  return [reason, "remove it, or put it into annotations"];
}

/** The properties of an object by their names. */
function namesOf(shape: Readonly<Record<string, unknown>>): string[] {
  return Object.keys(shape).filter((name) => name !== "!" && name !== "0" && name !== "*");
}

/** The first place of each name in a config. */
function placesOfNames(shapes: Shapes): Map<string, string> {
  const places = new Map<string, string>();
  const walk = (shape: unknown, path: string) => {
    if (typeof shape === "string") {
      if (shape[0] === "$") walk(shapes[shape], path);
    } else if (Array.isArray(shape)) walk(shape[0], `${path}[]`);
    else if (isObject(shape)) {
      for (const name of namesOf(shape)) {
        const at = propertyPath(path, name);
        if (!places.has(name)) places.set(name, at);
        walk(shape[name], at);
      }
    }
  };
  walk("$config", "");
  return places;
}

/**
 * The name that differs least from a word; undefined where none is near: a third of its letters may be
 * missing, added, changed, or swapped with their neighbours.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { nearestName } from "./unknown_fields.ts";
 * assertEquals(nearestName("hostnme", ["hostname", "hooks"]), "hostname");
 * assertEquals(nearestName("colour", ["hostname", "hooks"]), undefined);
 * ```
 */
export function nearestName(word: string, names: readonly string[]): string | undefined {
  if (word.length > LONGEST) return undefined;
  let best: string | undefined, least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    if (Math.abs(name.length - word.length) >= least) continue;
    const distance = distanceOf(word.toLowerCase(), name.toLowerCase());
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** Damerau's distance of two words, in which a letter moves once only (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [], last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + same);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) row[j] = Math.min(row[j], before[j - 2] + 1);
    }
    [before, last] = [last, row];
  }
  return last[b.length];
}
