/**
 * The bundle kind of tsrun: the entry (`entry.ts`) as a program, followed by the linked text (`link.ts`). The
 * entry starts one certain Deno, which runs the text.
 * @module
 */
import { preparedProgram } from "../init/prepared/commands.ts";
import {
  type Architecture,
  engineOfProgram,
  entryProgram,
  type EntryTable,
  type Limit,
  type PreparedEntry,
  snapshotName,
} from "./entry.ts";
import { digestOf, loader, TRAILER } from "./link.ts";

/** Flags of V8, each measured (build/README.md). */
export const V8_FLAGS: readonly string[] = [
  "--single-threaded",
  "--jitless",
  // In megabytes: a usual command ends before the young generation is full.
  "--min-semi-space-size=4",
];

/**
 * One more flag, used where compiled code is kept: all functions of a script are compiled at its first run,
 * so the compiled form of all of them is kept.
 */
export const CACHED_FLAG = "--no-lazy";

/**
 * Directory of the compiled code, beside the Deno that runs it. A user that can write there can replace that
 * Deno as well.
 */
export function cacheDirectory(deno: string): string {
  return `${deno.slice(0, deno.lastIndexOf("/"))}/tsrun-cache`;
}

/** Where a started engine is kept (snapshot/README.md), by the digest of the linked text. */
export function snapshotOf(deno: string, digest: string, arch?: Architecture): string {
  return `${cacheDirectory(deno)}/${snapshotName(digest, arch)}`;
}

/**
 * `deno run` as a program that reads no configuration, fetches nothing and keeps nothing but compiled code.
 */
function denoFlags(v8: readonly string[]): readonly string[] {
  const flags = ["--allow-all", "--no-config", "--no-lock", "--no-remote", "--no-npm"];
  return [...flags, `--v8-flags=${v8.join(",")}`];
}

/** The flags of a bundle whose cache gets all functions of a script, when that is first run. */
export const DENO_FLAGS: readonly string[] = denoFlags([...V8_FLAGS, CACHED_FLAG]);

/** The flags of a bundle whose cache holds what the usual commands have run (`learn.ts`). */
export const LAZY_FLAGS: readonly string[] = denoFlags(V8_FLAGS);

/**
 * The whole environment of Deno. Of the caller's variables only those are passed on whose names Deno does not
 * know; README.md has the reasons.
 */
export function variables(deno: string): string[] {
  return [
    `DENO_DIR=${cacheDirectory(deno)}`,
    "DENO_DISABLE_NODE_SHIM=1",
    "DENO_LOG=error,deno::cache=off",
    "DENO_NO_UPDATE_CHECK=1",
    // Buffers of scripts are used again, where their pages would be given back and asked for again.
    "GLIBC_TUNABLES=glibc.malloc.mmap_threshold=8388608:glibc.malloc.trim_threshold=67108864",
    "HOME=/proc",
  ];
}

const MiB = 2 ** 20, GiB = 2 ** 30;

/** The least limit of open files; and how many must be free below it, with which the engine starts. */
const LEAST_FILES = 40, FREE_FILES = 20;

/** Limits that the engine needs (measured: build/README.md). Below them it ends in a panic or a trap. */
export const LIMITS: readonly Limit[] = [
  ["-n", "open files", 7, "hard", LEAST_FILES, `${LEAST_FILES}`] as const,
  [
    "-v",
    "address space",
    9,
    "soft",
    72 * GiB,
    "72 GiB, as V8 reserves 32, and looks for an aligned place in 64",
  ] as const,
  ["-d", "data", 2, "soft", 128 * MiB, "128 MiB"] as const,
  ["-s", "the stack", 3, "soft", MiB, "1 MiB"] as const,
  ["-f", "the size of files", 1, "soft", 64 * MiB, "64 MiB"] as const,
].map(([flag, what, resource, which, least, text]) => ({
  resource,
  which,
  least,
  message: `tsrun: the ${which} limit of ${what} (ulimit ${flag}) is too small: it must be at least ${text}`,
}));

