/**
 * The program of the prepared commands (ffi/prepared.ts): one beginning, and what each command does. It is
 * made when tsrun is built.
 * @module
 */

import { PreparedKernel } from "../../ffi/prepared_kernel.ts";
import { Label } from "../../ffi/recorder.ts";
import { recordGreeting } from "./common.ts";
import { recordPreparedDelete } from "./delete.ts";
import { recordPreparedKill } from "./kill.ts";
import { recordPreparedStart } from "./start.ts";
import { recordPreparedState } from "./state.ts";

const COMMANDS = {
  start: recordPreparedStart,
  kill: recordPreparedKill,
  state: recordPreparedState,
  delete: recordPreparedDelete,
} as const;

/** The program for an architecture. */
export function preparedProgram(arch: "x86_64" | "aarch64"): Uint8Array<ArrayBuffer> {
  const k = new PreparedKernel(arch);
  recordGreeting(k);
  const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
  const labels = names.map((name) => {
    const label = new Label();
    k.branch(k.slot(name), { onPositive: label });
    return label;
  });
  k.stop();
  names.forEach((name, i) => {
    const prepared = new Label();
    k.place(labels[i]);
    k.branch(k.word(name), { onPositive: prepared });
    k.stop();
    k.place(prepared);
    COMMANDS[name](k);
  });
  return k.finish();
}
