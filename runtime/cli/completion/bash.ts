/**
 * Completion for bash(1), as a script that asks no program: everything but the ids of containers and the
 * names of files is known when it is made.
 * @module
 */
import type { Flag } from "../flags.ts";
import { type Fill, flagFill, parseOperands, type Vocabulary, withHelp } from "./operands.ts";

/** A word that the shell takes as it is. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Names of a flag as `--name` and `-n`. */
function namesOf({ name, short }: Flag): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

/** A kind for the script's function `_tsrun_fill`: its name, or `=` and words. */
function kindOf(fill: Fill): string {
  return typeof fill === "string" ? fill : `=${fill.join(" ")}`;
}

/** Cases of the script that tell the kind of a flag's value. @param command Empty for the global flags. */
function valueCases(command: string, flags: readonly Flag[]): string[] {
  return flags.flatMap((flag) => {
    const fill = flagFill(flag);
    if (fill === undefined) return [];
    const names = [flag.name, ...flag.short === undefined ? [] : [flag.short]];
    const patterns = names.map((name) => quoted(`${command} ${name}`)).join(" | ");
    return [`    ${patterns}) kind=${quoted(kindOf(fill))} ;;`];
  });
}

/** Cases of the script that tell the kind of an operand by its number. */
function operandCases({ commands }: Vocabulary): string[] {
  const words = `=${commands.map(({ name }) => name).join(" ")}`;
  const help = `    'help 1' | 'h 1') kind=${quoted(words)} ;;`;
  return [
    ...commands.flatMap(({ name, operands }) =>
      parseOperands(operands).map(({ fill, repeated }, i) => {
        const pattern = repeated ? `${quoted(`${name} `)}*` : quoted(`${name} ${i + 1}`);
        return `    ${pattern}) kind=${quoted(kindOf(fill))} ;;`;
      })
    ),
    help,
  ];
}

/** The script's function that walks over the words before the cursor. */
const WALK = [
  "_tsrun_walk() {",
  "  local i word",
  "  for ((i = 1; i < COMP_CWORD; i++)); do",
  "    word=${COMP_WORDS[i]}",
  "    if [[ $flag ]]; then",
  "      # bash takes --name=value apart, into three words.",
  "      [[ $word == = ]] && continue",
  '      [[ $flag == root && ! $command ]] && root=${word/#\\~\\//"$HOME/"}',
  "      flag=",
  "    elif [[ $plain ]]; then",
  "      ((++count))",
  "    elif [[ $word == = ]]; then",
  "      ((++i))",
  "    elif [[ $word == -- ]]; then",
  "      [[ $command ]] && plain=yes",
  "    elif [[ $word == -?* ]]; then",
  "      flag=${word#-} flag=${flag#-}",
  '      _tsrun_value "$command" "$flag" || flag=',
  "    elif [[ ! $command ]]; then",
  "      command=$word",
  "    else",
  "      ((++count))",
  '      _tsrun_stops "$command" && plain=yes',
  "    fi",
  "  done",
  "}",
];

/** The script's functions that offer words. */
function offers(root: string): string[] {
  return [
    "_tsrun_ids() {",
    "  local dir=$root path",
    "  if [[ ! $dir ]]; then",
    `    dir=${root}`,
    "    ((EUID)) && [[ ${XDG_RUNTIME_DIR-} ]] && dir=$XDG_RUNTIME_DIR/tsrun",
    "  fi",
    '  for path in "$dir"/*/state.json; do',
    "    [[ -e $path ]] || continue",
    "    path=${path%/state.json}",
    "    printf '%s\\n' \"${path##*/}\"",
    "  done",
    "}",
    "_tsrun_fill() {",
    "  case $kind in",
    '    =*) mapfile -t COMPREPLY < <(compgen -W "${kind#=}" -- "$cur") ;;',
    '    container) mapfile -t COMPREPLY < <(compgen -W "$(_tsrun_ids)" -- "$cur") ;;',
    '    signal) mapfile -t COMPREPLY < <(compgen -W "$_tsrun_signals" -- "$cur") ;;',
    "    directory)",
    "      compopt -o filenames 2>/dev/null",
    '      mapfile -t COMPREPLY < <(compgen -d -- "$cur")',
    "      ;;",
    "    file)",
    "      compopt -o filenames 2>/dev/null",
    '      mapfile -t COMPREPLY < <(compgen -f -- "$cur")',
    "      ;;",
    "  esac",
    "}",
  ];
}

/** The script's main function. */
const MAIN = [
  "_tsrun() {",
  "  local cur=${COMP_WORDS[COMP_CWORD]} command= flag= plain= root= kind= count=0",
  "  COMPREPLY=()",
  "  _tsrun_walk",
  "  if [[ $flag ]]; then",
  "    [[ $cur == = ]] && cur=",
  '    _tsrun_value "$command" "$flag"',
  "  elif [[ $cur == -* && ! $plain ]]; then",
  '    kind="=$(_tsrun_flags "$command")"',
  "  elif [[ ! $command ]]; then",
  '    kind="=$_tsrun_commands"',
  "  else",
  '    _tsrun_operand "$command" $((count + 1))',
  "  fi",
  "  _tsrun_fill",
  "}",
  "complete -F _tsrun tsrun",
];

/** The script. */
export function bashCompletion(vocabulary: Vocabulary): string {
  const { globals, commands, root, signals } = vocabulary;
  const tables: [string, readonly Flag[]][] = [
    ["", globals],
    ...commands.map(({ name, flags }) => [name, flags] as [string, readonly Flag[]]),
  ];
  const stops = commands.filter(({ stopAtOperand }) => stopAtOperand).map(({ name }) => quoted(name));
  const lines = [
    "# Completion of tsrun for bash, made by `tsrun completion bash`.",
    `_tsrun_commands=${quoted([...commands.map(({ name }) => name), "help"].join(" "))}`,
    `_tsrun_signals=${quoted(signals.join(" "))}`,
    "_tsrun_flags() {",
    "  case $1 in",
    ...tables.map(([name, flags]) =>
      `    ${quoted(name)}) echo ${quoted(withHelp(flags).flatMap(namesOf).join(" "))} ;;`
    ),
    "  esac",
    "}",
    "# The kind of a flag's value; fails for a flag that has none.",
    "_tsrun_value() {",
    "  kind=",
    '  case "$1 $2" in',
    ...tables.flatMap(([name, flags]) => valueCases(name, flags)),
    "  esac",
    "  [[ $kind ]]",
    "}",
    "# Whether everything behind the first operand is an operand.",
    "_tsrun_stops() {",
    `  case $1 in ${[...stops, "help", "h"].join(" | ")}) true ;; *) false ;; esac`,
    "}",
    "_tsrun_operand() {",
    "  kind=",
    '  case "$1 $2" in',
    ...operandCases(vocabulary),
    "  esac",
    "}",
    ...WALK,
    ...offers(root),
    ...MAIN,
  ];
  return lines.join("\n") + "\n";
}
