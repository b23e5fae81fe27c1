/**
 * The commands. Each is a module of its own that is loaded when it is called, because code that does not run
 * should not be read.
 * @module
 */
import type { Command } from "./command.ts";

type Loader = () => Promise<{ command: Command }>;

/** Names and modules, in the order of the help. */
const LOADERS: Readonly<Record<string, Loader>> = {
  checkpoint: () => import("./commands/checkpoint.ts"),
  completion: () => import("./commands/completion.ts"),
  configure: () => import("./commands/configure.ts"),
  create: () => import("./commands/create.ts"),
  delete: () => import("./commands/delete.ts"),
  doctor: () => import("./commands/doctor.ts"),
  events: () => import("./commands/events.ts"),
  exec: () => import("./commands/exec.ts"),
  explain: () => import("./commands/explain.ts"),
  features: () => import("./commands/features.ts"),
  kill: () => import("./commands/kill.ts"),
  list: () => import("./commands/list.ts"),
  mounts: () => import("./commands/mounts.ts"),
  pause: () => import("./commands/pause.ts"),
  ps: () => import("./commands/ps.ts"),
  restore: () => import("./commands/restore.ts"),
  resume: () => import("./commands/resume.ts"),
  run: () => import("./commands/run.ts"),
  spec: () => import("./commands/spec.ts"),
  start: () => import("./commands/start.ts"),
  state: () => import("./commands/state.ts"),
  trace: () => import("./commands/trace.ts"),
  update: () => import("./commands/update.ts"),
  validate: () => import("./commands/validate.ts"),
  wait: () => import("./commands/wait.ts"),
};

/** Loads all commands, in the order of the help. */
export async function allCommands(): Promise<Command[]> {
  return await Promise.all(Object.values(LOADERS).map(async (load) => (await load()).command));
}

/**
 * Loads a command.
 *
 * @returns Undefined when there is no such command.
 */
export async function loadCommand(name: string): Promise<Command | undefined> {
  if (!Object.hasOwn(LOADERS, name)) return undefined;
  return (await LOADERS[name]()).command;
}
