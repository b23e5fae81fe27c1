/** `tsrun completion`: scripts by which shells complete command lines of tsrun. */
import { writeText } from "../../host/log.ts";
import type { Command, Context } from "../command.ts";
import { completionScript } from "../completion/shells.ts";
import { UsageError } from "../flags.ts";
import { chosenFormat, FORMAT } from "../format_flag.ts";

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
  flags: [FORMAT],
  async run({ flags, args: [shell], commands }: Context): Promise<number> {
    const format = chosenFormat(flags);
    const script = completionScript(shell, await commands());
    if (script === undefined) {
      throw new UsageError(`no completion for shell ${JSON.stringify(shell)}: want bash, zsh or fish`);
    }
    writeText(Deno.stdout, format === "json" ? JSON.stringify({ shell, script }) + "\n" : script);
    return 0;
  },
};
