import { assertEquals } from "@std/assert";
import { CACHE_VARIABLE, callersEnvironment, LAUNCHER_VARIABLES, SAVED_HOME } from "./launcher.ts";

Deno.test("callersEnvironment: takes away what the launcher set and restores HOME", () => {
  const env = { ...LAUNCHER_VARIABLES, [CACHE_VARIABLE]: "/c", [SAVED_HOME]: "/root", PATH: "/bin" };
  assertEquals(callersEnvironment(env), { HOME: "/root", PATH: "/bin" });
});

Deno.test("callersEnvironment: no HOME stays no HOME", () => {
  assertEquals(callersEnvironment({ ...LAUNCHER_VARIABLES, [SAVED_HOME]: "" }), {});
});

Deno.test("callersEnvironment: without a launcher nothing is touched", () => {
  const env = { DENO_DIR: "/d", HOME: "/proc" };
  assertEquals(callersEnvironment(env), env);
});
