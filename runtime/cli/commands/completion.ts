/** `tsrun completion`: scripts by which shells complete command lines of tsrun. */
import { SIGNALS } from "../../../spec/signals.ts";
import { writeText } from "../../host/log.ts";
import type { Command, Context } from "../command.ts";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import type { Vocabulary } from "../completion/operands.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { UsageError } from "../flags.ts";
import { DEFAULT_ROOT, GLOBAL_FLAGS } from "../globals.ts";

/** Makes the script of each shell. */
const SHELLS: Readonly<Record<string, (vocabulary: Vocabulary) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

export const command: Command = {
  name: "completion",
  usage: "print a script by which a shell completes commands, flags and ids",
  operands: "bash|zsh|fish",
  description:
    "Prints a script for the shell. It knows all commands and flags, and offers the ids of the containers\n" +
    "under --root. `./x install` and the packages put it where shells look for it; to have it in one shell\n" +
    'only: eval "$(tsrun completion bash)", or with zsh behind compinit; in fish: tsrun completion fish | source.',
  minArgs: 1,
  maxArgs: 1,
  flags: [],
  async run({ args: [shell], commands }: Context): Promise<number> {
    if (!Object.hasOwn(SHELLS, shell)) {
      throw new UsageError(`no completion for shell ${JSON.stringify(shell)}: want bash, zsh or fish`);
    }
    const vocabulary: Vocabulary = {
      globals: GLOBAL_FLAGS,
      commands: await commands(),
      root: DEFAULT_ROOT,
      signals: Object.keys(SIGNALS),
    };
    writeText(Deno.stdout, SHELLS[shell](vocabulary));
    return 0;
  },
};
