import { assertEquals, assertRejects } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { SignalRelay } from "../../ffi/signal_relay.ts";
import { RuntimeError, TsrunError } from "../../ffi/errors.ts";
import { Interrupts } from "./interrupts.ts";

const SIGHUP = 1, SIGUSR1 = 10, SIGTERM = 15;

/** Sends a signal to this process, and waits until the relay has it, on whichever thread it arrives. */
function send(relay: SignalRelay, signal: number): void {
  const before = relay.peek().length;
  local().kill(Deno.pid, signal);
  while (relay.peek().length === before);
}

Deno.test("a signal that ends a command is an error with the status of the signal", async () => {
  const relay = new SignalRelay(local());
  const interrupts = new Interrupts(local(), relay);
  assertEquals(await interrupts.during(() => "whole"), "whole");
  send(relay, SIGTERM);
  const error = await assertRejects(() => interrupts.during(() => "never"), RuntimeError);
  assertEquals([error.message, error.exitCode], ["interrupted by signal 15", 143]);
  assertEquals(relay.take(), [SIGTERM]);
  interrupts.release();
});

Deno.test("other signals, and those that the caller ignores, do not end it", async () => {
  const k = local();
  k.call("rt_sigaction", [SIGHUP, [1, 0, 0, 0], null, 8]);
  const relay = new SignalRelay(k);
  relay.catch([SIGUSR1], false);
  const interrupts = new Interrupts(k, relay);
  send(relay, SIGHUP);
  send(relay, SIGUSR1);
  assertEquals(await interrupts.during(() => "whole"), "whole");
  assertEquals(relay.take(), [SIGHUP, SIGUSR1]);
  interrupts.release();
  relay.release([SIGUSR1]);
  k.call("rt_sigaction", [SIGHUP, [0, 0, 0, 0], null, 8]);
});

Deno.test("a command of its own hears signals from its making on", async () => {
  const k = local();
  const interrupts = new Interrupts(k);
  assertEquals(await interrupts.during(() => "whole"), "whole");
  send(interrupts.relay, SIGTERM);
  await assertRejects(() => interrupts.during(() => "never"), RuntimeError, "interrupted by signal 15");
  interrupts.release();
});

Deno.test("a signal handler that cannot be set fails what is to come, and nothing that is over", async () => {
  const relay = new SignalRelay(local());
  const interrupts = new Interrupts(local(), relay);
  const refuse = () => {
    throw new TsrunError({ code: "ENOMEM_TEST", operation: "listen to signals", reason: "no memory" });
  };
  relay.catch = refuse;
  await assertRejects(() => interrupts.during(() => "never"), TsrunError, "no memory");
  assertEquals(local().interruption, undefined);
  // What follows is the removal of what has been made, or a container that is there.
  interrupts.disarm();
  interrupts.release();
});
