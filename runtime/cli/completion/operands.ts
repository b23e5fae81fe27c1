/**
 * The operands of a command as its usage line names them, for completion in shells and for man pages.
 *
 * A word in the marks `<>` or `[]` (which may be left out), or in capitals, is the name of an operand; names
 * such as `container-id`, `signal`, `file` and `directory` say what can stand there. Words with bars between
 * them are the values themselves, and so is any other word. Three dots let an operand be repeated.
 * @module
 */
import type { Command } from "../command.ts";
import type { Flag } from "../flags.ts";

/** What can stand in a place of the command line: words of a list, or one of these kinds. */
export type Fill = "container" | "signal" | "file" | "directory" | "text" | readonly string[];

/** One operand. */
export interface Operand {
  name: string;
  fill: Fill;
  optional: boolean;
  repeated: boolean;
}

/** Names of operands that say what they are; any other is text. */
const KINDS: readonly [RegExp, Fill][] = [
  [/^(container-)?id$/, "container"],
  [/^signal$/, "signal"],
  [/^(dir|directory|bundle)$/, "directory"],
  [/^(.*-)?(file|path)$/, "file"],
];

/**
 * Reads the operands in a usage line.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { parseOperands } from "./operands.ts";
 * assertEquals(parseOperands("add|remove <container-id> [file...]"), [
 *   { name: "add|remove", fill: ["add", "remove"], optional: false, repeated: false },
 *   { name: "container-id", fill: "container", optional: false, repeated: false },
 *   { name: "file", fill: "file", optional: true, repeated: true },
 * ]);
 * assertEquals(parseOperands("[program [argument...]]"), parseOperands("[program] [argument...]"));
 * ```
 */
export function parseOperands(usage: string): Operand[] {
  // One pair of brackets within another says the same as the two in a row.
  const flat = usage.replace(/\[([^\s\]]+) (?=\[)/g, "[$1] ").replaceAll("]]", "]");
  return [...flat.matchAll(/(<[^>]*>|\[[^\]]*\]|[^\s[<]+)(\.{3})?/g)].map(([, word, dots]) => {
    const inner = word.replace(/^[<[]+|[>\]]+$/g, "");
    const name = inner.replace(/\.{3}$/, "").toLowerCase();
    const marked = inner !== word || /^[A-Z]/.test(word);
    const values = name.includes("|") || !marked ? name.split("|") : undefined;
    const fill = values ?? KINDS.find(([pattern]) => pattern.test(name))?.[1] ?? "text";
    return {
      name,
      fill,
      optional: word.startsWith("["),
      repeated: dots !== undefined || name !== inner.toLowerCase(),
    };
  });
}

/** What the value of a flag can be; undefined of a switch, which has none. */
export function flagFill({ kind, values }: Flag): Fill | undefined {
  if (kind === "bool") return undefined;
  return values ?? "text";
}

/** The flags of a command with the one that all have. */
export function withHelp(flags: readonly Flag[]): readonly Flag[] {
  return [...flags, { name: "help", short: "h", kind: "bool", usage: "show help" }];
}

/** What completion offers: the flags before the command, and the commands. */
export interface Vocabulary {
  globals: readonly Flag[];
  commands: readonly Command[];
  /** State root of root's containers. */
  root: string;
  /** Names of signals. */
  signals: readonly string[];
}
