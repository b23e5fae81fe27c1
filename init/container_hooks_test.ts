import { assertEquals, assertThrows } from "@std/assert";
import { ENOENT } from "../ffi/errno.ts";
import type { Hooks } from "../spec/types.ts";
import { callsOf, type Script, scripted } from "../tests/lib/scripted.ts";
import { containerHooks } from "./container_hooks.ts";
import type { Setup } from "./setup_context.ts";

const SETTING = {
  output: () => ({}),
  state: (status: string, pid: number) => `${status} ${pid}`,
  runtimeEnv: () => ["R=1"],
};

/** Runs the steps of these hooks; what they share has the kernel, the rootfs and the environment only. */
function run(hooks: Hooks, script: Script = {}) {
  const k = scripted({ getpid: 1, ...script });
  const setup = { k, plan: { rootfs: "/r" }, env: ["C=1"], startHooks: undefined } as unknown as Setup;
  const steps = containerHooks(hooks, SETTING);
  steps["container hooks"]?.(setup);
  steps.start?.(setup);
  return { k, setup };
}

Deno.test("container hooks: createContainer has the runtime's environment, and its state the pid inside", () => {
  // A hook that has ended well: its exit status is all zeros.
  const siginfo: Script = {
    waitid: (_type, _id, info) => void ((info as { bytes: Uint8Array }).bytes[8] = 1),
  };
  const { k } = run({ createContainer: [{ path: "/h", args: ["h", "a"] }] }, siginfo);
  assertEquals(callsOf(k, "execve").map(({ args }) => args), [["/h", ["h", "a"], ["R=1"]]]);
  assertEquals(callsOf(k, "chdir").map(({ args }) => args), [["/r"]]);
  const [state] = callsOf(k, "write").map(({ args }) => args[1] as string);
  assertEquals(state, "creating 1");
});

Deno.test("container hooks: one that fails is told with its number", () => {
  assertThrows(
    () => run({ createContainer: [{ path: "/no" }] }, { execve: -ENOENT }),
    Error,
    "error running createContainer hook #0: fork/exec /no: no such file or directory",
  );
});

Deno.test("container hooks: startContainer is kept for the program, with the process's environment", () => {
  const hooks = [{ path: "/s" }];
  const { k, setup } = run({ startContainer: hooks });
  assertEquals(setup.startHooks, { hooks, setting: { state: "created 1", env: ["C=1"], output: {} } });
  assertEquals(callsOf(k, "execve"), []);
});
