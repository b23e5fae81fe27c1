/**
 * A bus for unit tests, which says what a test has written for it.
 * @module
 */
import type { Value } from "./value.ts";

/** What the bus does about a call. */
export type Act =
  | { reply: [signature: string, body: readonly Value[]] }
  | { error: [name: string, text: string] }
  /** Answers with a job, which ends so; `""`: which does not end. */
  | { job: string }
  | { raw: Uint8Array }
  | { close: true }
  | { silence: true };

/** What the bus says. */
export interface Script {
  path: string;
  /** Answers to lines of the authentication; to others it says nothing. */
  auth: Record<string, string>;
  /**
   * By name of the method, one after the other; the last one stays. Others are answered with nothing in it.
   */
  answers: Record<string, Act[]>;
}

/** A call as it came in. */
export interface SeenCall {
  member: string;
  path: string;
  body: Value[];
}

/** Lines by which a client is let in, as by dbus-daemon. */
export const WELCOME = { "AUTH EXTERNAL": "DATA\r\n", DATA: "OK 00112233445566778899aabbccddeeff\r\n" };

/** A bus that runs. */
export class FakeBus implements Disposable {
  readonly calls: SeenCall[] = [];
  readonly lines: string[] = [];
  readonly path: string;
  readonly #directory: string;
  readonly #worker: Worker;

  private constructor(directory: string) {
    this.#directory = directory;
    this.path = `${directory}/bus`;
    this.#worker = new Worker(new URL("./fake_worker_testing.ts", import.meta.url), { type: "module" });
  }

  /** Starts a bus that listens on a socket in a directory of its own. */
  static async start(answers: Script["answers"], auth: Script["auth"] = WELCOME): Promise<FakeBus> {
    const bus = new FakeBus(Deno.makeTempDirSync());
    const script: Script = { path: bus.path, auth, answers };
    await new Promise<void>((resolve) => {
      bus.#worker.onmessage = ({ data }) => {
        if (data === "ready") resolve();
        else if ("line" in data) bus.lines.push(data.line);
        else bus.calls.push(data);
      };
      bus.#worker.postMessage(script);
    });
    return bus;
  }

  /**
   * Waits until the bus has told of so many calls, since the client keeps this thread from hearing of them.
   */
  async seen(count: number): Promise<SeenCall[]> {
    const deadline = performance.now() + 5000;
    while (this.calls.length < count && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.calls;
  }

  [Symbol.dispose](): void {
    this.#worker.terminate();
    Deno.removeSync(this.#directory, { recursive: true });
  }
}
