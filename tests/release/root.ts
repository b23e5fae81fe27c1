/**
 * A fresh Debian system as an archive, made once by mmdebstrap from the archives that apt knows, and kept
 * outside the repository.
 * @module
 */
import { exists } from "../lib/process.ts";
import { readSources } from "../vm/bed/image.ts";

const LIMIT_SECONDS = 400;
/** Changes with what the system is made of. */
const RECIPE = 1;

/** Where it is kept: `TSRUN_RELEASE_CACHE`, or /var/cache/tsrun-release. */
function cacheDir(): string {
  return Deno.env.get("TSRUN_RELEASE_CACHE") ?? "/var/cache/tsrun-release";
}

/** Path of the archive, and why there is none. */
export function debianRoot(): { archive: string } | { reason: string } {
  if (Deno.uid() !== 0) return { reason: "needs root" };
  if (!exists("/usr/bin/mmdebstrap")) return { reason: "mmdebstrap is not installed" };
  const sources = readSources();
  if (sources === undefined) return { reason: "apt knows no Debian archive (run apt-get update)" };
  const archive = `${cacheDir()}/${sources.suite}-${RECIPE}-${Deno.build.arch}.tar`;
  if (exists(archive)) return { archive };
  Deno.mkdirSync(cacheDir(), { recursive: true, mode: 0o700 });
  const part = `${cacheDir()}/part-${Deno.pid}.tar`;
  const options = ["--mode=root", "--variant=minbase", "--quiet", '--aptopt=Acquire::Retries "3"'];
  // Its mounts are in a namespace of its own, and so go with it.
  const { success, stderr } = new Deno.Command("timeout", {
    args: [
      ...["--kill-after=30", `${LIMIT_SECONDS}`, "unshare", "-m", "--propagation", "private", "mmdebstrap"],
      ...[...options, sources.suite, part, ...sources.lines],
    ],
    stdin: "null",
    stdout: "null",
  }).outputSync();
  if (!success) {
    if (exists(part)) Deno.removeSync(part);
    const said = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join("; ");
    return { reason: `no system could be made of the archives: ${said}` };
  }
  Deno.renameSync(part, archive);
  return { archive };
}
