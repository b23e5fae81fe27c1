/**
 * The project's own lint rules: sizes, the direction of imports, and what may come from outside.
 * tests/gate_files.ts applies them.
 * @module
 */

import {
  callProblem,
  constantProblem,
  denoProblem,
  errorProblem,
  importProblem,
  isShipped,
  randomProblem,
} from "./rooms.ts";

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 60;
/** The formatter's line width. It leaves comments as they are. */
const MAX_COMMENT_COLUMNS = 110;
const TOP = new URL("..", import.meta.url).pathname;

type AnyFunction =
  | Deno.lint.FunctionDeclaration
  | Deno.lint.FunctionExpression
  | Deno.lint.ArrowFunctionExpression;

/** Path of a file below the top. */
function below(filename: string): string {
  return filename.startsWith(TOP) ? filename.slice(TOP.length) : filename;
}

/** Visits the specifier of everything that imports. */
function eachImport(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const report = (node: Deno.lint.Node, specifier: unknown) => {
    const message = typeof specifier === "string"
      ? importProblem(below(context.filename), specifier)
      : undefined;
    if (message !== undefined) context.report({ node, message });
  };
  return {
    ImportDeclaration: (node) => report(node, node.source.value),
    ExportAllDeclaration: (node) => report(node, node.source.value),
    ExportNamedDeclaration: (node) => report(node, node.source?.value),
    ImportExpression: (node) => report(node, node.source.type === "Literal" ? node.source.value : undefined),
  };
}

/** Looks at what a file asks of the host: members of `Deno`, `local()`, system calls by their names. */
function eachAsk(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  const path = below(context.filename);
  const report = (node: Deno.lint.Node, message: string | undefined) => {
    if (message !== undefined) context.report({ node, message });
  };
  return {
    MemberExpression(node) {
      const { object, property } = node;
      if (object.type !== "Identifier" || property.type !== "Identifier") return;
      if (object.name === "Deno") report(node, denoProblem(path, property.name));
      report(node, randomProblem(path, `${object.name}.${property.name}`));
    },
    CallExpression(node) {
      const { callee } = node;
      if (callee.type === "Identifier" && callee.name === "local") report(node, callProblem(path, "local"));
      if (callee.type !== "MemberExpression" || callee.property.type !== "Identifier") return;
      const [name] = node.arguments;
      const isText = name?.type === "Literal" && typeof name.value === "string";
      if (callee.property.name === "call" && isText) report(node, callProblem(path, "call"));
    },
  };
}

/** Looks at constants that are given a number. */
function eachConstant(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  return {
    VariableDeclarator(node) {
      if (node.id.type !== "Identifier" || node.init?.type !== "Literal") return;
      if (typeof node.init.value !== "number") return;
      const message = constantProblem(below(context.filename), node.id.name);
      if (message !== undefined) context.report({ node, message });
    },
  };
}

/** Reports errors without a code. */
function eachError(context: Deno.lint.RuleContext): Deno.lint.LintVisitor {
  return {
    NewExpression(node) {
      if (node.callee.type !== "Identifier") return;
      const message = errorProblem(below(context.filename), node.callee.name);
      if (message !== undefined) context.report({ node, message });
    },
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

/** Reports lines of comments that are wider than the code. */
function eachCommentLine(context: Deno.lint.RuleContext): void {
  let start = 0;
  for (const line of context.sourceCode.text.split("\n")) {
    const columns = [...line].length;
    if (columns > MAX_COMMENT_COLUMNS && /^\s*(?:\/\/|\/?\*)/.test(line)) {
      context.report({
        range: [start, start + line.length],
        message: `a comment of ${columns} columns: wrap it at ${MAX_COMMENT_COLUMNS}`,
      });
    }
    start += line.length + 1;
  }
}

/** Reports files that are too long, and files that say themselves that they are not done. */
function wholeFile(context: Deno.lint.RuleContext): void {
  const { text } = context.sourceCode;
  const node = context.sourceCode.ast;
  const lines = text.trimEnd().split("\n").length;
  if (lines >= MAX_FILE_LINES) {
    context.report({ node, message: `a file of ${lines} lines: stay under ${MAX_FILE_LINES}` });
  }
  if (isShipped(below(context.filename)) && /\b(?:TODO|FIXME|XXX)\b/.test(text)) {
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
    "asks": { create: eachAsk },
    "constants": { create: eachConstant },
    "errors": { create: eachError },
    "comment-columns": {
      create(context) {
        return { Program: () => eachCommentLine(context) };
      },
    },
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
