/**
 * A clock that has just begun, for the engine that is to be taken.
 * @module
 */

/**
 * Starts a program in a time namespace in which the host has just been started: a snapshot of it is good soon
 * after every restart of the host (conditions.ts). It takes root's rights.
 *
 * @returns The beginning of its command line; undefined where there is no unshare(1).
 */
export function earlyClock(): string[] | undefined {
  const path = ["/usr/bin/unshare", "/bin/unshare"].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
  if (path === undefined) return undefined;
  const seconds = Math.floor(monotonicSeconds());
  return [path, "--time", "--fork", "--kill-child", `--monotonic=-${seconds}`];
}

/** Seconds of CLOCK_MONOTONIC: clock_gettime(2). */
function monotonicSeconds(): number {
  const lib = Deno.dlopen("libc.so.6", { clock_gettime: { parameters: ["i32", "buffer"], result: "i32" } });
  const time = new BigInt64Array(2);
  lib.symbols.clock_gettime(1, new Uint8Array(time.buffer));
  lib.close();
  return Number(time[0]);
}
