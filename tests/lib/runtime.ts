/** The runtimes that the contract tests run: the one under test, and the reference. */
import { exists } from "./process.ts";

/** An executable with runc's command line. */
export interface Runtime {
  /** Shown in test names: `tsrun`, `runc`. */
  name: string;
  /** Absolute path. */
  path: string;
  /** A command that runs the runtime, which follows it as its arguments: for a host that is made for it. */
  within?: readonly string[];
  /** True of the runtime that the expectations were taken from, not of the one under test. */
  reference: boolean;
}

const REPOSITORY = new URL("../../", import.meta.url).pathname;

/** Path of the runtime under test: `TSRUN`, or `dist/tsrun` of this repository. */
export function pathUnderTest(): string {
  const path = Deno.env.get("TSRUN") ?? `${REPOSITORY}dist/tsrun`;
  if (!exists(path)) throw new Error(`no runtime to test at ${path}: run "./x build", or set TSRUN`);
  return Deno.realPathSync(path);
}

/** Path of the reference runtime (Debian's runc), or undefined where it is not installed. */
export function referencePath(): string | undefined {
  return ["/usr/sbin/runc", "/usr/bin/runc"].find(exists);
}

/**
 * The runtime under test first, then the reference if there is one and it is another program. With
 * `TSRUN_TEST_REFERENCE=no` the reference is left out, where it has been held to the same tests already.
 */
export function runtimes(): Runtime[] {
  const path = pathUnderTest();
  const name = path.slice(path.lastIndexOf("/") + 1);
  const reference = Deno.env.get("TSRUN_TEST_REFERENCE") === "no" ? undefined : referencePath();
  const found: Runtime[] = [{ name, path, reference: path === reference }];
  if (reference && reference !== path) found.push({ name: "runc", path: reference, reference: true });
  return found;
}
