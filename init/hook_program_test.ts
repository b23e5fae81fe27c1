/** Hooks, run by a real executor: no privileges are needed. */
import { assertEquals, assertMatch } from "@std/assert";
import { DryKernel } from "../ffi/dry.ts";
import { local } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import type { Hook } from "../spec/types.ts";
import { Arena, spawnExecutor } from "./executor.ts";
import { hookFailure } from "./hook_failure.ts";
import { type HookOutput, type HookSetting, recordHook } from "./hook_program.ts";

/** Runs a test with an executor and a directory. */
function withExecutor(test: (k: RemoteKernel, directory: string) => void) {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const directory = Deno.makeTempDirSync();
  try {
    test(executor.kernel, directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const SETTING: HookSetting = { state: '{"id":"ü"}', env: ["FROM=runtime"] };

/** Runs one hook; why it failed. */
function run(k: RemoteKernel, hook: Hook, setting: Partial<HookSetting> = {}): string | undefined {
  const recorded = recordHook(k, hook, { ...SETTING, ...setting });
  k.flush();
  return hookFailure(recorded);
}

function sh(script: string, more: Partial<Hook> = {}): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", script], ...more };
}

Deno.test("hook: gets the state on its standard input, to the end", () =>
  withExecutor((k, directory) => {
    assertEquals(run(k, sh(`/bin/cat >${directory}/state`)), undefined);
    assertEquals(Deno.readTextFileSync(`${directory}/state`), SETTING.state);
  }));

Deno.test("hook: has the environment of the config, or else the runtime's", () =>
  withExecutor((k, directory) => {
    const script = `/usr/bin/env >${directory}/env`;
    const env = () =>
      Deno.readTextFileSync(`${directory}/env`).split("\n").filter((line) => !/^(PWD|_|SHLVL)=/.test(line));
    run(k, sh(script));
    assertEquals(env(), ["FROM=runtime", ""]);
    run(k, sh(script, { env: ["FROM=config"] }));
    assertEquals(env(), ["FROM=config", ""]);
  }));

Deno.test("hook: runs in the working directory that it is given", () =>
  withExecutor((k, directory) => {
    assertEquals(run(k, sh("pwd >here"), { cwd: directory }), undefined);
    assertEquals(Deno.readTextFileSync(`${directory}/here`), `${directory}\n`);
  }));

Deno.test("hook: without args it is called by its path", () =>
  withExecutor((k, directory) => {
    Deno.writeTextFileSync(`${directory}/hook`, `#!/bin/sh\necho "$0 $#" >${directory}/called\n`);
    Deno.chmodSync(`${directory}/hook`, 0o755);
    assertEquals(run(k, { path: `${directory}/hook` }), undefined);
    assertEquals(Deno.readTextFileSync(`${directory}/called`), `${directory}/hook 0\n`);
  }));

Deno.test("hook: a failing exit is told with what it wrote, in one line", () =>
  withExecutor((k) => {
    const failure = run(k, sh("echo out; echo more; echo err >&2; exit 3"));
    assertEquals(failure, "exit status 3, stdout: out more, stderr: err");
  }));

Deno.test("hook: a signal that ends it is told", () =>
  withExecutor((k) => assertEquals(run(k, sh("kill -15 $$")), "signal: terminated, stdout: , stderr: ")));

Deno.test("hook: one that cannot be executed is told with its path", () =>
  withExecutor((k, directory) => {
    assertEquals(run(k, { path: "/no/hook" }), "fork/exec /no/hook: no such file or directory");
    assertEquals(run(k, { path: directory }), `fork/exec ${directory}: permission denied`);
  }));

Deno.test("hook: one that runs past its time is ended", () =>
  withExecutor((k) => {
    const before = performance.now();
    assertEquals(run(k, sh("exec /bin/sleep 20", { timeout: 1 })), "hook ran past specified timeout of 1.0s");
    const took = performance.now() - before;
    assertEquals(took > 950 && took < 10_000, true, `${took} ms`);
  }));

Deno.test("hook: one that is in time is not", () =>
  withExecutor((k) => assertEquals(run(k, sh("true", { timeout: 10 })), undefined)));

Deno.test("hook: what it writes beyond the first kilobyte is not quoted", () =>
  withExecutor((k) => {
    const failure = run(k, sh("i=0; while [ $i -lt 300 ]; do echo 0123456789; i=$((i+1)); done; exit 1"));
    assertMatch(failure!, /^exit status 1, stdout: (0123456789 )+0?1?2?3?4?5?6?7?8?9?, stderr: $/);
    assertEquals(failure!.length < 1100, true);
  }));

Deno.test("hook: several, one after the other, by one executor", () =>
  withExecutor((k, directory) => {
    const recorded = ["one", "two"].map((word) =>
      recordHook(k, sh(`echo ${word} >>${directory}/order`), SETTING)
    );
    k.flush();
    assertEquals(recorded.map(hookFailure), [undefined, undefined]);
    assertEquals(Deno.readTextFileSync(`${directory}/order`), "one\ntwo\n");
  }));

Deno.test("hook: leaves no descriptor in the process that ran it", () =>
  withExecutor((k) => {
    const pid = k.call("getpid", []).wait();
    const count = () => [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
    const before = count();
    run(k, sh("exit 1"));
    run(k, sh("true"));
    assertEquals(count(), before);
  }));

Deno.test("hook: no file is made for output that goes to one of the host", () => {
  const made = (output: HookOutput) => {
    const k = new DryKernel();
    recordHook(k, { path: "/hook" }, { ...SETTING, limited: true, output });
    return ["memfd_create", "fsopen", "pread64"].map((name) =>
      k.calls.filter((it) => it.name === name).length
    );
  };
  assertEquals(made({}), [3, 1, 2]);
  assertEquals(made({ stdout: 7 }), [2, 1, 1]);
  assertEquals(made({ stdout: 7, stderr: 8 }), [1, 0, 0]);
});
