/**
 * What is installed beside the program and is the same on every machine: manual pages and completion.
 * @module
 */
import { allCommands } from "../runtime/cli/commands.ts";
import { completionScript } from "../runtime/cli/completion/shells.ts";
import { GLOBAL_FLAGS } from "../runtime/cli/globals.ts";
import { readEdition } from "./edition.ts";
import { manPages } from "./man/pages.ts";

/** Where shells look for completion, below a prefix. */
export const COMPLETION_FILES: Readonly<Record<"bash" | "zsh" | "fish", string>> = {
  bash: "share/bash-completion/completions/tsrun",
  zsh: "share/zsh/site-functions/_tsrun",
  fish: "share/fish/vendor_completions.d/tsrun.fish",
};

/** Texts by their paths below the prefix. */
export async function sharedFiles(): Promise<Map<string, string>> {
  const commands = await allCommands();
  const pages = manPages(commands, GLOBAL_FLAGS, readEdition());
  return new Map([
    ...[...pages].map(([name, text]) => [`share/man/man8/${name}`, text] as const),
    ...Object.entries(COMPLETION_FILES).map(([shell, path]) =>
      [path, completionScript(shell, commands)!] as const
    ),
  ]);
}
