import { assertEquals } from "@std/assert";
import { local } from "../ffi/local.ts";
import { endOfChild } from "../ffi/wait.ts";
import { readText, until } from "../tests/lib/process.ts";
import { endBySignals } from "./ending_signals.ts";
import { Arena, spawnExecutor } from "./executor.ts";

/** By signal(7): what has another default action than to end, and what takes no handler. */
const OTHERS = [9, 17, 18, 19, 20, 21, 22, 23, 28];
const ENDING = Array.from({ length: 64 }, (_, index) => index + 1).filter((signal) =>
  !OTHERS.includes(signal)
);

/** The signals that a process has a handler for. */
function caught(pid: number): number[] {
  const mask = BigInt("0x" + /^SigCgt:\s*(\w+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]);
  return Array.from({ length: 64 }, (_, bit) => bit + 1).filter((signal) => mask >> BigInt(signal - 1) & 1n);
}

Deno.test("ending signals: the status is 128 and the signal", () => {
  using arena = new Arena(local(), 0);
  for (const signal of ENDING) {
    using executor = spawnExecutor(arena);
    endBySignals(executor.kernel, arena.fd);
    executor.kernel.flush();
    local().kill(executor.pid, signal);
    assertEquals(endOfChild(local(), executor.pid), `exit status ${128 + signal}`);
  }
});

Deno.test("ending signals: those that end a process by default, and no others, until execve", async () => {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  endBySignals(executor.kernel, arena.fd);
  executor.kernel.flush();
  assertEquals(caught(executor.pid), ENDING);
  executor.kernel.call("execve", ["/bin/sleep", ["sleep", "100"], []]);
  executor.kernel.kick();
  await until("the program", () => readText(`/proc/${executor.pid}/comm`) === "sleep\n");
  assertEquals(caught(executor.pid), []);
});
