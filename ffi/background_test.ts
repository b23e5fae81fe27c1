import { assert, assertEquals } from "@std/assert";
import { inBackground } from "./background.ts";
import { local } from "./local.ts";

Deno.test("background: the event loop goes on while a call blocks", async () => {
  const k = local(), pipe = k.buffer(8), text = k.buffer(8);
  k.call("pipe2", [pipe, 0]);
  let ticks = 0;
  const timer = setInterval(() => ticks++ === 5 && k.call("write", [pipe.i32(4), "x", 1]), 5);
  assertEquals(await inBackground("read", [pipe.i32(0), text.address, 8]), 1);
  clearInterval(timer);
  assertEquals(text.text(), "x");
  assert(ticks > 5);
  for (const at of [0, 4]) k.close(pipe.i32(at));
});

Deno.test("background: a failure is minus one", async () => {
  assertEquals(await inBackground("close", [-1]), -1);
});

/** A script for a Deno of its own: the process that runs tests has set handlers already. */
const CAUGHT = `
const { inBackground } = await import("./background.ts"), { SignalRelay } = await import("./signal_relay.ts");
const { local } = await import("./local.ts");
const k = local(), relay = new SignalRelay(k), signals = [1, 2, 10, 15];
k.call("rt_sigaction", [2, [1, 0, 0, 0], null, 8]);
relay.catch(signals, false);
const second = k.buffer(16);
second.bytes[0] = 1;
await inBackground("ppoll", [0, 0, second.address, 0, 8]);
for (const signal of signals) k.kill(Deno.pid, signal);
await inBackground("ppoll", [0, 0, second.address, 0, 8]);
console.log(...relay.take().toSorted((a, b) => a - b), "ignored", ...relay.ignored);
Deno.exit();
`;

Deno.test("background: signals that are caught stay caught, though Deno wants some of them after half a second", () => {
  const cwd = new URL(".", import.meta.url).pathname;
  const { stdout, stderr } = new Deno.Command(Deno.execPath(), { args: ["eval", CAUGHT], cwd }).outputSync();
  const text = new TextDecoder();
  assertEquals([text.decode(stdout), text.decode(stderr)], ["1 2 10 15 ignored 2\n", ""]);
});
