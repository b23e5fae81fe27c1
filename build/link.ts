/**
 * Puts the chunks of a split bundle into one text that starts quickly.
 *
 * Deno parses a module twice before it runs (0.25 ms per kilobyte on the reference machine, 0.02 of a
 * comment), and V8 looks at every function of it. So the only module is a loader of a few hundred bytes, and
 * the chunks are plain text that it reads. Deno keeps the compiled form of each script it runs, and to read
 * that back costs 0.03 ms per kilobyte, whether or not it is used: so chunks that the same commands need are
 * one script, run when the first of them is imported.
 *
 *     names of chunks  script script … base script  digest length
 * The loader reads the file from its end, so what stands before the text may change. Chunks are known by
 * their number in the list of names, which nothing reads but people and measurements.
 * @module
 */
import { type Chunk, type ModuleBody, moduleBody } from "./module_body.ts";
import type { Usual } from "./usual.ts";

/**
 * Where a script begins and ends, counted backwards from the beginning of the base script; and the digest of
 * its text.
 */
type Place = [from: number, to: number, digest: string];

/** Names of the chunks that `roots` import, themselves among them. */
function closure(bodies: ReadonlyMap<string, ModuleBody>, roots: readonly string[]): Set<string> {
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    bodies.get(name)!.imports.forEach(add);
  };
  roots.forEach(add);
  return found;
}

/** Every chunk that is imported must be there. */
function checkImports(bodies: ReadonlyMap<string, ModuleBody>): void {
  for (const [name, { imports, onDemand }] of bodies) {
    const lost = [...imports, ...onDemand].find((imported) => !bodies.has(imported));
    if (lost !== undefined) throw new Error(`chunk ${name} imports ${lost}, which is not there`);
  }
}

/** The chunk of a usual module, which the bundler has named after the module's path. */
function chunkOf(module: string, bodies: ReadonlyMap<string, ModuleBody>): string {
  const name = module.replace(/\.ts$/, ".js");
  if (!bodies.has(name)) throw new Error(`no chunk of the usual module ${module}`);
  if (![...bodies.values()].some(({ onDemand }) => onDemand.includes(name))) {
    throw new Error(`nothing imports the usual module ${module} on demand`);
  }
  return name;
}

/** Which chunks are compiled together. A chunk may be in more than one script. */
interface Scripts {
  /** Chunks that all commands need. */
  base: string[];
  /** The scripts of usual modules, and those of other chunks. */
  usual: string[][];
  other: string[][];
}

/**
 * The scripts of a program whose cache holds what each command has run: one script for each command, with all
 * that the command needs. To find and to read a script takes 0.1 ms, and its compiled form is small, so a
 * chunk of many commands is in the script of each of them. What only some containers need is a script too,
 * without the chunks that every command that loads it has.
 */
function scriptPerCommand(
  bodies: ReadonlyMap<string, ModuleBody>,
  entry: string,
  { commands, features }: Usual,
): Scripts {
  const base = closure(bodies, [entry]);
  const need = (row: readonly string[]) => closure(bodies, row.map((module) => chunkOf(module, bodies)));
  const ownOf = commands.map((row) => need(row).difference(base));
  const shared = features.map(({ modules, of }) => {
    const users = commands.flatMap((row, i) => row.some((module) => of.includes(module)) ? [ownOf[i]] : []);
    if (users.length < of.length) throw new Error(`no usual command for each of ${of.join(", ")}`);
    return need(modules).difference(base).difference(users.reduce((all, one) => all.intersection(one)));
  });
  const usual = [...ownOf, ...shared].flatMap((names) =>
    inParts([...bodies.keys()].filter((name) => names.has(name)), bodies)
  );
  const found = new Set([...base, ...usual.flat()]);
  const other = [...bodies.keys()].filter((name) => !found.has(name)).map((name) => [name]);
  return { base: [...bodies.keys()].filter((name) => base.has(name)), usual, other };
}

/**
 * Characters of a script. A larger one costs page faults: the engine and its database have it and its
 * compiled form in several buffers, which are used again for the next script if they are not too large.
 */
const PART = 50_000;

/** Divides the chunks of a script among scripts of at most that size, if no chunk is larger. */
function inParts(names: readonly string[], bodies: ReadonlyMap<string, ModuleBody>): string[][] {
  const sizeOf = (names: readonly string[]) =>
    names.reduce((sum, name) => sum + bodies.get(name)!.body.length, 0);
  const most = sizeOf(names) / Math.ceil(sizeOf(names) / PART) + 1;
  const parts: string[][] = [[]];
  for (const name of names) {
    const last = parts[parts.length - 1];
    if (last.length > 0 && sizeOf([...last, name]) > most) parts.push([name]);
    else last.push(name);
  }
  return parts;
}

