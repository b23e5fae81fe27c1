/**
 * What a command is, and what it is given.
 * @module
 */
import type { Log, LogFormat } from "../host/log.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** Values of the flags that stand before the command. */
export interface GlobalOptions {
  /** Where containers' states are kept, absolute. */
  root: string;
  /** `--root` was given: such a root has to exist where a command only reads it. */
  rootGiven: boolean;
  /** `--log`, empty for standard error. */
  log: string;
  logFormat: LogFormat;
  debug: boolean;
  systemdCgroup: boolean;
  /** Whether cgroup permission errors are ignored; `auto` means where the host makes it necessary. */
  rootless: "auto" | "true" | "false";
  /** Path of the criu binary, for the commands that use it. */
  criu: string;
}

/** What the user asked of a command. */
export interface Context {
  global: GlobalOptions;
  flags: FlagValues;
  /** Operands, as many as the command says it takes. */
  args: string[];
  log: Log;
}

/** One command: `runtime/commands/<name>.ts` exports it as `command`. */
export interface Command {
  readonly name: string;
  /** What it does, in one line, for lists of commands. */
  readonly usage: string;
  /** Operands in the usage line, such as `<container-id>`. */
  readonly operands: string;
  /** What it does, in full: whole lines. */
  readonly description: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly flags: readonly Flag[];
  /** Everything after the first operand is an operand. */
  readonly stopAtOperand?: boolean;
  /**
   * Does the work.
   * @returns The exit status of tsrun.
   * @throws {RuntimeError} what the user is told, with the exit status.
   */
  run(context: Context): number | Promise<number>;
}
