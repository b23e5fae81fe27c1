/**
 * The first two lines of the bundle kind of tsrun: a shell script, which hands the file to Deno before it has read any
 * more of it. A `#!/usr/bin/env -S …` line would start as fast, but the kernel cuts it off at 255 bytes.
 * @module
 */
import { CACHE_VARIABLE, LAUNCHER_VARIABLES, SAVED_HOME } from "../runtime/host/launcher.ts";
import { loader } from "./link.ts";

/** Flags of V8, each measured (build/README.md). */
export const V8_FLAGS: readonly string[] = ["--single-threaded", "--jitless"];

/** One more where compiled code is kept: all of a script is compiled when it first is, so all of it is kept. */
const CACHED_FLAG = "--no-lazy";

/** Directory of the compiled code, beside the Deno that runs it: who can write there can replace Deno as well. */
export function cacheDirectory(deno: string): string {
  return `${deno.slice(0, deno.lastIndexOf("/"))}/tsrun-cache`;
}

/** `deno run` as a program that reads no configuration, fetches nothing and keeps nothing but compiled code. */
export const DENO_FLAGS: readonly string[] = [
  "--allow-all",
  "--no-config",
  "--no-lock",
  "--no-remote",
  "--no-npm",
  `--v8-flags=${[...V8_FLAGS, CACHED_FLAG].join(",")}`,
];

/** How many lines {@linkcode launchLines} makes. */
export const LAUNCH_LINE_COUNT = 2;

/** Expression for the path of the file, which is the first argument. */
const FILE = "Deno.args.shift()";

/** The module that Deno runs: in the command line, so that the file itself is never parsed as one. */
const LOADER = moduleUrl(loader(FILE));

/** A module as a URL: RFC 2397. */
export function moduleUrl(code: string): string {
  return `data:text/javascript,${code.replace(/[%#\s"]/g, encodeURIComponent)}`;
}

function shellQuote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The lines that start a bundle with one certain Deno.
 *
 * @param deno Absolute path of the program.
 * @param module Address of what it runs, with the path of this file as its first argument.
 * @throws {Error} when the path is relative or has a line break in it.
 */
export function launchLines(deno: string, module: string = LOADER): string {
  if (!deno.startsWith("/") || /[\r\n\u2028\u2029]/.test(deno)) {
    throw new Error(`unusable path of deno: ${deno}`);
  }
  const variables = { ...LAUNCHER_VARIABLES, [CACHE_VARIABLE]: cacheDirectory(deno) };
  const settings = Object.entries(variables).map(([name, value]) => `${name}=${shellQuote(value)}`);
  // Deno does not start in a directory that has been removed; `state` and `delete` have to, and need no directory.
  const words = [
    `[ . -ef "$PWD" ] || cd /;`,
    `${SAVED_HOME}="$HOME"`,
    ...settings,
    "exec",
    shellQuote(deno),
    "run",
    ...DENO_FLAGS,
    shellQuote(module),
    `"$0" "$@"`,
  ];
  return `#!/bin/sh\n${words.join(" ")}\n`;
}

/** The lines of a bundle that compiles all of itself and runs nothing, see {@linkcode launchLines}. */
export function warmingLines(deno: string): string {
  return launchLines(deno, moduleUrl(loader(FILE, "all")));
}

/** The text of a bundle with its first lines made for another Deno. */
export function withLaunchLines(bundle: string, deno: string, lines = launchLines): string {
  return lines(deno) + bundle.split("\n").slice(LAUNCH_LINE_COUNT).join("\n");
}