/** The entry's messages where the engine cannot be started. */
export const FAILURES = {
  descriptors: {
    free: FREE_FILES,
    message:
      `tsrun: too many open files: at least ${FREE_FILES} descriptors must be free below the hard limit ` +
      "(ulimit -n), besides those that the caller holds open",
  },
  noProcess: "tsrun: no further process may be started: see ulimit -u, and pids.max of the cgroup",
};

/** Expression for the path of the file, which is the first argument. */
const FILE = "Deno.args.shift()";

/** The module that Deno runs: in the command line, so that the file itself is never parsed as one. */
const LOADER = moduleUrl(loader(FILE));

/** The module that compiles all of the bundle and runs nothing. */
export const WARMER = moduleUrl(loader(FILE, "all"));

/** A module as a URL: RFC 2397. */
export function moduleUrl(code: string): string {
  return `data:text/javascript,${code.replace(/[%#\s"]/g, encodeURIComponent)}`;
}

/**
 * The program that starts a bundle with one certain Deno.
 *
 * @param deno Absolute path of the program.
 * @param module Address of what it runs, with the path of the bundle as its first argument.
 * @param change Options that differ from the usual ones, for measurements; and the prepared commands.
 * @throws {Error} when the path is relative.
 */
export function launcher(
  deno: string,
  module: string = LOADER,
  change: {
    flags?: readonly string[];
    variables?: readonly string[];
    arch?: Architecture;
    prepared?: PreparedEntry;
    snapshot?: string;
  } = {},
): Uint8Array<ArrayBuffer> {
  if (!deno.startsWith("/")) throw new Error(`unusable path of deno: ${deno}`);
  const table: EntryTable = {
    engine: deno,
    args: [deno, "run", ...(change.flags ?? DENO_FLAGS), module],
    variables: change.variables ?? variables(deno),
    limits: LIMITS,
    failure: `tsrun: cannot start its engine, ${deno}`,
    ...FAILURES,
    prepared: change.prepared,
    snapshot: change.snapshot,
  };
  return entryProgram(table, change.arch);
}

/** The prepared commands of a build, by its linked text, for an architecture: this one when absent. */
export function preparedOf(text: string, arch: Architecture = Deno.build.arch): PreparedEntry {
  return { digest: digestOf(text), program: preparedProgram(arch) };
}

/** A bundle: the launcher, and the linked text. */
export function bundleFile(
  deno: string,
  text: string,
  module?: string,
  change?: { flags: readonly string[]; arch?: Architecture },
): Uint8Array<ArrayBuffer> {
  const prepared = preparedOf(text, change?.arch);
  // Another module than the usual one is to be run itself.
  const snapshot = module === undefined ? snapshotOf(deno, prepared.digest, change?.arch) : undefined;
  const head = launcher(deno, module, { ...change, prepared, snapshot });
  const body = new TextEncoder().encode(text);
  const file = new Uint8Array(head.length + body.length);
  file.set(head);
  file.set(body, head.length);
  return file;
}

/** The linked text of a bundle; undefined of any other file. */
export function textOfBundle(file: Uint8Array): string | undefined {
  if (engineOfProgram(file) === undefined) return undefined;
  // Size of the segment that is loaded: all that stands before the text.
  const size = new DataView(file.buffer, file.byteOffset).getUint32(64 + 32, true);
  const text = new TextDecoder().decode(file.subarray(size));
  return /[0-9a-f]{8} \d{8}\n/.test(text.slice(-TRAILER)) ? text : undefined;
}

/** A bundle with its launcher made anew, for another Deno or module. */
export function withDeno(bundle: Uint8Array, deno: string, module?: string): Uint8Array<ArrayBuffer> {
  const text = textOfBundle(bundle);
  if (text === undefined) throw new Error("not a bundle");
  return bundleFile(deno, text, module);
}
