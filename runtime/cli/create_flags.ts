/**
 * The flags that `create` and `run` share, and the options that they mean.
 * @module
 */
import type { CreateOptions } from "../container/create/plan.ts";
import type { Context } from "./command.ts";
import type { Flag } from "./flags.ts";
import { absolute } from "./globals.ts";
import { ownError, RuntimeError } from "../../ffi/errors.ts";

/** Flags of `create` and `run`. */
export const CREATE_FLAGS: readonly Flag[] = [
  {
    name: "bundle",
    short: "b",
    kind: "string",
    usage: "directory of the bundle; the working directory when not given",
    values: "directory",
  },
  {
    name: "config",
    short: "f",
    kind: "string",
    usage: "file to read in place of the bundle's config.json",
    values: "file",
  },
  {
    name: "console-socket",
    kind: "string",
    usage: "unix socket to send the master of the container's terminal to",
    values: "file",
  },
  {
    name: "pidfd-socket",
    kind: "string",
    usage: "unix socket to send a pidfd of the container's process to",
    values: "file",
  },
  { name: "pid-file", kind: "string", usage: "file to write the process id to", values: "file" },
  {
    name: "no-pivot",
    kind: "bool",
    usage: "change the root by chroot instead of pivot_root, for a rootfs on a ramdisk",
  },
  { name: "no-new-keyring", kind: "bool", usage: "keep the caller's session keyring instead of a new one" },
  {
    name: "preserve-fds",
    kind: "int",
    usage: "how many descriptors from 3 on the container's process gets",
    default: 0,
  },
];

/**
 * The options of the command line for the new container. Paths are made absolute here, before the working
 * directory changes.
 *
 * @throws {RuntimeError} for a negative number of descriptors.
 */
export function createOptions({ global, flags, args, log }: Context): CreateOptions {
  const path = (name: string) => flags.string(name) === "" ? undefined : absolute(flags.string(name));
  const preserveFds = flags.int("preserve-fds");
  if (preserveFds < 0) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid value "${preserveFds}" for flag -preserve-fds: less than 0`,
    );
  }
  return {
    root: global.root,
    id: args[0],
    bundle: absolute(flags.string("bundle")),
    config: path("config"),
    pidFile: path("pid-file"),
    consoleSocket: path("console-socket"),
    pidfdSocket: path("pidfd-socket"),
    noPivot: flags.bool("no-pivot"),
    noNewKeyring: flags.bool("no-new-keyring"),
    preserveFds,
    systemdCgroup: global.systemdCgroup,
    noCgroup: global.noCgroup,
    rootless: global.rootless,
    log,
    serviceManager: true,
  };
}

/**
 * Runs the work of a command. An error of it gets the command's name: `tsrun create failed: <reason>`. runc
 * puts its own name there, and no client looks at it.
 */
export async function failingAs<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    const error = ownError(caught);
    if (!(error instanceof Error)) throw error;
    error.message = `tsrun ${what} failed: ${error.message}`;
    throw error;
  }
}
