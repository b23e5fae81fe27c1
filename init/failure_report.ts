/**
 * What a program of records says when one of its steps fails and no tsrun drives it any more.
 *
 * A report is an errno, negative, as a 64-bit word, and the text of what was being done. It goes to a descriptor that
 * closes on exec: nothing but an end of file means that execve(2) has succeeded. init/start_report.ts reads it.
 * @module
 */

import { AddressOf, type Fd, type Result } from "../ffi/kernel.ts";
import { Label, type Recorder } from "../ffi/recorder.ts";

/** Steps that report their failure and end the process. */
export class FailureReports {
  readonly #steps: { label: Label; text: string; result: Result }[] = [];

  /** @param fd Where reports are written. */
  constructor(readonly k: Recorder, readonly fd: Fd) {}

  /**
   * Records a step that ends the process when it fails.
   *
   * @param text What it does, for the report.
   * @param step Records one call that leads to the label on an error; its result is what is reported.
   */
  guard(text: string, step: (onError: Label) => Result): Result {
    const label = new Label();
    const result = step(label);
    this.#steps.push({ label, text, result });
    return result;
  }

  /** Records what the guarded steps lead to. To be called behind the last record of the program proper. */
  record(): void {
    for (const { label, text, result } of this.#steps) {
      const bytes = new TextEncoder().encode(text);
      this.k.place(label);
      this.k.call("write", [this.fd, new AddressOf(result), 8], { allow: "any" });
      this.k.call("write", [this.fd, bytes, bytes.length], { allow: "any" });
      endProcess(this.k);
    }
  }
}

/** Ends the process, whatever its filter says: without exit_group(2) it reads a record where there is no memory. */
function endProcess(k: Recorder): void {
  k.call("exit_group", [1], { allow: "any" });
  const nowhere = new Label();
  nowhere.address = 8;
  k.jump(nowhere);
}
