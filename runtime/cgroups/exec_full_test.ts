import { assertEquals } from "@std/assert";
import { entryOfFull } from "./exec_full.ts";

Deno.test("full cgroup: on v1 the process itself enters where processes are counted, and nothing else", () => {
  const paths = { memory: "/m/x", pids: "/p/x", unified: "/u/x" };
  assertEquals(entryOfFull(paths), { tasks: ["/m/x/tasks"], cloneInto: "/u/x", enter: "/p/x/tasks" });
});

Deno.test("full cgroup: on v2 there is one to enter", () => {
  assertEquals(entryOfFull({ unified: "/u/x" }), { tasks: [], cloneInto: null, enter: "/u/x/cgroup.procs" });
});

Deno.test("full cgroup: without one that counts there is no other way", () => {
  assertEquals(entryOfFull({ memory: "/m/x" }), undefined);
  assertEquals(entryOfFull({}), undefined);
});
