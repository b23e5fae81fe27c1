/**
 * Puts the chunks of a split bundle into one file that starts quickly.
 *
 * Deno parses a module twice before it runs (0.25 ms per kilobyte on the reference machine), and V8 looks at every
 * function of it. So the file is a loader of a few hundred bytes with the chunks in a comment behind it: a comment
 * is skipped at 0.02 ms per kilobyte, and a chunk is handed to V8 (0.04 ms per kilobyte) only when something
 * imports it. The loader takes the text from the end of its own file, so that the first lines may change
 * at installation.
 * @module
 */

/** One file that the bundler wrote. */
export interface Chunk {
  /** Its file name, as other chunks import it: `create-4FX2.js`. */
  name: string;
  code: string;
}

/** Where chunks begin and end, counted from the end of the file, and whether COMMENT_END stands in them. */
type Table = Record<string, [from: number, to: number, escaped: 0 | 1]>;

/** Stands in the comment for the two characters that would end it. */
const COMMENT_END = "*\u0001/";
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

/** Modules that are loaded on demand, and that most commands load: their chunks are compiled together. */
const USUAL = ["create", "start", "run", "exec", "kill", "delete", "state", "seccomp", "hooks", "mount"];

/** Names of the chunks that the entry and the usual modules import, themselves among them, in order. */
function usualChunks(bodies: ReadonlyMap<string, string>, entry: string): string[] {
  const found = new Set<string>();
  const add = (name: string) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, imported] of bodies.get(name)!.matchAll(/\$require\("([^"]+)"\)/g)) add(imported);
  };
  for (const name of bodies.keys()) {
    if (name === entry || USUAL.includes(name.replace(/-\w+\.js$/, ""))) add(name);
  }
  return [...found].sort();
}

/** An object of functions, one for each chunk. */
function together(names: readonly string[], bodies: ReadonlyMap<string, string>, entry: string): string {
  const one = (name: string) =>
    `${JSON.stringify(name)}:${name === entry ? "async " : ""}function(TSRUN_BUILD,$require,$import){${
      bodies.get(name)
    }}`;
  return `({${names.map(one).join(",\n")}})`;
}

/** A name that changes with the text: FNV-1a, 32 bits, for the cache to tell builds apart; V8 compares the text. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash.toString(16);
}

/**
 * Links the chunks into the text of one module.
 *
 * @param entry Name of the chunk that is run; the only one that may await at its top level.
 * @param build What `runtime/version.ts` reads as `TSRUN_BUILD`.
 * @throws {Error} where a chunk cannot be linked, or is not plain ASCII (offsets are counted in characters).
 */
export function link(chunks: readonly Chunk[], entry: string, build: object): string {
  const bodies = new Map(chunks.map((chunk) => [chunk.name, functionBody(chunk)] as const).sort());
  if (!bodies.has(entry)) throw new Error(`no chunk ${entry}`);
  const usual = usualChunks(bodies, entry);
  const texts = new Map([[USUAL_NAME, together(usual, bodies, entry)]]);
  for (const [name, body] of bodies) if (!usual.includes(name)) texts.set(name, body);
  let end = "*/\n".length;
  const table: Table = {};
  const parts: string[] = [];
  for (const [name, plain] of [...texts].toReversed()) {
    const text = plain.replaceAll("*/", COMMENT_END);
    // deno-lint-ignore no-control-regex
    if (!/^[\x00-\x7f]*$/.test(text)) throw new Error(`chunk ${name} is not plain ASCII`);
    table[name] = [end + text.length, end, text.includes(COMMENT_END) ? 1 : 0];
    end += text.length;
    parts.unshift(text);
  }
  return loader(table, entry, build, digest(texts.get(USUAL_NAME)!)) + "/*" + parts.join("") + "*/\n";
}

/** The usual chunks' name in the table; no file is called that. */
const USUAL_NAME = "";

/**
 * The only code of the file that is a module. The usual chunks are one script for V8, whose compiled form Deno keeps
 * in its cache if there is one; the others are functions, made when they are first imported.
 */
function loader(table: Table, entry: string, build: object, name: string): string {
  return [
    `const build=${JSON.stringify(build)},table=${JSON.stringify(table)};`,
    `const text=Deno.readTextFileSync(import.meta.filename),size=text.length,loaded={};`,
    `const source=(name)=>{const [from,to,escaped]=table[name];const body=text.slice(size-from,size-to);`,
    `return escaped?body.replaceAll("*\\x01/","*"+"/"):body};`,
    `const script=Deno[Deno.internal]?.core?.evalContext;`,
    `const usual=script?script(source(""),"file:///tsrun/${name}.js")[0]:(0,eval)(source(""));`,
    `const compile=(name)=>usual[name]??new Function("TSRUN_BUILD","$require","$import",source(name));`,
    `const $require=(name)=>loaded[name]??=compile(name)(build,$require,$import);`,
    `const $import=async(name)=>$require(name);`,
    `await usual[${JSON.stringify(entry)}](build,$require,$import);`,
    "",
  ].join("\n");
}
