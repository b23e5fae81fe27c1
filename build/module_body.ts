/**
 * Turns an ES module that the bundler wrote into the body of a function.
 *
 * Where its imports and exports are is told by a lexer of the language, so that no text in a string, a
 * comment or a regular expression is taken for one.
 * @module
 */
import { type ExportSpecifier, type ImportSpecifier, ImportType, init, parse } from "es-module-lexer";

await init;

/** One file that the bundler wrote. */
export interface Chunk {
  /** Its path below the output directory: `chunk-4FX2.js`, `runtime/commands/create.js`. */
  name: string;
  code: string;
}

/** What a function is made of, and which other chunks it reaches. */
export interface ModuleBody {
  /** Statements of a function `(TSRUN_BUILD, $require, $import)` that returns the exports. */
  body: string;
  /** Names of the chunks that it imports before it runs. */
  imports: string[];
  /** Names of the chunks that it imports on demand. */
  onDemand: string[];
}

/** A stretch of the code and what stands there instead. */
type Edit = [start: number, end: number, text: string];

/** An identifier, or a pair of them: `a`, `a as b`. */
const BINDING = /^([\w$]+)(?:\s+as\s+([\w$]+))?$/;

/** The name of the chunk that a specifier of another chunk means. */
function resolve(specifier: string | undefined, importer: string): string {
  if (specifier === undefined || !/^\.\.?\//.test(specifier)) {
    throw new Error(`${specifier ?? "an expression"} is not the path of a chunk`);
  }
  return new URL(specifier, `file:///${importer}`).pathname.slice(1);
}

/** `import*as n from`, `import{a as b,c}from` or `import` as the left side of a declaration. */
function declaration(clause: string): string {
  const words = clause.replace(/^import\s*/, "").replace(/\s*from\s*$/, "").trim();
  if (words === "") return "";
  const [, whole] = /^\*\s*as\s+([\w$]+)$/.exec(words) ?? [];
  if (whole !== undefined) return `const ${whole}=`;
  const [, list] = /^\{([^}]*)\}$/.exec(words) ?? [];
  const parts = list?.split(",").map((part) => BINDING.exec(part.trim()));
  if (!parts?.every((part) => part !== null)) throw new Error(`cannot translate ${clause.trim()}`);
  return `const {${parts.map(([, from, to]) => to === undefined ? from : `${from}:${to}`).join(",")}}=`;
}

/** A list of exports, which is one statement, as an object of values. */
function exportEdit(code: string, exports: readonly ExportSpecifier[]): Edit {
  const first = exports[0], last = exports[exports.length - 1];
  const [opening] = /export\s*\{\s*$/.exec(code.slice(0, first.ls)) ?? [];
  const [closing] = /^\s*,?\s*\};?/.exec(code.slice(last.e)) ?? [];
  const gaps = exports.slice(1).map((entry, i) => code.slice(exports[i].e, entry.ls));
  if (opening === undefined || closing === undefined || gaps.some((gap) => gap.trim() !== ",")) {
    throw new Error("its exports are not one list");
  }
  // All of a chunk has run when the object is made, and no exported name is ever given another value (the
  // gate forbids `export let`), so getters would only be 150 more functions to compile at every start.
  const values = exports.map(({ n, ln }) => `${n}:${ln}`);
  return [first.ls - opening.length, last.e + closing.length, `;return{${values.join(",")}};`];
}

/** Turns one chunk into the body of a function. */
function translate({ name, code }: Chunk, wordFor: (name: string) => string): ModuleBody {
  const [found, exports] = parse(code);
  const edits: Edit[] = [];
  const imports: string[] = [], onDemand: string[] = [];
  let head = "";
  const addStatic = (entry: ImportSpecifier) => {
    const chunk = resolve(entry.n, name);
    imports.push(chunk);
    head += `${declaration(code.slice(entry.ss, entry.s - 1))}$require(${wordFor(chunk)});`;
    edits.push([entry.ss, entry.se, ""]);
  };
  for (const entry of found) {
    if (entry.a >= 0) throw new Error(`an import with attributes: ${code.slice(entry.ss, entry.se)}`);
    if (entry.t === ImportType.Static) addStatic(entry);
    else if (entry.t === ImportType.Dynamic) {
      const chunk = resolve(entry.n, name);
      onDemand.push(chunk);
      edits.push([entry.ss, entry.se, `$import(${wordFor(chunk)})`]);
    } else throw new Error(`neither import nor import(): ${code.slice(entry.ss, entry.se)}`);
  }
  if (exports.length > 0) edits.push(exportEdit(code, exports));
  let rest = code;
  for (const [start, end, text] of edits.sort((a, b) => b[0] - a[0])) {
    rest = rest.slice(0, start) + text + rest.slice(end);
  }
  // What is left of an import is its semicolon.
  return { body: `"use strict";${head}${rest.replace(/^[;\s]+/, "").trim()}\n`, imports, onDemand };
}

/**
 * Turns an ES module into the body of a function `(TSRUN_BUILD, $require, $import)` that returns its exports.
 *
 * @param wordFor The expression by which the function asks for another chunk: its name, if absent.
 * @throws {Error} for a statement that cannot be part of a function: the chunk would not run.
 */
export function moduleBody(chunk: Chunk, wordFor: (name: string) => string = JSON.stringify): ModuleBody {
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  try {
    const result = translate(chunk, wordFor);
    // An `import` or `export` that is left is a syntax error inside a function.
    new AsyncFunction("TSRUN_BUILD", "$require", "$import", result.body);
    return result;
  } catch (error) {
    throw new Error(`cannot link chunk ${chunk.name}: ${error instanceof Error ? error.message : error}`);
  }
}
