/**
 * Puts the chunks of a split bundle into one text that starts quickly.
 *
 * Deno parses a module twice before it runs (0.25 ms per kilobyte on the reference machine, 0.02 of a comment), and V8
 * looks at every function of it. So the only module is a loader of a few hundred bytes, and the chunks are plain text
 * that it reads. Deno keeps the compiled form of each script it runs, and to read that back costs 0.03 ms per kilobyte,
 * whether or not it is used: so chunks that the same commands need are one script, run when the first of them is imported.
 *
 *     script script … base script  digest length
 *                   ^ end                       the loader looks from behind: what stands before may change
 * @module
 */

/** One file that the bundler wrote. */
export interface Chunk {
  /** Its file name, as other chunks import it: `create-4FX2.js`. */
  name: string;
  code: string;
}

/** Where a script begins and ends, counted backwards from the beginning of the base script; and the digest of its text. */
type Place = [from: number, to: number, digest: string];

const IMPORT = /^import(?:\s*(\*\s*as\s+[\w$]+|\{[^}]*\})\s*from)?\s*"\.\/([^"]+)";\s*/;
const EXPORT = /(?:^|[;\n}])\s*export\s*\{([^}]*)\};?\s*$/;
const DYNAMIC = /\bimport\("\.\/([^"]+)"\)/g;

/** Renames `{a as b,c}` of an import to the destructuring pattern `{a:b,c}`. */
function pattern(clause: string): string {
  if (clause.startsWith("*")) return clause.replace(/^\*\s*as\s+/, "");
  return clause.replace(/([\w$]+)\s+as\s+([\w$]+)/g, "$1:$2");
}

/**
 * `x as y,z` as an object of values. All of a chunk has run when it is made, and no exported name is ever given another
 * value (the gate forbids `export let`), so getters would only be 150 more functions to compile at every start.
 */
function exportsObject(list: string): string {
  const names = list.split(",").map((name) => name.trim()).filter((name) => name !== "");
  const values = names.map((entry) => {
    const [local, exported = local] = entry.split(/\s+as\s+/);
    return `${exported}:${local}`;
  });
  return `return{${values.join(",")}};`;
}

/**
 * Turns an ES module into the body of a function `(TSRUN_BUILD, $require, $import)` that returns its exports.
 * The bundler writes imports first and one export list last; nothing else is understood.
 *
 * @throws {Error} where a statement of a module is left over: the chunk would not run.
 */
export function functionBody(chunk: Chunk): string {
  let code = chunk.code.trim();
  let head = "";
  for (let found = IMPORT.exec(code); found !== null; found = IMPORT.exec(code)) {
    const binding = found[1] === undefined ? "" : `const ${pattern(found[1])}=`;
    head += `${binding}$require("${found[2]}");`;
    code = code.slice(found[0].length);
  }
  const exported = EXPORT.exec(code);
  if (exported !== null) {
    const at = exported.index + exported[0].indexOf("export");
    code = `${code.slice(0, at)};${exportsObject(exported[1])}`;
  }
  code = code.replace(DYNAMIC, '$import("$1")');
  const body = `"use strict";${head}${code}\n`;
  checkBody(chunk.name, body);
  return body;
}

/** An `import` or `export` that is left, or `import.meta`, is a syntax error inside a function. */
function checkBody(name: string, body: string): void {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  try {
    new AsyncFunction("TSRUN_BUILD", "$require", "$import", body);
  } catch (error) {
    throw new Error(`cannot link chunk ${name}: ${error instanceof Error ? error.message : error}`);
  }
}

/** What most commands load on demand, by the names of modules. */
const USUAL = ["create", "start", "run", "exec", "kill", "delete", "state", "seccomp", "hooks", "mount"];

/** Names of the chunks that `roots` import, themselves among them. */
function closure(bodies: ReadonlyMap<string, string>, roots: readonly string[]): Set<string> {
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, imported] of bodies.get(name)!.matchAll(/\$require\("([^"]+)"\)/g)) add(imported);
  };
  roots.forEach(add);
  return found;
}

/**
 * Chunks that are compiled together: those that the same of the usual modules need; any other alone. The first group has
 * what all commands need.
 */
