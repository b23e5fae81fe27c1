/** An agent that answers seccomp notifications: seccomp_unotify(2). */
import { POLLIN } from "../../ffi/constants.ts";
import { ENOENT } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { words32 } from "../../ffi/structs.ts";
import { sleep } from "./process.ts";
import { UnixListener } from "./unix_listener.ts";

/** _IOWR('!', 0, struct seccomp_notif) and _IOWR('!', 1, struct seccomp_notif_resp), and their sizes. */
const RECEIVE = 0xc0502100, SEND = 0xc0182101, NOTIFICATION = 80, ANSWER = 24;
const CONTINUE = 1;

/** A system call that waits for its answer. */
export interface Question {
  /** Pid as the agent sees it. */
  pid: number;
  /** Number of the system call. */
  call: number;
}

/** An answer: a positive errno that the call fails with, or that the kernel is to go on with it. */
export type Answer = number | "continue";

/** Takes one listener after the other, and answers what is asked through them, until it is disposed of. */
export class SeccompAgent implements AsyncDisposable {
  /** What came with each listener, as it was sent. */
  readonly received: Record<string, unknown>[] = [];
  readonly questions: Question[] = [];
  readonly #socket: UnixListener;
  readonly #listeners: number[] = [];
  readonly #loop: Promise<void>;
  #ended = false;

  /** @param path Where its socket is made. @param answer Decides each question. */
  constructor(path: string, readonly answer: (question: Question) => Answer) {
    this.#socket = new UnixListener(path);
    this.#loop = this.#serve();
  }

  async #serve(): Promise<void> {
    while (!this.#ended) {
      const message = this.#socket.poll();
      if (message) {
        this.received.push({ ...JSON.parse(message.text), descriptors: message.fds.length });
        this.#listeners.push(...message.fds);
      }
      for (const listener of this.#listeners) while (this.#reply(listener));
      await sleep(2);
    }
  }

  /** Answers one question, if there is any. */
  #reply(listener: number): boolean {
    const k = local();
    return k.scratch(() => {
      const poll = k.buffer(8);
      poll.bytes.set(words32(listener, POLLIN));
      k.call("ppoll", [poll, 1, [0, 0], null, 8]);
      if (!((poll.u32(4) >> 16) & POLLIN)) return false;
      const notification = k.buffer(NOTIFICATION), answer = k.buffer(ANSWER);
      // The process that asked may have been killed meanwhile: ENOENT.
      if (k.call("ioctl", [listener, RECEIVE, notification], { allow: [ENOENT] }).wait() < 0) return false;
      const question = { pid: notification.u32(8), call: notification.u32(16) };
      this.questions.push(question);
      const verdict = this.answer(question);
      answer.bytes.set(notification.bytes.subarray(0, 8));
      answer.bytes.set(verdict === "continue" ? words32(0, CONTINUE) : words32(-verdict, 0), 16);
      k.call("ioctl", [listener, SEND, answer], { allow: [ENOENT] });
      return true;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#loop;
    this.#socket[Symbol.dispose]();
    for (const listener of this.#listeners) local().close(listener);
  }
}