/**
 * The scripts of a program whose cache holds everything and is read as a whole: each chunk is in one script.
 * Chunks that the same usual modules need are one script; every other chunk is a script by itself.
 */
function scriptPerUse(
  bodies: ReadonlyMap<string, ModuleBody>,
  entry: string,
  { commands, features }: Usual,
): Scripts {
  const base = closure(bodies, [entry]);
  const rows = [...commands, ...features.map(({ modules }) => modules)];
  const needs = rows.map((row) => closure(bodies, row.map((module) => chunkOf(module, bodies))));
  const groups = new Map<string, string[]>([["all", []]]);
  for (const name of bodies.keys()) {
    const users = needs.flatMap((need, i) => need.has(name) ? [i] : []);
    const key = base.has(name) ? "all" : users.length > 0 ? users.join(" ") : name;
    groups.set(key, [...groups.get(key) ?? [], name]);
  }
  const [[, all], ...rest] = [...groups];
  const isUsual = ([, names]: [string, string[]]) => needs.some((need) => need.has(names[0]));
  return {
    base: all,
    usual: rest.filter(isUsual).map(([, names]) => names),
    other: rest.filter((group) => !isUsual(group)).map(([, names]) => names),
  };
}

/**
 * A name that changes with the text: FNV-1a, 32 bits, for the cache to tell builds apart; V8 compares the
 * text.
 */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** Characters of the last line: digest and length of the base script, 8 digits each. */
export const TRAILER = "01234567 01234567\n".length;

/** The digest of a linked text, as its last line and its loader have it. */
export function digestOf(text: string): string {
  return text.slice(-TRAILER).slice(0, 8);
}

/** Bytes of the end of a file that are read at once: a base script of the usual size, and the last line. */
const TAIL = 0x8000;

/**
 * Links the chunks into one text, which {@linkcode loader} runs.
 *
 * @param entry Name of the chunk that is run. Only this chunk may await at its top level.
 * @param usual Modules that most commands load on demand (`usual.ts`).
 * @param build What `runtime/host/build_info.ts` reads as `TSRUN_BUILD`.
 * @param repeats A chunk may be in more than one script, see {@linkcode scriptPerCommand}.
 * @throws {Error} where a chunk cannot be linked or is missing, a usual module is not loaded on demand, or
 * text is not plain ASCII (offsets are counted in characters).
 */
export function link(
  chunks: readonly Chunk[],
  entry: string,
  usual: Usual,
  build: object,
  repeats: boolean,
): string {
  const inOrder = chunks.toSorted((a, b) => a.name < b.name ? -1 : 1);
  const names = inOrder.map(({ name }) => name), numbers = new Map(names.map((name, i) => [name, i]));
  // A short name is cheaper to read back than a path.
  const word = (name: string) => `${numbers.get(name)}`;
  const bodies = new Map(inOrder.map((chunk) => [chunk.name, moduleBody(chunk, word)] as const));
  if (!bodies.has(entry)) throw new Error(`no chunk ${entry}`);
  checkImports(bodies);
  const { base, usual: usualScripts, other } = (repeats ? scriptPerCommand : scriptPerUse)(
    bodies,
    entry,
    usual,
  );
  const functionOf = (name: string) =>
    `${word(name)}:${name === entry ? "async " : ""}function(TSRUN_BUILD,$require,$import){` +
    `${bodies.get(name)!.body}}`;
  const places: Place[] = [], where: number[][] = names.map(() => []);
  const groups = [...usualScripts, ...other];
  const scripts = groups.map((names) => `({${names.map(functionOf).join(",\n")}})\n`);
  let before = "";
  for (const [i, script] of scripts.entries()) {
    places.push([before.length + script.length, before.length, digest(script)]);
    before = script + before;
    for (const name of groups[i]) where[numbers.get(name)!].push(i);
  }
  // The first is taken where none is loaded: the smallest.
  const size = (i: number) => scripts[i].length;
  const table = where.map((list) => {
    const [first = -1, ...more] = list.toSorted((a, b) => size(a) - size(b));
    return more.length === 0 ? first : [first, ...more];
  });
  const linkage = { places, where: table, entry: numbers.get(entry)!, usual: usualScripts.length };
  const script = `({${[bootFunction(linkage, build), ...base.map(functionOf)].join(",\n")}})`;
  const text = `${JSON.stringify(names)}\n${before}${script}${digest(script)} ${
    String(script.length).padStart(8, "0")
  }\n`;
  // deno-lint-ignore no-control-regex
  const odd = /[^\x00-\x7f]/.exec(text);
  if (odd) throw new Error(`not plain ASCII: ${JSON.stringify(text.slice(odd.index - 40, odd.index + 1))}`);
  return text;
}

