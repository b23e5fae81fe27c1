/**
 * `./x install [PREFIX=/usr/local] [DESTDIR=]`: copies dist/tsrun (or what TSRUN names) to PREFIX/bin. A
 * bundle gets a Deno of its own in PREFIX/lib/tsrun, so that nothing of the checkout is needed any more; a
 * compiled program gets its directory of compiled code beside it. Manual pages and completion for shells go
 * to PREFIX/share.
 * @module
 */
import { warmCompiled } from "./compiled.ts";
import { denoToRun, replaceFile } from "./deno.ts";
import { bundleFile, textOfBundle } from "./launcher.ts";
import { keepSnapshot } from "./snapshot/of_bundle.ts";
import { keepSnapshotOfCompiled } from "./snapshot/of_compiled.ts";
import { sharedFiles } from "./shared_files.ts";
import { warmCache } from "./warm.ts";

const BUILT = Deno.env.get("TSRUN") ?? new URL("../dist/tsrun", import.meta.url).pathname;
const COPY = new URL(`../.deno/${Deno.version.deno}/deno-prelinked`, import.meta.url).pathname;

/** Reads NAME=VALUE words; anything else, and a PREFIX that is not absolute, is an error. */
function settings(args: readonly string[]): { prefix: string; destdir: string } {
  const given: Record<string, string> = { PREFIX: "/usr/local", DESTDIR: "" };
  for (const word of args) {
    const [, name, value] = /^(PREFIX|DESTDIR)=(.*)$/.exec(word) ?? [];
    if (name === undefined) {
      throw new Error(`unknown argument ${word}; usage: ./x install [PREFIX=DIR] [DESTDIR=DIR]`);
    }
    given[name] = value.replace(/\/+$/, "");
  }
  if (given.PREFIX !== "" && !given.PREFIX.startsWith("/")) {
    throw new Error("PREFIX must be an absolute path");
  }
  return { prefix: given.PREFIX, destdir: given.DESTDIR };
}

async function install(args: readonly string[]): Promise<void> {
  const { prefix, destdir } = settings(args);
  // What is installed is writable by nobody but its owner, whatever the caller's mask.
  Deno.umask(0o022);
  let content: Uint8Array<ArrayBuffer>;
  try {
    content = Deno.readFileSync(BUILT);
  } catch {
    throw new Error(`there is no ${BUILT}: run ./x build first`);
  }
  Deno.mkdirSync(`${destdir}${prefix}/bin`, { recursive: true });
  const text = textOfBundle(content), program = `${destdir}${prefix}/bin/tsrun`;
  if (text === undefined) {
    replaceFile(program, content, 0o755);
    await warmCompiled(program);
    // Below a DESTDIR it is not yet where it will run.
    if (destdir === "") console.log(`started engine: ${await keepSnapshotOfCompiled(program)}`);
  } else {
    const deno = `${prefix}/lib/tsrun/deno`;
    replaceFile(program, await installDeno(text, deno, destdir), 0o755);
    if (destdir === "") console.log(`started engine: ${await keepSnapshot(program, text, deno)}`);
  }
  await installShared(`${destdir}${prefix}`);
  console.log(program);
}

/** Writes manual pages and completion. */
async function installShared(place: string): Promise<void> {
  for (const [path, text] of await sharedFiles()) {
    Deno.mkdirSync(`${place}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    replaceFile(`${place}/${path}`, text, 0o644);
  }
  console.log(`${place}/share: manual pages, completion for bash, fish and zsh`);
}

/** Gives a bundle a Deno of its own. @returns The bundle that starts it. */
async function installDeno(text: string, deno: string, destdir: string): Promise<Uint8Array<ArrayBuffer>> {
  const source = denoToRun(Deno.execPath(), COPY);
  Deno.mkdirSync(`${destdir}${deno.slice(0, deno.lastIndexOf("/"))}`, { recursive: true });
  replaceFile(`${destdir}${deno}`, Deno.readFileSync(source.path), 0o755);
  console.log(`${destdir}${deno}: Deno ${Deno.version.deno}, ${source.note}`);
  // Below a DESTDIR it is not yet where it will run: there the first run as root fills the cache, with
  // everything.
  if (destdir !== "") return bundleFile(deno, text);
  const { flags, note } = await warmCache(text, deno);
  console.log(`cache of compiled code: ${note}`);
  return bundleFile(deno, text, undefined, { flags });
}

try {
  await install(Deno.args);
} catch (error) {
  console.error(`install: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
