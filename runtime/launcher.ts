/**
 * The environment that the first lines of the bundle kind of tsrun set for Deno (`build/launch_lines.ts` writes
 * them from the same table), and how it is taken away again before anything of the user's inherits it.
 * @module
 */

/**
 * What Deno needs to start from any environment, and without a file of its own anywhere:
 * - `DENO_DIR`: a path below a file, so that no cache can be made and the ones in memory are used; also
 *   keeps Deno from putting a `node` of its own on PATH.
 * - `DENO_LOG`: errors only, and no word about caches that could not be opened.
 * - `DENO_NO_UPDATE_CHECK`: no look for a newer Deno.
 * - `HOME`: Deno reads `.npmrc` there even when told to use no packages, and a broken one ends it.
 */
export const LAUNCHER_VARIABLES: Readonly<Record<string, string>> = {
  DENO_DIR: "/proc/version",
  DENO_LOG: "error,deno::cache=off",
  DENO_NO_UPDATE_CHECK: "1",
  HOME: "/proc",
};

/** Carries the user's own HOME past the launcher; set (perhaps to nothing) exactly if there was a launcher. */
export const SAVED_HOME = "TSRUN_HOME";

/**
 * The environment tsrun was started with, as hooks and other children are to inherit it.
 *
 * @param env All variables of this process; those of `Deno.env` when not given.
 */
export function callersEnvironment(
  env: Record<string, string> = Deno.env.toObject(),
): Record<string, string> {
  const home = env[SAVED_HOME];
  if (home === undefined) return env;
  const own = { ...env };
  delete own[SAVED_HOME];
  for (const [name, value] of Object.entries(LAUNCHER_VARIABLES)) {
    if (own[name] === value) delete own[name];
  }
  if (home !== "") own.HOME = home;
  return own;
}
