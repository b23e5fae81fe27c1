/**
 * `./x release [--arch=x86_64|aarch64]... [--kind=compiled|bundle] [--out=DIR] [--dirty]`: writes archives,
 * Debian packages, their bills of materials and SHA256SUMS to DIR, dist/release by default. The same commit
 * makes the same bytes.
 * @module
 */
import { readEdition } from "../edition.ts";
import type { Architecture } from "../entry.ts";
import type { Edition } from "../man/roff.ts";
import { sharedFiles } from "../shared_files.ts";
import { Packer } from "./archive.ts";
import { DEBIAN_NAMES, debianPackage } from "./debian.ts";
import { makeProgram, type Program } from "./program.ts";
import { type Package, packagesOf, sbomOf, sha256 } from "./sbom.ts";
import { tarball, tarballName } from "./tarball.ts";

const TOP = new URL("../..", import.meta.url).pathname;
const USAGE = "usage: ./x release [--arch=x86_64|aarch64]... [--kind=compiled|bundle] [--out=DIR] [--dirty]";
const ARCHITECTURES: readonly Architecture[] = ["x86_64", "aarch64"];

/** What the command line asks for. */
interface Request {
  archs: readonly Architecture[];
  kind?: Program["kind"];
  out: string;
  /** A tree that differs from its commit is taken too. */
  dirty: boolean;
}

/** Reads the command line. @throws {Error} with the usage. */
function readRequest(args: readonly string[]): Request {
  const archs: Architecture[] = [];
  let kind: Program["kind"] | undefined, out = `${TOP}dist/release`, dirty = false;
  for (const word of args) {
    const [, name, value] = /^--(arch|kind|out)=(.+)$/.exec(word) ?? [];
    if (name === "arch" && ARCHITECTURES.includes(value as Architecture)) archs.push(value as Architecture);
    else if (name === "kind" && (value === "compiled" || value === "bundle")) kind = value;
    else if (name === "out") out = value;
    else if (word === "--dirty") dirty = true;
    else throw new Error(`unknown argument ${word}; ${USAGE}`);
  }
  return { archs: archs.length > 0 ? archs : ARCHITECTURES, kind, out, dirty };
}

/** Output of a program, without its last newline. @throws {Error} with the last thing it said. */
async function output(program: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args, cwd: TOP, stdin: "null" })
    .output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!success) throw new Error(`${program} ${args[0]}: ${text(stderr).split("\n").at(-1)}`);
  return text(stdout);
}

/** The commit, and the time of all files. @throws {Error} for a tree that is no commit. */
async function readCommit(dirty: boolean): Promise<{ commit: string; time: number }> {
  const commit = await output("git", "rev-parse", "HEAD");
  const changes = await output("git", "status", "--porcelain", "--untracked-files=no");
  if (changes !== "" && !dirty) {
    throw new Error("files differ from the commit: commit them, or give --dirty to try a release of them");
  }
  const time = Number(Deno.env.get("SOURCE_DATE_EPOCH") ?? await output("git", "log", "-1", "--format=%ct"));
  if (!Number.isSafeInteger(time) || time < 0) throw new Error("SOURCE_DATE_EPOCH is no number of seconds");
  return { commit: changes === "" ? commit : `${commit}-dirty`, time };
}

/** The packages of others that main.ts imports. */
async function readPackages(): Promise<Package[]> {
  const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];
  return packagesOf(JSON.parse(await output(Deno.execPath(), "info", "--json", ...imports, "main.ts")));
}

/** Files that are the same for each architecture. */
interface Common {
  edition: Edition;
  facts: { commit: string; time: number; packages: readonly Package[] };
  shared: ReadonlyMap<string, string>;
  /** By their names, at the top of the archive. */
  documents: ReadonlyMap<string, string>;
}

/** Everything for one architecture, by the names of the files. */
async function artefacts(program: Program, common: Common): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { edition, facts, shared, documents } = common;
  const sbom = await sbomOf(program, edition, facts);
  const packer = new Packer(facts.time), name = tarballName(program, edition);
  const changelog = documents.get("CHANGELOG.md")!;
  return new Map([
    [`${name}.tar.gz`, await tarball(program, edition, { shared, documents, sbom }, packer)],
    [
      `tsrun_${edition.version}_${DEBIAN_NAMES[program.arch]}.deb`,
      await debianPackage(program, edition, { shared, changelog, sbom }, packer),
    ],
    [`${name}.cdx.json`, new TextEncoder().encode(sbom)],
  ]);
}

async function release({ archs, kind, out, dirty }: Request): Promise<void> {
  const { commit, time } = await readCommit(dirty);
  const common: Common = {
    edition: readEdition(),
    facts: { commit, time, packages: await readPackages() },
    shared: await sharedFiles(),
    documents: new Map(
      ["README.md", "LICENSE", "CHANGELOG.md"].map((name) => [name, Deno.readTextFileSync(TOP + name)]),
    ),
  };
  Deno.mkdirSync(out, { recursive: true });
  const work = Deno.makeTempDirSync({ dir: out, prefix: ".work-" });
  const sums: string[] = [];
  try {
    for (const arch of archs) {
      const program = await makeProgram(work, arch, `${common.edition.version} ${commit}`, kind);
      console.log([`${arch}:`, program.notes.join("; ")].join(" "));
      for (const [name, bytes] of await artefacts(program, common)) {
        Deno.writeFileSync(`${out}/${name}`, bytes);
        sums.push(`${await sha256(bytes)}  ${name}\n`);
        console.log(`  ${out}/${name}: ${(bytes.length / 2 ** 20).toFixed(1)} MiB`);
      }
    }
    Deno.writeTextFileSync(
      `${out}/SHA256SUMS`,
      sums.sort((a, b) => a.slice(66) < b.slice(66) ? -1 : 1).join(""),
    );
  } finally {
    Deno.removeSync(work, { recursive: true });
    if ([...Deno.readDirSync(out)].length === 0) Deno.removeSync(out);
  }
}

try {
  await release(readRequest(Deno.args));
} catch (error) {
  console.error(`release: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
