import { assertEquals, assertInstanceOf } from "@std/assert";
import { ENOENT } from "./errno.ts";
import { lineOfError, ownError, reasonOf, RuntimeError, TsrunError } from "./errors.ts";
import { OperationError } from "./kernel.ts";

Deno.test("errors: the reason alone, in lower case", () => {
  let caught: unknown;
  try {
    Deno.readTextFileSync("/nonexistent/file");
  } catch (error) {
    caught = error;
  }
  assertEquals(reasonOf(caught), "no such file or directory");
  assertEquals(reasonOf(new RuntimeError("EIO_TEST", "as It is")), "as It is");
  assertEquals(reasonOf("text"), "text");
});

Deno.test("errors: what the host refused Deno is one of ours, with operation and object before the reason", () => {
  const caught = (work: () => void): unknown => {
    try {
      work();
    } catch (error) {
      return error;
    }
    return undefined;
  };
  const wanted = "no such file or directory";
  for (
    const [work, line] of [
      [() => Deno.readTextFileSync("/nowhere/a"), `read '/nowhere/a': ${wanted}`],
      [() => Deno.writeTextFileSync("/nowhere/a", ""), `write '/nowhere/a': ${wanted}`],
      [() => Deno.renameSync("/nowhere/a", "/b"), `rename '/nowhere/a' -> '/b': ${wanted}`],
      [() => Deno.realPathSync("/nowhere/a"), `realpath '/nowhere/a': ${wanted}`],
    ] as const
  ) {
    const error = ownError(caught(work));
    assertInstanceOf(error, RuntimeError);
    assertEquals((error as RuntimeError).message, line);
  }
  assertEquals(lineOfError(new Error("No space left on device (os error 28)")), "no space left on device");
  const mistake = new TypeError("x is not a function"), own = new RuntimeError("EIO_TEST", "y");
  assertEquals(ownError(mistake), mistake);
  assertEquals(ownError(own), own);
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
  const facts = {
    code: "EBUSY_CGROUP" as const,
    operation: "remove the cgroup",
    object: '"/a"',
    reason: "busy",
  };
  assertEquals(partsOf(new TsrunError(facts)), { ...facts, message: 'remove the cgroup "/a": busy' });
  const { object: _, ...bare } = facts;
  assertEquals(partsOf(new TsrunError(bare)), { ...bare, object: "", message: "remove the cgroup: busy" });
  assertEquals(partsOf(new TsrunError({ ...facts, message: "own words" })).message, "own words");
});

Deno.test("error: the object of a message is what it quotes, or a path in it", () => {
  const object = (message: string) => new RuntimeError("EIO_TEST", message).object;
  assertEquals(object("read /run/a/state.json: permission denied"), "/run/a/state.json");
  assertEquals(object('container "a" is busy: another command has worked on it'), '"a"');
  assertEquals(object('exec: "no \\"pe": executable file not found in $PATH'), '"no \\"pe"');
  assertEquals(object("container does not exist"), "");
  const parts = partsOf(new RuntimeError("EIO_TEST", 'mount "a" to "/b": busy'));
  assertEquals([parts.operation, parts.object, parts.reason], ['mount "a" to', '"/b"', "busy"]);
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
  assertEquals(RuntimeError.from(new RuntimeError("EIO_TEST", "a", 255), "b").exitCode, 255);
  assertEquals(RuntimeError.from("a text", "b", 7).exitCode, 7);
});
