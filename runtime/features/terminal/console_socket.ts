/**
 * Terminals of processes after which tsrun leaves: the pty's master goes to the caller's console socket.
 *
 * Source: runc's docs/terminals.md (section "detached"): one message over an AF_UNIX stream, its data the
 * name of the terminal, with one descriptor.
 * @module
 */

import type { Result } from "../../../ffi/kernel.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import { bindConsole, openPty, TAKE_TERMINAL_CALLS, takeTerminal } from "../../../init/console.ts";
import { fetchDescriptor } from "../../../init/hand_over.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest } from "../feature.ts";
import { copySize, leaveNewlinesAlone, STANDARD } from "./modes.ts";
import { sendDescriptors } from "../../host/unix_socket.ts";

/** The name that is sent with a master: as in runc, the file that it was opened by. */
const MASTER_NAME = "/dev/ptmx";

/** Where a process's terminal goes. */
export interface TerminalRequest {
  /** `process.terminal`. */
  terminal: boolean | undefined;
  /** Absolute path given by `--console-socket`. */
  consoleSocket?: string;
  /** Takes the master in a foreground command; absent where tsrun leaves. */
  takeMaster?: (master: number) => void;
}

/**
 * Refuses a terminal that nothing would take, and a socket that nothing would be sent to.
 *
 * @throws {RuntimeError} In runc's words.
 */
export function checkTerminal({ terminal, consoleSocket, takeMaster }: TerminalRequest): void {
  const detach = takeMaster === undefined;
  if (detach && terminal && consoleSocket === undefined) {
    throw new RuntimeError(
      "EINVAL_CONSOLE_SOCKET",
      "cannot allocate tty if tsrun will detach without setting console socket",
    );
  }
  if (consoleSocket !== undefined && (!detach || !terminal)) {
    throw new RuntimeError(
      "EINVAL_CONSOLE_SOCKET",
      "cannot use console socket if tsrun will not detach or allocate tty",
    );
  }
}

/**
 * Delivers the master: over the console socket, after which it is closed here, or directly. In the second
 * case the pty gets the size of the caller's terminal, where there is one.
 *
 * @param master A descriptor of this process.
 * @throws {OperationError} `dial unix <path>: <reason>`
 */
export function deliverMaster(
  k: LocalKernel,
  master: number,
  { consoleSocket, takeMaster }: Omit<TerminalRequest, "terminal">,
): void {
  if (consoleSocket === undefined) {
    // This is set before a process can see the terminal.
    leaveNewlinesAlone(k, master);
    copySize(k, STANDARD, master);
    return takeMaster!(master);
  }
  try {
    sendDescriptors(k, consoleSocket, MASTER_NAME, [master]);
  } finally {
    k.close(master);
  }
}

/**
 * The terminal of a container's init, which leads a session of its own.
 *
 * @throws {RuntimeError} As {@linkcode checkTerminal}.
 */
export function forCreate({ process, ...request }: CreateRequest): CreateFeature {
  checkTerminal({ ...request, terminal: process.terminal });
  if (!process.terminal) return { polls: true };
  return {
    steps: ({ k: host, init }) => ({
      terminal({ k, root, plan }) {
        const { master, slave } = openPty(k, root, process.user.uid, process.consoleSize);
        deliverMaster(host, fetchDescriptor(host, init, master), request);
        // A master that stayed open in the container would keep the terminal from ever hanging up.
        k.close(master);
        if (plan.mountable) bindConsole(k, root, slave);
        takeTerminal(k, slave);
      },
    }),
    polls: true,
  };
}

/**
 * The terminal of one more process of a container. The joiner opens it, with all rights and in the
 * container's mount namespace. The process takes it when it is the leader of a session.
 *
 * @throws {RuntimeError} As {@linkcode checkTerminal}.
 */
export function forExec({ process, ...request }: ExecRequest): ExecFeature {
  checkTerminal({ ...request, terminal: process.terminal });
  if (!process.terminal) return {};
  return {
    steps({ k: host, joiner }) {
      let slave: Result;
      return {
        host: ({ calls }) => void calls.push(...TAKE_TERMINAL_CALLS),
        terminal({ k, root }) {
          const pty = openPty(k, root, process.user.uid, process.consoleSize);
          deliverMaster(host, fetchDescriptor(host, joiner, pty.master), request);
          k.close(pty.master);
          slave = pty.slave;
        },
        "own terminal": ({ k, reports }) =>
          takeTerminal(k, slave, (doing, step) => reports.guard(doing, step)),
      };
    },
  };
}
