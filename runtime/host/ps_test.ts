import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { selectRows } from "./ps.ts";

const TEXT = "USER       PID COMMAND\nroot         7 a 9\nroot         9 b\nroot        70 c\n";

Deno.test("ps: the header, and the rows of the container's processes", () => {
  assertEquals(selectRows(TEXT, [7, 70]), "USER       PID COMMAND\nroot         7 a 9\nroot        70 c\n");
  assertEquals(selectRows(TEXT, []), "USER       PID COMMAND\n");
});

Deno.test("ps: without a PID column there is no telling", () => {
  assertThrows(() => selectRows("COMMAND\na\n", [7]), RuntimeError, "couldn't find PID field in ps output");
});
