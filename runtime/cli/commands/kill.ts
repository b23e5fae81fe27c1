/** `tsrun kill`: send a signal. */
import type { Command, Context } from "../command.ts";
import { signalNumber } from "../../../spec/signals.ts";
import { codeOf, RuntimeError } from "../../../ffi/errors.ts";
import { effectiveSignal, killContainer } from "../../container/kill.ts";
import { checkRoot } from "../../container/state_dir.ts";
import { readState } from "../../container/record.ts";
import { local } from "../../../ffi/local.ts";

export const command: Command = {
  name: "kill",
  usage: "send a signal to the process of a container (default: SIGTERM)",
  operands: "<container-id> [signal]",
  description:
    "Sends a signal, given as a number from 0 to 64 or as a name such as KILL, SIGKILL or RTMIN+1. SIGKILL\n" +
    "ends all processes of the container, also of one without a PID namespace of its own. With --regex, the\n" +
    "id is a regular expression: the signal goes to all containers that have it in their ids and have not\n" +
    "stopped, and the ids are printed.",
  minArgs: 1,
  maxArgs: 2,
  flags: [
    {
      name: "all",
      short: "a",
      kind: "bool",
      usage: "send it to every process of the container, if there is any",
    },
    {
      name: "regex",
      short: "r",
      kind: "bool",
      usage: "take the id for a regular expression, and all containers with a matching id",
    },
  ],
  async run({ global: { root }, flags, args: [id, text = "TERM"] }: Context): Promise<number> {
    const all = flags.bool("all");
    if (flags.bool("regex")) {
      const signal = parseSignal(text);
      await (await import("../matching.ts")).forMatching(
        root,
        id,
        (id) => killRunning(root, id, signal, all),
      );
      return 0;
    }
    // By the kernel, which the signal needs too: it takes less than Deno's first look at a file.
    checkRoot(root, local());
    const state = readState(root, id), signal = parseSignal(text);
    await killContainer(local(), state, effectiveSignal(root, state, signal), all);
    return 0;
  },
};

/** `-9` and `-KILL` mean the same as for kill(1). */
function parseSignal(text: string): number {
  const signal = signalNumber(text.replace(/^-/, ""));
  if (signal === undefined) throw new RuntimeError("EINVAL_SIGNAL", `unknown signal ${JSON.stringify(text)}`);
  return signal;
}

/** Signals a container, unless it has stopped. @returns Whether it did. */
async function killRunning(root: string, id: string, signal: number, all: boolean): Promise<boolean> {
  const state = readState(root, id);
  try {
    await killContainer(local(), state, effectiveSignal(root, state, signal), all);
    return true;
  } catch (error) {
    if (codeOf(error) === "ESRCH_CONTAINER") return false;
    throw error;
  }
}
