import { assertEquals } from "@std/assert";
import { reasonOf, RuntimeError } from "./errors.ts";

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
