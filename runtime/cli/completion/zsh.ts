/**
 * Completion for zsh(1), as a function for its `_arguments` (zshcompsys(1)).
 * @module
 */
import type { Command } from "../command.ts";
import type { Flag } from "../flags.ts";
import { type Fill, flagFill, type Operand, parseOperands, type Vocabulary, withHelp } from "./operands.ts";

/** A word that the shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Text inside a specification: brackets and colons have a meaning there. */
function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, "\\$&");
}

/** What completes a value. */
function action(fill: Fill): string {
  switch (fill) {
    case "container":
      return "_tsrun_ids";
    case "signal":
      return "_tsrun_signals";
    case "file":
      return "_files";
    case "directory":
      return "_files -/";
    case "text":
      return " ";
    default:
      return `(${fill.join(" ")})`;
  }
}

/** The specification of a flag: `--name=` takes its value behind the sign or as the next word. */
function flagSpec(flag: Flag): string {
  const { name, short, kind, usage } = flag;
  const fill = flagFill(flag);
  const value = fill === undefined ? "" : `:${escaped(name)}:${action(fill)}`;
  const long = fill === undefined ? `--${name}` : `--${name}=`;
  const rest = quoted(`[${escaped(usage)}]${value}`);
  const repeated = kind === "strings";
  if (short === undefined) return quoted(repeated ? `*${long}` : long) + rest;
  const head = repeated ? "'*'" : quoted(`(--${name} -${short})`);
  return `${head}{${long},-${short}}${rest}`;
}

function operandSpec({ name, fill, optional, repeated }: Operand, index: number): string {
  const message = `${escaped(name)}:${action(fill)}`;
  if (repeated) return quoted(`*:${message}`);
  return quoted(`${index + 1}${optional ? "::" : ":"}${message}`);
}

/** The case of one command. */
function commandCase({ name, flags, operands, stopAtOperand }: Command): string[] {
  const specs = [...withHelp(flags).map(flagSpec), ...parseOperands(operands).map(operandSpec)];
  return [
    `    ${name})`,
    `      _arguments -S${stopAtOperand ? " -A '-*'" : ""} \\`,
    `        ${specs.join(" \\\n        ")}`,
    "      ;;",
  ];
}

/** The script: the file `_tsrun` of a directory in `fpath`, or text for `eval`. */
export function zshCompletion({ globals, commands, root, signals }: Vocabulary): string {
  const names = [...commands, { name: "help", usage: "list the commands, or explain one" }];
  const lines = [
    "#compdef tsrun",
    "# Completion of tsrun for zsh, made by `tsrun completion zsh`.",
    "_tsrun_ids() {",
    "  local dir=${tsrun_root/#\\~\\//$HOME/}",
    "  if [[ -z $dir ]]; then",
    `    dir=${root}`,
    "    ((EUID)) && [[ -n $XDG_RUNTIME_DIR ]] && dir=$XDG_RUNTIME_DIR/tsrun",
    "  fi",
    "  local -a ids=($dir/*/state.json(N:h:t))",
    "  _describe -t containers container ids",
    "}",
    "_tsrun_signals() {",
    `  local -a names=(${signals.join(" ")})`,
    "  _describe -t signals signal names",
    "}",
    "_tsrun_commands() {",
    "  local -a names=(",
    ...names.map(({ name, usage }) => `    ${quoted(`${name}:${usage.replaceAll(":", "\\:")}`)}`),
    "  )",
    "  _describe -t commands command names",
    "}",
    "_tsrun() {",
    "  local context state state_descr line tsrun_root curcontext=$curcontext",
    "  typeset -A opt_args",
    "  _arguments -C -S -A '-*' \\",
    `    ${[...withHelp(globals).map(flagSpec), "'1:command:_tsrun_commands'"].join(" \\\n    ")} \\`,
    "    '*::argument:->argument'",
    "  [[ $state == argument ]] || return",
    "  tsrun_root=${opt_args[--root]}",
    "  case $words[1] in",
    ...commands.flatMap(commandCase),
    "    help|h) _arguments '1:command:_tsrun_commands' ;;",
    "  esac",
    "}",
    'if [[ $funcstack[1] == _tsrun ]]; then _tsrun "$@"; else compdef _tsrun tsrun; fi',
  ];
  return lines.join("\n") + "\n";
}
