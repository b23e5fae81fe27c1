/**
 * The form of a command, and its input.
 * @module
 */
import type { Log, LogFormat } from "../host/log.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** Values of the flags before the command. */
export interface GlobalOptions {
  /** Directory of the containers' states, absolute. */
  root: string;
  /** `--root` was given. Such a root has to exist where a command only reads it. */
  rootGiven: boolean;
  /** `--log`, empty for standard error. */
  log: string;
  logFormat: LogFormat;
  debug: boolean;
  systemdCgroup: boolean;
  /** `--cgroup-manager disabled`: containers get no cgroup of their own. */
  noCgroup: boolean;
  /** Whether cgroup permission errors are ignored. `auto` ignores them where the host makes it necessary. */
  rootless: "auto" | "true" | "false";
  /** Path of the criu binary, for the commands that use it. */
  criu: string;
  /** `--trace-format`, empty where it is not given. */
  traceFormat: string;
}

/** The input of a command. */
export interface Context {
  global: GlobalOptions;
  flags: FlagValues;
  /** Operands, in the number that the command accepts. */
  args: string[];
  log: Log;
  /** Loads all commands, in the order of the help. */
  commands(): Promise<readonly Command[]>;
}

/** One command: `runtime/commands/<name>.ts` exports it as `command`. */
export interface Command {
  readonly name: string;
  /** Its purpose in one line, for lists of commands. */
  readonly usage: string;
  /** Operands in the usage line, such as `<container-id>`. */
  readonly operands: string;
  /** Its purpose in full: whole lines. */
  readonly description: string;
  readonly minArgs: number;
  readonly maxArgs: number;
  readonly flags: readonly Flag[];
  /** Everything after the first operand is an operand. */
  readonly stopAtOperand?: boolean;
  /**
   * Runs the command.
   * @returns The exit status of tsrun.
   * @throws {RuntimeError} with the message for the user and the exit status.
   */
  run(context: Context): number | Promise<number>;
}
