/**
 * What Deno's functions for files ask of the kernel: the names of the calls, and their arguments as text.
 * @module
 */

import { quoted } from "../../../ffi/decode/decode.ts";

/** The options that the program gives to these functions. */
interface Options {
  create?: boolean;
  createNew?: boolean;
  append?: boolean;
  recursive?: boolean;
  mode?: number;
  read?: boolean;
  write?: boolean;
}

/** Flags of open(2) that options mean. */
function openFlags({ create, createNew, append, read, write }: Options, writes: boolean): string {
  const access = writes || write || append ? (read ? "O_RDWR" : "O_WRONLY") : "O_RDONLY";
  const flags = [
    access,
    create !== false && writes && "O_CREAT",
    create === true && !writes && "O_CREAT",
    createNew && "O_EXCL",
    append ? "O_APPEND" : writes && !createNew && "O_TRUNC",
    "O_CLOEXEC",
  ];
  return [...new Set(flags.filter((flag) => flag))].join("|");
}

function modeOf({ mode }: Options): string {
  return mode === undefined ? "" : `, 0${mode.toString(8)}`;
}

function data(value: unknown): string {
  return typeof value === "string" ? quoted(value) : `[${(value as Uint8Array).length} bytes]`;
}

/** A call, or a few that belong together. */
export interface FileCall {
  name: string;
  detail: string;
}

/** Describes one use of a function of Deno. */
export function fileCall(name: string, operands: readonly unknown[]): FileCall {
  const [first, second, third] = operands;
  const path = quoted(String(first)), options = (third ?? second ?? {}) as Options;
  const call = (name: string, ...rest: string[]) => ({
    name,
    detail: `${name}(${[path, ...rest].join(", ")})`,
  });
  const opened = (writes: boolean) =>
    `openat(AT_FDCWD, ${path}, ${openFlags(options, writes)}${modeOf(options)})`;
  switch (name) {
    case "readTextFileSync":
    case "readFileSync":
      return { name: "read", detail: `${opened(false)}, read, close` };
    case "writeTextFileSync":
    case "writeFileSync":
      return { name: "write", detail: `${opened(true)}, write(${data(second)}), close` };
    case "openSync":
      return { name: "openat", detail: opened(false) };
    case "readDirSync":
      return {
        name: "getdents64",
        detail: `openat(AT_FDCWD, ${path}, O_RDONLY|O_DIRECTORY|O_CLOEXEC), getdents64`,
      };
    case "mkdirSync":
      return call("mkdir", `0${(options.mode ?? 0o777).toString(8)}`);
    case "removeSync":
      return options.recursive
        ? { name: "unlinkat", detail: `unlinkat of all below ${path}` }
        : call("remove");
    case "renameSync":
    case "symlinkSync":
    case "copyFileSync":
      return call(name.replace(/(File)?Sync$/, ""), quoted(String(second)));
    case "chmodSync":
      return call("chmod", `0${Number(second).toString(8)}`);
    case "chownSync":
      return call("chown", String(second), String(third));
    case "readLinkSync":
      return call("readlink");
    case "posix_spawn":
      return { name, detail: 'posix_spawn("/proc/self/fd/…", ["tsrun:init"], [0 variables])' };
    default:
      return call(name.replace(/Sync$/, "").replace("Path", "path"));
  }
}
