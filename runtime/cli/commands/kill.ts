/** `tsrun kill`: send a signal. */
import type { Command, Context } from "../command.ts";
import { signalNumber } from "../../../spec/signals.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { effectiveSignal, killContainer } from "../../container/kill.ts";
import { readState } from "../../container/record.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "kill",
  usage: "send a signal to the process of a container (default: SIGTERM)",
  operands: "<container-id> [signal]",
  description:
    "Sends a signal, given as a number from 0 to 64 or as a name such as KILL, SIGKILL or RTMIN+1. SIGKILL\n" +
    "ends all processes of the container, also of one without a PID namespace of its own.",
  minArgs: 1,
  maxArgs: 2,
  flags: [{
    name: "all",
    short: "a",
    kind: "bool",
    usage: "send it to every process of the container, if there is any",
  }],
  async run({ global, flags, args: [id, text = "TERM"] }: Context): Promise<number> {
    const state = readState(global.root, id);
    // `-9` and `-KILL` mean the same as for kill(1).
    const signal = signalNumber(text.replace(/^-/, ""));
    if (signal === undefined) {
      throw new RuntimeError("EINVAL_SIGNAL", `unknown signal ${JSON.stringify(text)}`);
    }
    await killContainer(local(), state, effectiveSignal(global.root, state, signal), flags.bool("all"));
    return 0;
  },
};
