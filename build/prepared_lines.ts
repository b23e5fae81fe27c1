/**
 * The command lines that the entry knows (prepared_x86_64.s): those that containerd, dockerd, podman, CRI-O
 * and buildah send. It compares words with the rows of three lists, and takes any other line to the engine.
 * @module
 */
import { SLOTS } from "../ffi/prepared.ts";
import { DEFAULT_ROOT } from "../runtime/cli/globals.ts";
import { SIGNALS, SIGRTMAX } from "../spec/signals.ts";

/** One row: a text that a word begins with, and what to do then. */
export interface PreparedRow {
  /**
   * A text that ends in a NUL is all of a word, or, as words lie one behind the other, of two. What follows
   * is its value.
   */
  text: string;
  /** How many words it is, its value among them. */
  skip: number;
  /** Where the address of the value goes; of a signal its number. */
  slot: number;
}

/** The root of a line without `--root`. */
export const USUAL_ROOT = DEFAULT_ROOT;

/** Variables with which the engine decides, and the one by which the usual root depends on more than that. */
const VARIABLES: readonly PreparedRow[] = [
  ...["TSRUN_PREPARED=", "TSRUN_TRACE=", "NOTIFY_SOCKET="].map((text) => ({
    text,
    skip: 1,
    slot: SLOTS.none,
  })),
  { text: "XDG_RUNTIME_DIR=", skip: 1, slot: SLOTS.runtimeDir },
];

/** `--name value` and `--name=value`. */
function flag(name: string, slot: number): PreparedRow[] {
  return [{ text: `${name}\0`, skip: 2, slot }, { text: `${name}=`, skip: 1, slot }];
}

/** Words that are whole. */
function words(slot: number, ...words: string[]): PreparedRow {
  return { text: words.join("\0") + "\0", skip: words.length, slot };
}

/** Global flags, and commands with their flags. */
const WORDS: readonly PreparedRow[] = [
  ...flag("--root", SLOTS.root),
  ...flag("--log", SLOTS.log),
  ...["text", "json"].flatMap((format) => [
    words(SLOTS.none, "--log-format", format),
    words(SLOTS.none, `--log-format=${format}`),
  ]),
  // It matters to `delete` of a container only that has no record.
  words(SLOTS.none, "--systemd-cgroup"),
  words(SLOTS.start, "start"),
  words(SLOTS.kill, "kill"),
  words(SLOTS.state, "state"),
  words(SLOTS.delete, "delete", "--force"),
  words(SLOTS.delete, "delete", "-f"),
  words(SLOTS.delete, "delete"),
];

/** Signals by number and by name; rarer forms are the engine's. */
function signals(): PreparedRow[] {
  const numbers = Array.from({ length: SIGRTMAX + 1 }, (_, number) => words(number, String(number)));
  const names = Object.entries(SIGNALS).flatMap(([name, number]) => [
    words(number, name),
    words(number, `SIG${name}`),
  ]);
  return [...numbers, ...names];
}

/** The lists: variables, words up to the command, signals. */
export function preparedLists(): readonly (readonly PreparedRow[])[] {
  return [VARIABLES, WORDS, signals()];
}