function groupsOf(bodies: ReadonlyMap<string, string>, entry: string): string[][] {
  const chunksOf = (module: string) =>
    [...bodies.keys()].filter((name) => name.replace(/-\w+\.js$/, "") === module);
  const base = closure(bodies, [entry]);
  const needs = USUAL.map((module) => closure(bodies, chunksOf(module)));
  const groups = new Map<string, string[]>([["all", []]]);
  for (const name of bodies.keys()) {
    const users = needs.flatMap((need, i) => need.has(name) ? [i] : []);
    const key = base.has(name) ? "all" : users.length > 0 ? users.join(" ") : name;
    groups.set(key, [...groups.get(key) ?? [], name]);
  }
  return [...groups.values()];
}

/** A name that changes with the text: FNV-1a, 32 bits, for the cache to tell builds apart; V8 compares the text. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, "0");
}

/** Characters of the last line: digest and length of the base script, 8 digits each. */
const TRAILER = "01234567 01234567\n".length;

/**
 * Links the chunks into one text, which {@linkcode loader} runs.
 *
 * @param entry Name of the chunk that is run; the only one that may await at its top level.
 * @param build What `runtime/version.ts` reads as `TSRUN_BUILD`.
 * @throws {Error} where a chunk cannot be linked, or is not plain ASCII (offsets are counted in characters).
 */
export function link(chunks: readonly Chunk[], entry: string, build: object): string {
  const bodies = new Map(chunks.map((chunk) => [chunk.name, functionBody(chunk)] as const).sort());
  if (!bodies.has(entry)) throw new Error(`no chunk ${entry}`);
  const [base, ...groups] = groupsOf(bodies, entry);
  const functionOf = (name: string) => chunkFunction(name, bodies.get(name)!, name === entry);
  const places: Place[] = [], where: Record<string, number> = {};
  let before = "";
  for (const [i, names] of groups.entries()) {
    const script = `({${names.map(functionOf).join(",\n")}})\n`;
    places.push([before.length + script.length, before.length, digest(script)]);
    before = script + before;
    for (const name of names) where[name] = i;
  }
  const script = `({${[bootFunction(places, where, entry, build), ...base.map(functionOf)].join(",\n")}})`;
  const text = `${before}${script}${digest(script)} ${String(script.length).padStart(8, "0")}\n`;
  // deno-lint-ignore no-control-regex
  const odd = /[^\x00-\x7f]/.exec(text);
  if (odd) throw new Error(`not plain ASCII: ${JSON.stringify(text.slice(odd.index - 40, odd.index + 1))}`);
  return text;
}

/** A member of a script: one chunk. */
function chunkFunction(name: string, body: string, isEntry: boolean): string {
  return `${JSON.stringify(name)}:${isEntry ? "async " : ""}function(TSRUN_BUILD,$require,$import){${body}}`;
}

/**
 * The members of the base script that are no chunks: `boot` runs the entry, and a script when the first of its chunks is
 * imported; `all` runs every script, so that Deno keeps its compiled form.
 */
function bootFunction(places: Place[], where: Record<string, number>, entry: string, build: object): string {
  return [
    `places:${JSON.stringify(places)},where:${JSON.stringify(where)},`,
    `run(text,end,i){const [from,to,name]=this.places[i],body=text.slice(end-from,end-to);`,
    `const script=Deno[Deno.internal]?.core?.evalContext;`,
    `const [value,failure]=script?script(body,"file:///tsrun/"+name+".js"):[(0,eval)(body)];`,
    `if(failure)throw failure.thrown;return value},`,
    `all(text,end){this.places.forEach((_,i)=>this.run(text,end,i))},`,
    `boot(text,end){`,
    `const build=${JSON.stringify(build)},loaded={},scripts=[];`,
    `const script=(i)=>scripts[i]??=this.run(text,end,i);`,
    `const compile=(name)=>this[name]??script(this.where[name])[name];`,
    `const $require=(name)=>loaded[name]??=compile(name)(build,$require,$import);`,
    `const $import=async(name)=>$require(name);`,
    `return this[${JSON.stringify(entry)}](build,$require,$import)}`,
  ].join("\n");
}

/**
 * The module that runs a linked text. A script is run through a way by which Deno keeps its compiled form in its cache, if
 * it has one.
 *
 * @param path Expression for the path of the file at whose end the text is.
 * @param member What of the base script is called: `boot`, or `all` to fill the cache.
 */
export function loader(path: string, member: "boot" | "all" = "boot"): string {
  return [
    `const t=Deno.readTextFileSync(${path}),n=t.length-${TRAILER},[d,l]=t.slice(n).split(" "),u=t.slice(n-l,n),`,
    `e=Deno[Deno.internal]?.core?.evalContext;`,
    `await(e?e(u,"file:///tsrun/"+d+".js")[0]:(0,eval)(u)).${member}(t,n-l)`,
  ].join("");
}
