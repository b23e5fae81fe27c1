import { assertEquals } from "@std/assert";
import { EBUSY, EPERM } from "../../ffi/errno.ts";
import { cgroupOfInit, entryOf } from "./entry.ts";

Deno.test("entryOf: each v1 directory once, the v2 one for the clone", () => {
  assertEquals(entryOf({ cpu: "/cg/cpu/c", cpuacct: "/cg/cpu/c", unified: "/cg/unified/c" }), {
    tasks: ["/cg/cpu/c/tasks"],
    cloneInto: "/cg/unified/c",
  });
  assertEquals(entryOf({ pids: "/p" }), { tasks: ["/p/tasks"], cloneInto: null });
});

Deno.test("cgroupOfInit: only for refusals, and only where another cgroup can be seen", () => {
  const recorded = "/nonexistent/tsrun/c";
  assertEquals(cgroupOfInit(recorded, Deno.pid, EPERM), undefined);
  assertEquals(cgroupOfInit(recorded, Deno.pid, EBUSY), undefined);
});
