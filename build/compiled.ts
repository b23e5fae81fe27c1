/**
 * The compiled kind of tsrun: one program, made by `deno compile`, with the entry (`entry.ts`) in it.
 *
 * Its compiled code is kept in a directory beside it, `.NAME` of a program NAME, and nowhere else: the entry
 * names that directory to the engine in TMPDIR, if it belongs to the program's owner and nobody else may
 * write to it. The engine writes it once, at the natural end of a run; tsrun never ends so, but for the run
 * that fills it.
 * @module
 */
import { type Architecture, snapshotName } from "./entry.ts";
import { injectEntry } from "./inject.ts";
import { FAILURES, LIMITS, preparedOf } from "./launcher.ts";
import { cacheOf, FILL, POINT_FLAG, TAKE } from "./compiled_place.ts";
import { loader } from "./link.ts";

/** What stands in TMPDIR where there is no directory to be trusted. */
const NO_DIRECTORY = "/dev/null";

/**
 * The main module of a compiled program.
 *
 * A copy whose directory is not there yet makes and fills it when its owner first runs it, and takes a
 * snapshot; everybody else goes on without.
 *
 * @param data Name of the file with the linked text, beside the module.
 * @param point Name of the file with what an engine runs of which a snapshot is taken.
 * @param take Name of the file with what takes it.
 */
export function compiledMain(data: string, point: string, take: string): string {
  const text = (name: string) => `Deno.readTextFileSync(import.meta.dirname+${JSON.stringify(`/${name}`)})`;
  const path = `import.meta.dirname+${JSON.stringify(`/${data}`)}`;
  return [
    `const fill=Deno.args[0]===${JSON.stringify(FILL)}&&Deno.args.length===1;`,
    `if(fill){Deno.umask(0o022);${loader(path, "usual")}}else `,
    `if(Deno.args[0]===${JSON.stringify(POINT_FLAG)}&&Deno.args.length===3){`,
    `await new(async()=>{}).constructor("path","args",${text(point)})(${path},Deno.args.slice(1))}else `,
    `if(Deno.args[0]===${JSON.stringify(TAKE)}&&Deno.args.length===1)`,
    `await new(async()=>{}).constructor(${text(take)})();else{`,
    `if(Deno.env.get("TMPDIR")===${JSON.stringify(NO_DIRECTORY)})try{`,
    `const program=Deno.execPath(),directory=program.replace(/[^/]*$/,".$&");`,
    `if(Deno.statSync(program).uid===Deno.uid()){Deno.mkdirSync(directory);Deno.chmodSync(directory,0o755);`,
    `const run=(word)=>new Deno.Command(program,{args:[word],clearEnv:true,cwd:"/",`,
    `stdin:"null",stdout:"null",stderr:"null"}).outputSync().success;`,
    `if(!run(${JSON.stringify(FILL)}))Deno.removeSync(directory,{recursive:true});`,
    `else run(${JSON.stringify(TAKE)})}}catch{}`,
    `${loader(path)}}`,
  ].join("");
}

/** Puts the entry in front of what `deno compile` made of a linked text. */
export function withEntry(
  program: Uint8Array,
  text: string,
  arch: Architecture = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  const failure = "tsrun: cannot start its engine", prepared = preparedOf(text, arch);
  const table = { args: [], variables: [], limits: LIMITS, failure, ...FAILURES, prepared };
  // Beside the code cache, where the entry finds it.
  return injectEntry(program, { ...table, snapshot: `/${snapshotName(prepared.digest, arch)}` });
}

/**
 * Makes and fills the cache of a compiled program, anew.
 *
 * @throws {Error} when it does not run, or leaves no cache.
 */
export async function warmCompiled(program: string): Promise<void> {
  const { directory, file } = cacheOf(program);
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  Deno.mkdirSync(directory);
  Deno.chmodSync(directory, 0o755);
  const child = await new Deno.Command(program, { args: [FILL], clearEnv: true, cwd: "/" }).output();
  const said = new TextDecoder().decode(child.stderr).trim();
  if (!child.success) throw new Error(`${program} does not run: ${said}`);
  try {
    Deno.statSync(file);
  } catch {
    throw new Error(`${program} has left no compiled code in ${file}`);
  }
}
