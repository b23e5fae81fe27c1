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
