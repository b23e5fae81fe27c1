/** `tsrun delete`: remove a container and all that belongs to it. */
import type { Command, Context } from "../cli/command.ts";
import { destroyContainer, destroyUnreadable } from "../delete.ts";
import { RuntimeError } from "../errors.ts";
import { lockContainer } from "../lock.ts";
import {
  type ContainerState,
  CorruptStateError,
  MissingContainerError,
  readState,
  removeUnrecorded,
  statusOf,
} from "../state.ts";

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
  run({ global, flags, args: [id] }: Context): number {
    const force = flags.bool("force");
    try {
      deleteContainer(global.root, id, force, global.systemdCgroup);
    } catch (error) {
      if (!(force && error instanceof MissingContainerError)) throw error;
    }
    return 0;
  },
};

function deleteContainer(root: string, id: string, force: boolean, systemd: boolean): void {
  using _lock = lockContainer(root, id);
  let state: ContainerState;
  try {
    state = readState(root, id);
  } catch (error) {
    // A directory without a record: its tsrun was killed before it made anything else.
    if (error instanceof MissingContainerError) removeUnrecorded(root, id);
    if (!(force && error instanceof CorruptStateError)) throw error;
    return destroyUnreadable(root, id, systemd);
  }
  const status = statusOf(root, state);
  if (!force && (status === "running" || status === "paused")) {
    throw new RuntimeError(`cannot delete container ${id} that is not stopped: ${status}`);
  }
  // "creating", seen under the lock, means that its creator is dead.
  destroyContainer(root, state);
}
