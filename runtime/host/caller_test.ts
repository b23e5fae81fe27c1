import { assertEquals } from "@std/assert";
import { callerEnvironment, callerVariable, withoutPrefix } from "./caller.ts";

Deno.test("caller's environment: what has the prefix, without it", () => {
  const env = { DENO_DIR: "/c", HOME: "/proc", "tsrun:HOME": "/root", "tsrun:DENO_DIR": "/d", "tsrun:": "" };
  assertEquals(withoutPrefix(env), { HOME: "/root", DENO_DIR: "/d", "": "" });
});

Deno.test("caller's environment: run from its sources tsrun has the variables themselves", () => {
  assertEquals(callerVariable("PATH"), Deno.env.get("PATH"));
  assertEquals(callerEnvironment(), Deno.env.toObject());
});
