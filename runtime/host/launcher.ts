/**
 * The environment that the first lines of the bundle kind of tsrun set for Deno (`build/launch_lines.ts` writes
 * them from the same table), and how it is taken away again before anything of the user's inherits it.
 * @module
 */

/**
 * What Deno needs to start from any environment, and without a file anywhere but the compiled code beside it:
 * - `DENO_DISABLE_NODE_SHIM`: no `node` of Deno's own on PATH.
 * - `DENO_LOG`: errors only, and no word about caches that could not be opened.
 * - `DENO_NO_UPDATE_CHECK`: no look for a newer Deno.
 * - `HOME`: Deno reads `.npmrc` there even when told to use no packages, and a broken one ends it.
 */
export const LAUNCHER_VARIABLES: Readonly<Record<string, string>> = {
  DENO_DISABLE_NODE_SHIM: "1",
  DENO_LOG: "error,deno::cache=off",
  DENO_NO_UPDATE_CHECK: "1",
  HOME: "/proc",
};

/** Names the directory that Deno keeps compiled code in; the launcher sets it to one beside Deno itself. */
export const CACHE_VARIABLE = "DENO_DIR";

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
  delete own[CACHE_VARIABLE];
  for (const [name, value] of Object.entries(LAUNCHER_VARIABLES)) {
    if (own[name] === value) delete own[name];
  }
  if (home !== "") own.HOME = home;
  return own;
}
