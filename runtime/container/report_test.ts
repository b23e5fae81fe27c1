import { assertEquals } from "@std/assert";
import { describe, userNames } from "./report.ts";
import { sampleState } from "./record_testing.ts";

Deno.test("report: runc's fields in runc's order", () => {
  const state = sampleState("a", {
    pid: 5,
    annotations: { k: "v" },
    created: "2026-11-22T03:52:07.778119000Z",
  });
  assertEquals(
    JSON.stringify(describe(state, "running", "root")),
    '{"ociVersion":"1.3.0","id":"a","pid":5,"status":"running","bundle":"/b","rootfs":"/b/rootfs",' +
      '"created":"2026-11-22T03:52:07.778119000Z","annotations":{"k":"v"},"owner":"root"}',
  );
});

Deno.test("report: a stopped container has no pid, and no annotations are no field", () => {
  const report = JSON.parse(JSON.stringify(describe(sampleState("a", { pid: 5 }), "stopped", "")));
  assertEquals(report.pid, 0);
  assertEquals("annotations" in report, false);
});

Deno.test("report: the first name of a user id counts", () => {
  const names = userNames("root:x:0:0::/root:/bin/sh\n\ntoor:x:0:0::/:\nbroken\nnobody:x:65534:65534:::\n");
  assertEquals([...names], [[0, "root"], [65534, "nobody"]]);
});
