/**
 * The shells that there is completion for.
 * @module
 */
import { SIGNALS } from "../../../spec/signals.ts";
import type { Command } from "../command.ts";
import { DEFAULT_ROOT, GLOBAL_FLAGS } from "../globals.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import type { Vocabulary } from "./operands.ts";
import { zshCompletion } from "./zsh.ts";

/** Makes the script of each shell. */
const SCRIPTS: Readonly<Record<string, (vocabulary: Vocabulary) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The script for a shell; undefined for one that is not known. @param commands All of them. */
export function completionScript(shell: string, commands: readonly Command[]): string | undefined {
  if (!Object.hasOwn(SCRIPTS, shell)) return undefined;
  return SCRIPTS[shell]({
    globals: GLOBAL_FLAGS,
    commands,
    root: DEFAULT_ROOT,
    signals: Object.keys(SIGNALS),
  });
}
