/**
 * The flags before the command.
 * @module
 */
import { reasonOf, RuntimeError } from "../../ffi/errors.ts";
import { inUserNamespace } from "../host/rootless.ts";
import type { GlobalOptions } from "./command.ts";
import { type Flag, type FlagValues, parseBool } from "./flags.ts";
import { callerIsRoot, callerVariable } from "../host/caller.ts";

/** State root of the host's root user. It is not runc's, because the state files differ. */
export const DEFAULT_ROOT = "/run/tsrun";

/** The global flags: runc's, and those of traces. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: "debug", kind: "bool", usage: "log what is done and how long each stage takes" },
  {
    name: "log",
    kind: "string",
    usage: "file to append the log to, journald:NAME or syslog:NAME; standard error when not given",
    values: "file",
  },
  {
    name: "log-format",
    kind: "string",
    usage: "format of the log: text or json",
    default: "text",
    values: ["text", "json"],
  },
  {
    name: "root",
    kind: "string",
    usage: "directory for the state of containers, best on a tmpfs",
    default: DEFAULT_ROOT,
    values: "directory",
  },
  {
    name: "criu",
    kind: "string",
    usage: "path of criu, for checkpoint and restore",
    default: "criu",
    values: "file",
  },
  {
    name: "systemd-cgroup",
    kind: "bool",
    usage:
      'leave cgroups to systemd; cgroupsPath is then "slice:prefix:name", such as "system.slice:tsrun:web"',
  },
  {
    name: "cgroup-manager",
    kind: "string",
    usage: "who makes the cgroup: cgroupfs (tsrun itself), systemd (as --systemd-cgroup) or disabled (none)",
    values: ["cgroupfs", "systemd", "disabled"],
  },
  {
    name: "rootless",
    kind: "string",
    usage: "ignore missing rights to cgroups: true, false or auto",
    default: "auto",
    values: ["true", "false", "auto"],
  },
  {
    name: "trace",
    kind: "string",
    usage: "file (.json, .svg, .txt) or directory to write every step and system call to, with its time",
    values: "file",
  },
  {
    name: "trace-format",
    kind: "string",
    usage: "format of the trace where the name does not tell it: json, svg, txt or otlp",
    values: ["json", "svg", "txt", "otlp"],
  },
  { name: "version", short: "v", kind: "bool", usage: "show what this program is and exit" },
];

/**
 * Reads the global options.
 *
 * @throws {RuntimeError} for an invalid value.
 */
export function readGlobals(flags: FlagValues): GlobalOptions {
  const logFormat = flags.string("log-format");
  if (logFormat !== "text" && logFormat !== "json") {
    throw new RuntimeError("EINVAL_FLAG", `invalid log-format: ${logFormat}`);
  }
  const root = flags.has("root") ? absolute(flags.string("root")) : defaultRoot();
  if (root === "/") throw new RuntimeError("EINVAL_FLAG", "Option --root argument should not be set to /");
  return {
    root,
    rootGiven: flags.has("root"),
    log: flags.string("log"),
    logFormat,
    debug: flags.bool("debug"),
    ...readManager(flags),
    rootless: readRootless(flags.string("rootless")),
    criu: flags.string("criu"),
    traceFormat: flags.string("trace-format"),
  };
}

/**
 * Makes a path absolute and clean. The working directory is asked for only where it is needed.
 *
 * `@std/path/posix` is not used because it comes as a whole (40 modules, 0.6 ms and 20 KB at every start).
 */
export function absolute(path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${workingDirectory(path)}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return "/" + parts.join("/");
}

/** @param path The path in question, for the message when the working directory has been removed. */
function workingDirectory(path: string): string {
  try {
    return Deno.cwd();
  } catch (error) {
    throw new RuntimeError(
      "ENOENT_WORKING_DIRECTORY",
      `resolve ${JSON.stringify(path)} in the working directory: ${reasonOf(error)}`,
    );
  }
}

/** Both flags for the cgroup manager, which must not contradict each other. */
function readManager(flags: FlagValues): Pick<GlobalOptions, "systemdCgroup" | "noCgroup"> {
  const systemd = flags.bool("systemd-cgroup");
  if (!flags.has("cgroup-manager")) return { systemdCgroup: systemd, noCgroup: false };
  const manager = flags.string("cgroup-manager");
  if (!["cgroupfs", "systemd", "disabled"].includes(manager)) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid --cgroup-manager value ${JSON.stringify(manager)}: want cgroupfs, systemd or disabled`,
    );
  }
  if (systemd && manager !== "systemd") {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `--systemd-cgroup and --cgroup-manager ${manager} exclude each other`,
    );
  }
  return { systemdCgroup: manager === "systemd", noCgroup: manager === "disabled" };
}

function readRootless(text: string): GlobalOptions["rootless"] {
  if (text === "auto") return "auto";
  const value = parseBool(text);
  if (value === undefined) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid --rootless value ${JSON.stringify(text)}: want true, false or auto`,
    );
  }
  return value ? "true" : "false";
}

/** `/run/tsrun`, or `$XDG_RUNTIME_DIR/tsrun` for users who cannot write there. */
export function defaultRoot(): string {
  const runtimeDir = callerVariable("XDG_RUNTIME_DIR");
  return runtimeDir && usesRuntimeDir() ? `${runtimeDir}/tsrun` : DEFAULT_ROOT;
}

/** Root of a user namespace is not root of the host, unless $USER says so. */
function usesRuntimeDir(): boolean {
  if (!callerIsRoot()) return true;
  return callerVariable("USER") !== "root" && inUserNamespace();
}
