/**
 * Completion for fish(1).
 * @module
 */
import type { Flag } from "../flags.ts";
import { type Fill, flagFill, parseOperands, type Vocabulary, withHelp } from "./operands.ts";

/** A word that the shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}

/** Arguments of `complete` for a value. */
function argumentsOf(fill: Fill): string {
  switch (fill) {
    case "container":
      return " -a '(__tsrun_ids)'";
    case "signal":
      return " -a '(__tsrun_signals)'";
    case "file":
      return " -F";
    case "directory":
      return " -a '(__fish_complete_directories (commandline -ct))'";
    case "text":
      return "";
    default:
      return ` -a ${quoted(fill.join(" "))}`;
  }
}

/** Lines for the flags of a command. @param condition When they are offered: a call of a function. */
function flagLines(condition: string, flags: readonly Flag[]): string[] {
  return withHelp(flags).map((flag) => {
    const fill = flagFill(flag);
    const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
    const value = fill === undefined ? "" : ` ${fill === "file" ? "-r" : "-x"}${argumentsOf(fill)}`;
    return `complete -c tsrun -n ${quoted(condition)} -l ${flag.name}${short}${value} -d ${
      quoted(flag.usage)
    }`;
  });
}

/** Words `command name` for the flags that take a value, by which the script tells values from operands. */
function takers(command: string, flags: readonly Flag[]): string[] {
  return flags.filter((flag) => flagFill(flag) !== undefined).flatMap(({ name, short }) =>
    [name, short].filter((text) => text !== undefined).map((text) => quoted(`${command} ${text}`))
  );
}

/** The functions that read the line. `__tsrun_place` prints the command and the number of operands. */
function functions({ globals, commands, root, signals }: Vocabulary): string[] {
  const values = [...takers("", globals), ...commands.flatMap(({ name, flags }) => takers(name, flags))];
  return [
    `set -g __tsrun_takers ${values.join(" ")}`,
    "function __tsrun_place",
    "    set -l command",
    "    set -l count 0",
    "    set -l skip no",
    "    set -l words (commandline -opc)",
    "    for word in $words[2..-1]",
    "        if test $skip = yes",
    "            set skip no",
    "        else if string match -qr -- '^-.*=' $word",
    "            continue",
    "        else if string match -q -- '-*' $word",
    '            contains -- "$command "(string replace -r -- "^--?" "" $word) $__tsrun_takers; and set skip yes',
    '        else if test -z "$command"',
    "            set command $word",
    "        else",
    "            set count (math $count + 1)",
    "        end",
    "    end",
    '    echo "$command"',
    "    echo $count",
    "end",
    "# Whether the line has that command; with a number, whether that operand comes next (or 'N+': N or later).",
    "function __tsrun_at",
    "    set -l place (__tsrun_place)",
    '    test "$place[1]" = "$argv[1]"; or return 1',
    "    set -q argv[2]; or return 0",
    "    if string match -q -- '*+' $argv[2]",
    '        test $place[2] -ge (string replace + "" $argv[2])',
    "    else",
    "        test $place[2] -eq $argv[2]",
    "    end",
    "end",
    "function __tsrun_ids",
    "    set -l words (commandline -opc)",
    `    set -l dir ${root}`,
    '    if test (id -u) -ne 0; and test -n "$XDG_RUNTIME_DIR"',
    "        set dir $XDG_RUNTIME_DIR/tsrun",
    "    end",
    "    for i in (seq (count $words))",
    "        if string match -qr -- '^--?root=' $words[$i]",
    "            set dir (string replace -r -- '^--?root=' '' $words[$i])",
    "        else if string match -qr -- '^--?root$' $words[$i]; and set -q words[(math $i + 1)]",
    "            set dir $words[(math $i + 1)]",
    "        end",
    "    end",
    "    for path in $dir/*/state.json",
    "        string replace -r -- '.*/([^/]+)/state.json$' '$1' $path",
    "    end",
    "end",
    "function __tsrun_signals",
    `    printf '%s\\n' ${signals.join(" ")}`,
    "end",
  ];
}

/** The script. */
export function fishCompletion(vocabulary: Vocabulary): string {
  const { globals, commands } = vocabulary;
  const names = [...commands, { name: "help", usage: "list the commands, or explain one" }];
  const offer = (condition: string, rest: string) => `complete -c tsrun -n ${quoted(condition)}${rest}`;
  const lines = [
    "# Completion of tsrun for fish, made by `tsrun completion fish`.",
    ...functions(vocabulary),
    "complete -c tsrun -f",
    ...flagLines("__tsrun_at ''", globals),
    ...names.map(({ name, usage }) => offer("__tsrun_at ''", ` -a ${name} -d ${quoted(usage)}`)),
    ...commands.flatMap(({ name, flags, operands }) => [
      ...flagLines(`__tsrun_at ${name}`, flags),
      ...parseOperands(operands).flatMap(({ fill, repeated }, i) =>
        fill === "text" ? [] : offer(`__tsrun_at ${name} ${i}${repeated ? "+" : ""}`, argumentsOf(fill))
      ),
    ]),
    offer("__tsrun_at help 0", ` -a ${quoted(commands.map(({ name }) => name).join(" "))}`),
  ];
  return lines.join("\n") + "\n";
}
