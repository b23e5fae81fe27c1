/**
 * `update`: changes the limits of a live container.
 * @module
 */
import type { LocalKernel } from "../../ffi/local.ts";
import { parseJson } from "../../spec/parse.ts";
import type { LinuxResources } from "../../spec/types.ts";
import { explainResources, formatProblems } from "../../spec/validate.ts";
import { openLive } from "../cgroups/mod.ts";
import { readSmallFile, RECORD_MAX } from "../host/small_file.ts";
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { exactJson } from "./exact_json.ts";
import { lockContainer } from "./lock.ts";
import { savedConfig } from "./saved_config.ts";
import { containerDir } from "./id.ts";
import { type ContainerState, readState } from "./record.ts";
import { statusOf } from "./status.ts";
import { mergeResources, toWrite } from "./update_merge.ts";

/** File in the state directory with the limits after the last update; missing before the first. */
const RESOURCES = "resources.json";

/**
 * Changes a container's limits: all that are asked for, or none.
 *
 * @param asked Limits to change, a `LinuxResources`; what is absent stays.
 * @throws {RuntimeError} when the container is not alive, a value is wrong in itself or together with those
 * that stay, or the kernel refuses one.
 */
export async function updateContainer(
  k: LocalKernel,
  root: string,
  id: string,
  asked: unknown,
): Promise<void> {
  const change = readWhole(asked);
  // A create in progress sets its limits last, and would overwrite those of an update.
  if (statusOf(root, readState(root, id)) === "creating") {
    throw new RuntimeError("EBUSY_CONTAINER", "cannot update a container that is being created");
  }
  // Of two simultaneous updates, the second has to see what the first has saved. The container's own lock is
  // not used, because hooks may call this during a start, which holds it.
  using _lock = lockContainer(k, root, id, undefined, "config.json");
  const state = readState(root, id);
  if (statusOf(root, state) === "stopped") throw new RuntimeError("ESRCH_CONTAINER", "container not running");
  const old = currentResources(root, id);
  const merged = mergeResources(old, change);
  const { devices: _devices, ...limits } = merged;
  readWhole(limits);
  const write = toWrite(merged, change);
  if (replacesDevices(state, old, change)) merged.devices = write.devices = change.devices;
  if (Object.keys(write).length === 0) return;
  if (state.cgroup === null) {
    throw new RuntimeError("ENOENT_CGROUP", "cannot set limits of a container without a cgroup");
  }
  const cgroup = await openLive(() => k, state.cgroup);
  // Steps that may fail for want of space come before the first change of a limit.
  using saved = prepareResources(root, state, merged);
  cgroup.update(write);
  saved.commit();
}

/**
 * Whether to change device rules: only where they differ from the container's, because callers that read,
 * change and write back all limits mean no change, and other programs may have added rules. And only on
 * cgroup v2, where rules can be replaced without a gap.
 */
function replacesDevices({ cgroup }: ContainerState, old: LinuxResources, change: LinuxResources): boolean {
  if (change.devices === undefined || !cgroup?.driver.endsWith("-v2")) return false;
  return exactJson(change.devices) !== exactJson(old.devices ?? []);
}

function readWhole(resources: unknown): LinuxResources {
  const { document, problems } = explainResources(resources);
  if (problems.length > 0) throw new RuntimeError("EINVAL_RESOURCES", formatProblems(problems, "resources"));
  return document;
}

/** A container's limits: those of its config with all updates. */
export function currentResources(root: string, id: string): LinuxResources {
  const path = `${containerDir(root, id)}/${RESOURCES}`;
  let text: string;
  try {
    text = readSmallFile(path, RECORD_MAX);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return savedConfig(root, id).linux?.resources ?? {};
    throw new RuntimeError("EIO_SAVED_LIMITS", `read ${path}: ${reasonOf(error)}`);
  }
  try {
    return parseJson(text) as LinuxResources;
  } catch (error) {
    throw new RuntimeError("EIO_SAVED_LIMITS", `parse ${path}: ${reasonOf(error)}`);
  }
}

/** A file that is written but not yet in its place. Without a commit it is removed at the end. */
interface Prepared extends Disposable {
  commit(): void;
}

function prepareResources(root: string, { id }: ContainerState, resources: LinuxResources): Prepared {
  const path = `${containerDir(root, id)}/${RESOURCES}`;
  const temporary = `${path}.new`;
  const { memory, ...others } = resources;
  const { checkBeforeUpdate: _, ...settings } = memory ?? {};
  let left = true;
  const remove = () => {
    if (!left) return;
    left = false;
    try {
      Deno.removeSync(temporary);
    } catch { /* It was not made, or goes with the state directory. */ }
  };
  try {
    Deno.writeTextFileSync(temporary, exactJson({ ...others, memory: settings }), { mode: 0o600 });
  } catch (error) {
    remove();
    throw new RuntimeError(
      "EIO_SAVED_LIMITS",
      `limits are not changed, for they cannot be saved: write ${path}: ${reasonOf(error)}`,
    );
  }
  return {
    commit() {
      try {
        Deno.renameSync(temporary, path);
        left = false;
      } catch (error) {
        throw new RuntimeError(
          "EIO_SAVED_LIMITS",
          `limits are set, but cannot be saved: write ${path}: ${reasonOf(error)}`,
        );
      }
    },
    [Symbol.dispose]: remove,
  };
}
