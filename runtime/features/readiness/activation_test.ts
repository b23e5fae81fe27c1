import { assertEquals } from "@std/assert";
import { listenDescriptors, withListenDescriptors } from "./activation.ts";

const count = (env: Record<string, string>) => listenDescriptors((name) => env[name], 42);

Deno.test("sockets count when they were opened for this process", () => {
  assertEquals(count({ LISTEN_FDS: "3", LISTEN_PID: "42" }), 3);
  assertEquals(count({ LISTEN_FDS: "3", LISTEN_PID: "41" }), 0);
  assertEquals(count({ LISTEN_FDS: "3" }), 0);
  assertEquals(count({}), 0);
});

Deno.test("a count that is none is none", () => {
  for (const nonsense of ["", "-1", "many", "1e3", " 3"]) {
    assertEquals(count({ LISTEN_FDS: nonsense, LISTEN_PID: "42" }), 0, nonsense);
  }
});

Deno.test("the container's process is told of its sockets", () => {
  assertEquals(withListenDescriptors(["A=b"], 2), ["A=b", "LISTEN_FDS=2", "LISTEN_PID=1"]);
  assertEquals(withListenDescriptors(["A=b"], 0), ["A=b"]);
  assertEquals(withListenDescriptors(undefined, 1), ["LISTEN_FDS=1", "LISTEN_PID=1"]);
});
