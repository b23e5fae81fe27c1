/** A program named `runc` that is tsrun, and writes down that it was called. */
import { readText } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";

/** Writes the program. @returns The directory in which it is, for a PATH. */
export function wrapRuntime(dir: string): Promise<string> {
  const bin = `${dir}/bin`;
  Deno.mkdirSync(bin);
  const script = `#!/bin/sh\necho "$*" >>${dir}/calls\nexec ${pathUnderTest()} "$@"\n`;
  Deno.writeTextFileSync(`${bin}/runc`, script);
  Deno.chmodSync(`${bin}/runc`, 0o755);
  return Promise.resolve(bin);
}

/** Command lines with which it was called. */
export function calls(dir: string): string[] {
  return readText(`${dir}/calls`).split("\n").filter((line) => line !== "");
}
