/** `tsrun delete`: remove a container and all that belongs to it. */
import type { Command, Context, GlobalOptions } from "../command.ts";
import type { Hook, Spec } from "../../../spec/types.ts";
import { destroyContainer, destroyUnreadable } from "../../container/delete.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { lockContainer } from "../../container/lock.ts";
import type { Log } from "../../host/log.ts";
import { containerDir } from "../../container/id.ts";
import {
  type ContainerState,
  CorruptStateError,
  MissingContainerError,
  readState,
} from "../../container/record.ts";
import { removeUnrecorded } from "../../container/state_dir.ts";
import { statusOf } from "../../container/status.ts";

export const command: Command = {
  name: "delete",
  usage: "remove a container that is stopped",
  operands: "<container-id>",
  description:
    "Removes a container: its cgroup, its state and what is left of its processes. One that was created\n" +
    "and never started goes too.",
  minArgs: 1,
  maxArgs: 1,
  flags: [{
    name: "force",
    short: "f",
    kind: "bool",
    usage: "kill a container that runs; no error when there is none of that id",
  }],
  async run({ global, flags, args: [id], log }: Context): Promise<number> {
    const force = flags.bool("force");
    try {
      await deleteContainer(global, id, force, log);
    } catch (error) {
      if (!(force && error instanceof MissingContainerError)) throw error;
    }
    return 0;
  },
};

async function deleteContainer(global: GlobalOptions, id: string, force: boolean, log: Log): Promise<void> {
  const { root } = global;
  using _lock = lockContainer(root, id);
  let state: ContainerState;
  try {
    state = readState(root, id);
  } catch (error) {
    // A directory without a record: its tsrun was killed before it made anything else.
    if (error instanceof MissingContainerError) removeUnrecorded(root, id);
    if (!(force && error instanceof CorruptStateError)) throw error;
    return await destroyUnreadable(root, id, global.systemdCgroup);
  }
  const status = statusOf(root, state);
  if (!force && (status === "running" || status === "paused")) {
    throw new RuntimeError(`cannot delete container ${id} that is not stopped: ${status}`);
  }
  // "creating", seen under the lock, means that its creator is dead.
  const hooks = savedHooks(root, id, log);
  await destroyContainer(root, state);
  if (hooks === undefined) return;
  const { runPoststop } = await import("../../container/hooks.ts");
  for (const failure of runPoststop(hooks, state)) log.warn(failure);
}

/** The poststop hooks of the config as it was at create; undefined when there are none. */
function savedHooks(root: string, id: string, log: Log): readonly Hook[] | undefined {
  try {
    const text = Deno.readTextFileSync(`${containerDir(root, id)}/config.json`);
    // Most configs have none: those are not parsed for it.
    if (!text.includes('"poststop"')) return undefined;
    return (JSON.parse(text) as Spec).hooks?.poststop;
  } catch (error) {
    // A container whose config is lost is removed all the same, though not in silence.
    if (!(error instanceof Deno.errors.NotFound)) log.warn(`poststop hooks: ${reasonOf(error)}`);
    return undefined;
  }
}
