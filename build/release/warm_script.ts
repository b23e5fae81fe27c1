/**
 * Lines of sh(1) that fill the cache of compiled code of an installed release, and that remove it.
 * @module
 */
import { FILL, TAKE } from "../compiled_place.ts";
import { cacheDirectory, DENO_FLAGS, moduleUrl, variables, WARMER } from "../launcher.ts";
import type { Program } from "./program.ts";

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** A module that leaves the databases of a cache as one file each, as `warm.ts` does. */
function closer(directory: string): string {
  return moduleUrl(
    `import{DatabaseSync as D}from"node:sqlite";const d=${JSON.stringify(directory)};` +
      `for(const{name}of Deno.readDirSync(d))if(name.endsWith("_v2")){const b=new D(d+"/"+name);` +
      `b.exec("PRAGMA wal_checkpoint(TRUNCATE)");b.close()}`,
  );
}

/** Directory of the compiled code of a program below a prefix. */
export function cachePlace(kind: Program["kind"], prefix: string): string {
  return kind === "bundle" ? cacheDirectory(`${prefix}/lib/tsrun/deno`) : `${prefix}/lib/tsrun/.tsrun`;
}

/**
 * The lines that fill it, for root. They leave tsrun usable whatever fails: without the cache it starts
 * later.
 */
export function warmLines(kind: Program["kind"], prefix: string): string[] {
  const cache = cachePlace(kind, prefix), lib = `${prefix}/lib/tsrun`;
  const deno = `${lib}/deno`;
  const run = ["env", "-i", ...variables(deno).map(quoted), deno, "run", ...DENO_FLAGS];
  const commands = kind === "bundle"
    ? [
      [...run, quoted(WARMER), `${prefix}/bin/tsrun`, "--version"].join(" "),
      [...run, quoted(closer(cache))].join(" "),
    ]
    : [`env -i ${lib}/tsrun ${FILL}`];
  return [
    `rm -rf ${cache}`,
    `mkdir -m ${kind === "bundle" ? "700" : "755"} ${cache}`,
    `if ! { cd / && ${commands.map((command) => `${command} >/dev/null 2>&1`).join(" && ")}; }; then`,
    `  echo "tsrun: its compiled code could not be kept in ${cache}: it starts later" >&2`,
    `  rm -rf ${cache}`,
    "fi",
    // A snapshot of the started engine, where there can be one.
    ...(kind === "bundle" ? [] : [`(cd / && env -i ${lib}/tsrun ${TAKE}) >/dev/null 2>&1 || :`]),
  ];
}
