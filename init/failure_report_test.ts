import { assertEquals } from "@std/assert";
import { DryKernel } from "../ffi/dry.ts";
import { decodeFailureReports, FailureReports } from "./failure_report.ts";

const word = (value: number, size = 8) => {
  const bytes = new Uint8Array(size);
  new DataView(bytes.buffer).setBigInt64(0, BigInt(value), true);
  return bytes;
};
const text = (content: string) => new TextEncoder().encode(content.padEnd(17));

Deno.test("decodeFailureReports: a pid alone is success", () => {
  assertEquals(decodeFailureReports([word(4711, 16)]), { pid: 4711, failure: undefined });
  assertEquals(decodeFailureReports([]), { pid: 0, failure: undefined });
});

Deno.test("decodeFailureReports: a failure, whenever the pid comes", () => {
  const failure = "exec /x: permission denied";
  for (const at of [0, 1, 2]) {
    const messages = [word(-13), text("exec /x")];
    messages.splice(at, 0, word(4711, 16));
    assertEquals(decodeFailureReports(messages), { pid: 4711, failure });
  }
});

Deno.test("FailureReports: each guarded step has a report, and an end of its own", () => {
  const kernel = new DryKernel();
  const reports = new FailureReports(kernel, 9);
  reports.guard("the first thing", (onError) => kernel.call("setsid", [], { onError }));
  reports.guard("the second thing", (onError) => kernel.call("getpid", [], { onError }));
  reports.record();
  const names = kernel.calls.map(({ name }) => name);
  const end = ["write", "write", "exit_group", "branch"];
  assertEquals<string[]>(names, ["setsid", "getpid", ...end, ...end]);
});
