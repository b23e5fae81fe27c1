import { assertEquals, assertInstanceOf } from "@std/assert";
import { ENOENT } from "./errno.ts";
import { reasonOf, RuntimeError, TsrunError } from "./errors.ts";
import { OperationError } from "./kernel.ts";

Deno.test("errors: the reason alone, in lower case", () => {
  let caught: unknown;
  try {
    Deno.readTextFileSync("/nonexistent/file");
  } catch (error) {
    caught = error;
  }
  assertEquals(reasonOf(caught), "no such file or directory");
  assertEquals(reasonOf(new RuntimeError("as It is")), "as It is");
  assertEquals(reasonOf("text"), "text");
});

/** The parts of an error. */
const partsOf = ({ code, operation, object, reason, message }: TsrunError) => ({
  code,
  operation,
  object,
  reason,
  message,
});

Deno.test("error: says operation, object and reason in one line, or in the words that clients know", () => {
  const facts = { code: "EBUSY_CGROUP", operation: "remove the cgroup", object: '"/a"', reason: "busy" };
  assertEquals(partsOf(new TsrunError(facts)), { ...facts, message: 'remove the cgroup "/a": busy' });
  const { object: _, ...bare } = facts;
  assertEquals(partsOf(new TsrunError(bare)), { ...bare, object: "", message: "remove the cgroup: busy" });
  assertEquals(partsOf(new TsrunError({ ...facts, message: "own words" })).message, "own words");
});

Deno.test("error: a failed call has a code of its errno and its name, and says the step that it was part of", () => {
  const error = new OperationError("openat", ENOENT, '"/a"', "mount the root");
  assertInstanceOf(error, TsrunError);
  assertEquals(partsOf(error), {
    code: "ENOENT_OPENAT",
    operation: "mount the root",
    object: '"/a"',
    reason: "no such file or directory",
    message: 'mount the root: openat "/a": no such file or directory',
  });
  assertEquals(partsOf(new OperationError("setsid", 1, "", "")), {
    code: "EPERM_SETSID",
    operation: "setsid",
    object: "",
    reason: "operation not permitted",
    message: "setsid: operation not permitted",
  });
  assertEquals(new OperationError("clone3", 524, "", "").code, "ERRNO_524_CLONE3");
});

Deno.test("error: what one means to the user keeps its parts, its stack and its exit status", () => {
  const call = new OperationError("openat", ENOENT, '"/a"', "");
  const meaning = RuntimeError.from(call, "create failed");
  assertEquals(partsOf(meaning), { ...partsOf(call), message: "create failed" });
  assertEquals([meaning.stack, meaning.exitCode], [call.stack, 1]);
  assertEquals(RuntimeError.from(new RuntimeError("a", 255), "b").exitCode, 255);
  assertEquals(RuntimeError.from("a text", "b", 7).exitCode, 7);
});
