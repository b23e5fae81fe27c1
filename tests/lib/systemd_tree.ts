/** A small Debian whose first process is systemd: an archive, made once and kept in the cache directory. */
import { readSources } from "../vm/bed/image.ts";
import { programsDir } from "./go_programs.ts";
import { exists } from "./process.ts";

/** A minute or two, most of it for the archives. */
const LIMIT_SECONDS = 600;

const DOCUMENTS = ["man", "doc", "locale", "info"];

/** The archive's path, or why there is none. */
export type SystemdTree = { archive: string } | { missing: string };

/** Looks for the archive in the cache, and makes it where it is not there. */
export async function ensureSystemdTree(): Promise<SystemdTree> {
  const dir = programsDir(), archive = `${dir}/systemd.tar`;
  if (exists(archive)) return { archive };
  if (Deno.uid() !== 0) return { missing: "needs root" };
  if (!exists("/usr/bin/mmdebstrap")) return { missing: "needs mmdebstrap" };
  const sources = readSources();
  if (sources === undefined) return { missing: "apt knows no Debian archive (run apt-get update)" };
  Deno.mkdirSync(dir, { recursive: true, mode: 0o755 });
  using lock = Deno.openSync(`${dir}/lock`, { write: true, create: true });
  await lock.lock(true);
  if (exists(archive)) return { archive };
  console.log(`making ${archive}`);
  const { success, stderr } = await new Deno.Command("timeout", {
    args: [
      ...[`${LIMIT_SECONDS}`, "mmdebstrap", "--mode=root", "--variant=minbase", "--format=tar"],
      ...["--include=systemd-sysv", '--aptopt=APT::Install-Recommends "false"'],
      ...DOCUMENTS.map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`),
      ...[sources.suite, `${archive}.part`, ...sources.lines],
    ],
  }).output();
  if (!success) {
    return { missing: `mmdebstrap: ${new TextDecoder().decode(stderr).trim().split("\n").at(-1)}` };
  }
  Deno.renameSync(`${archive}.part`, archive);
  return { archive };
}