/** Where a program's scripts and chunks are. */
interface Linkage {
  places: readonly Place[];
  /** For each chunk the number of its script, or of its scripts; -1: it is in the base script. */
  where: readonly (number | number[])[];
  /** Number of the chunk that is run. */
  entry: number;
  /** How many scripts are of usual modules: the first ones. */
  usual: number;
}

/**
 * The members of the base script that are no chunks: `boot` runs the entry, and a script when the first of
 * its chunks is imported; `all` runs every script, so that Deno keeps its compiled form, and `usual` only
 * those that the usual modules need.
 */
function bootFunction({ places, where, entry, usual }: Linkage, build: object): string {
  return [
    `places:${JSON.stringify(places)},where:${JSON.stringify(where)},`,
    `run(read,i){const [from,to,name]=this.places[i],body=read(from,to);`,
    `const script=Deno[Deno.internal]?.core?.evalContext;`,
    `const [value,failure]=script?script(body,"file:///tsrun/"+name+".js"):[(0,eval)(body)];`,
    `if(failure)throw failure.thrown;return value},`,
    `all(read){this.places.forEach((_,i)=>this.run(read,i))},`,
    `usual(read){for(let i=0;i<${usual};i++)this.run(read,i)},`,
    `boot(read,digest){`,
    `const build={...${JSON.stringify(build)},digest},loaded=[],scripts=[];`,
    // Of the scripts that a chunk is in, one that is there already.
    `const compile=(i)=>{if(this[i])return this[i];const w=this.where[i],`,
    `s=w.length?w.find((s)=>scripts[s])??w[0]:w;return(scripts[s]??=this.run(read,s))[i]};`,
    `const $require=(i)=>loaded[i]??=compile(i)(build,$require,$import);`,
    `const $import=async(i)=>$require(i);`,
    `return this[${entry}](build,$require,$import)}`,
  ].join("\n");
}

/**
 * The module that runs a linked text. It reads only as much of the file as it needs. It keeps the file open,
 * so that later parts come from the same file even when another file is put in its place meanwhile. It runs
 * scripts in a way that lets Deno keep their compiled form in its cache, if Deno has one.
 *
 * @param path Expression for the path of the file at whose end the text is.
 * @param member What of the base script is called: `boot`, or `all` or `usual` to fill the cache.
 */
export function loader(path: string, member: "boot" | "all" | "usual" = "boot"): string {
  const run = `await(e?e(u,"file:///tsrun/"+d+".js")[0]:(0,eval)(u)).${member}((a,b)=>r(a+o,b+o),d)`;
  return loaderHead(path) + run;
}

/**
 * The first statements of a loader: `r(a, b)` reads, `u` is the base script, `d` its digest, `o` how far its
 * beginning is from the end of the file, and `e` the way to run a script, if the engine has one.
 */
export function loaderHead(path: string): string {
  return [
    // No log is known yet, and the engine would print a trace.
    `let f,s,r,d,o,u,c=Deno[Deno.internal]?.core;try{f=Deno.openSync(${path});s=f.seekSync(0,2);`,
    // Text that ends `b` bytes before the end of the file, and begins `a` bytes before it.
    `r=(a,b)=>{const x=new Uint8Array(a-b);f.seekSync(s-a,0);`,
    `for(let i=0,k;i<x.length;i+=k)if(!(k=f.readSync(x.subarray(i))))throw new Error("cut off");`,
    `return c?.decode?c.decode(x):new TextDecoder().decode(x)};`,
    `let t=r(Math.min(s,${TAIL}),0),n=t.length-${TRAILER},l=+t.slice(n+9);d=t.slice(n,n+8);o=l+${TRAILER};`,
    `u=l>n?r(o,${TRAILER}):t.slice(n-l,n)}catch(x){`,
    `console.error("tsrun: cannot read the program: "+x.message.replace(/ \\(os error.*/,""));Deno.exit(1)}`,
    `const e=c?.evalContext;`,
  ].join("");
}
