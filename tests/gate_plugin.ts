/**
 * The project's own lint rules: sizes, the direction of imports, and what may come from outside.
 * tests/gate_files.ts applies them.
 * @module
 */

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;
const TOP = new URL("..", import.meta.url).pathname;

/** A layer may import itself, those of lower rank, and spec. */
const LAYERS: Readonly<Record<string, number>> = { ffi: 1, init: 2, runtime: 3, "main.ts": 4 };
/** The only modules of others in what is shipped: plain functions of the standard library. */
const OUTSIDE: readonly string[] = ["@std/cli/parse-args", "@std/fs", "@std/path", "@std/path/posix"];

type AnyFunction =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** First part of a path below the top, with a slash-less name for a file of the top itself. */
function areaOf(path: string): string {
  return path.slice(TOP.length).split("/")[0];
}

/** Does a file belong to the program, rather than to its tests and tools? */
function isShipped(filename: string): boolean {
  const area = areaOf(filename);
  return filename.startsWith(TOP) && (area === "spec" || area in LAYERS) && !filename.endsWith("_test.ts");
}

/** Says what is wrong with importing a specifier from a shipped file, if anything. */
export function importProblem(filename: string, specifier: string): string | undefined {
  if (!isShipped(filename)) return undefined;
  if (!/^\.{1,2}\//.test(specifier)) {
    return OUTSIDE.includes(specifier)
      ? undefined
      : `"${specifier}" is not for the program: see imports in deno.json`;
  }
  const from = areaOf(filename);
  const to = areaOf(new URL(specifier, `file://${filename}`).pathname);
  if (to === "spec" || to === from) return undefined;
  if (from === "spec") return `spec/ imports nothing but itself, not ${to}`;
  if (!(to in LAYERS)) return `the program does not import ${to}`;
  return LAYERS[to] < LAYERS[from]
    ? undefined
    : `imports point one way, main -> runtime -> init -> ffi: not ${from} -> ${to}`;
}

/** Visits the specifier of everything that imports. */
function eachImport(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const report = (node: Deno.lint.Node, specifier: unknown) => {
    const message = typeof specifier === "string" ? importProblem(context.filename, specifier) : undefined;
    if (message !== undefined) context.report({ node, message });
  };
  return {
    ImportDeclaration: (node) => report(node, node.source.value),
    ExportAllDeclaration: (node) => report(node, node.source.value),
    ExportNamedDeclaration: (node) => report(node, node.source?.value),
    ImportExpression: (node) => report(node, node.source.type === "Literal" ? node.source.value : undefined),
  };
}

/** How many lines a piece of a file takes. */
function lineCount(context: Deno.lint.RuleContext, [start, end]: [number, number]): number {
  return context.sourceCode.text.slice(start, end).split("\n").length;
}

/** Reports functions that are too long to be read at once. */
function eachFunction(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const check = (node: AnyFunction) => {
    const lines = lineCount(context, node.range);
    if (lines < MAX_FUNCTION_LINES) return;
    context.report({ node, message: `a function of ${lines} lines: stay under ${MAX_FUNCTION_LINES}` });
  };
  return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
}

/** Reports files that are too long, and files that say themselves that they are not done. */
function wholeFile(context: Deno.lint.RuleContext): void {
  const { text } = context.sourceCode;
  const node = context.sourceCode.ast;
  const lines = text.trimEnd().split("\n").length;
  if (lines >= MAX_FILE_LINES) {
    context.report({ node, message: `a file of ${lines} lines: stay under ${MAX_FILE_LINES}` });
  }
  if (isShipped(context.filename) && /\b(?:TODO|FIXME|XXX)\b/.test(text)) {
    context.report({
      node,
      message: "unfinished work is finished, or is a clear error: no TODO in the program",
    });
  }
}

const plugin: Deno.lint.Plugin = {
  name: "tsrun",
  rules: {
    "max-function-lines": { create: eachFunction },
    "imports": { create: eachImport },
    "whole-file": {
      create(context) {
        return { Program: () => wholeFile(context) };
      },
    },
    // The bundle reads an export once, when it is imported (build/link.ts).
    "no-export-let": {
      create(context) {
        return {
          ExportNamedDeclaration(node) {
            const { declaration } = node;
            if (declaration?.type !== "VariableDeclaration" || declaration.kind === "const") return;
            context.report({
              node,
              message: "export a constant or a function: a variable is copied by its importers",
            });
          },
        };
      },
    },
  },
};
export default plugin;
