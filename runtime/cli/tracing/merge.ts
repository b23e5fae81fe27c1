/**
 * Reads the traces of one container from a directory.
 * @module
 */

import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import type { Trace } from "../../host/tracing/trace.ts";
import { parseChrome } from "./chrome.ts";

/**
 * The traces of a container in a directory, in the order of their start. Other files are left out.
 *
 * @param id The container; empty where the directory has traces of one only.
 * @throws {RuntimeError} When there are none, or when there are several containers and none is named.
 */
export function readTraces(directory: string, id: string): Trace[] {
  const all = namesIn(directory).flatMap((name) => parseChrome(textOf(`${directory}/${name}`)) ?? []);
  const ids = [...new Set(all.map((trace) => trace.id))].filter((id) => id !== "").sort();
  if (id === "" && ids.length > 1) {
    throw new RuntimeError(
      "EINVAL_TRACE",
      `${directory}: traces of ${ids.length} containers: choose one by --id: ${shortList(ids)}`,
    );
  }
  const wanted = id || ids[0] || "";
  const traces = all.filter((trace) => trace.id === wanted);
  if (traces.length === 0) {
    const what = wanted === "" ? "no trace" : `no trace of the container ${JSON.stringify(wanted)}`;
    throw new RuntimeError("ENOENT_TRACE", `${directory}: ${what} (of those that --trace writes as .json)`);
  }
  return traces.sort((one, other) => Number(one.start - other.start));
}

/** A few names of many. */
function shortList(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name)).join(", ");
  return names.length > 5 ? `${shown}, …` : shown;
}

function namesIn(directory: string): string[] {
  try {
    // A pipe of such a name would be waited for.
    return [...Deno.readDirSync(directory)].filter(({ isFile }) => isFile).map(({ name }) => name)
      .filter((name) => name.endsWith(".json") && !name.startsWith("."));
  } catch (error) {
    throw new RuntimeError("ENOENT_TRACE", `read ${directory}: ${reasonOf(error)}`);
  }
}

function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    throw new RuntimeError("ENOENT_TRACE", `read ${path}: ${reasonOf(error)}`);
  }
}
