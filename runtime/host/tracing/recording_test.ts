/** A recording of a real executor, which needs no privileges. Each file of tests has a kernel of its own. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AT_FDCWD, SIGCHLD, WEXITED } from "../../../ffi/constants.ts";
import { EEXIST } from "../../../ffi/errno.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import { local } from "../../../ffi/local.ts";
import { Label } from "../../../ffi/recorder.ts";
import { watcher } from "../../../ffi/watch.ts";
import { Arena, spawnExecutor } from "../../../init/executor.ts";
import { Lifecycle } from "../../../init/lifecycle.ts";
import { mark } from "../trace.ts";
import { Recording } from "./recording.ts";
import type { Trace, TraceSpan } from "./trace.ts";

const directory = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));

const recording = new Recording(local());
const trace = record();

/** Does a little of everything. */
function record(): Trace {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const { kernel: k } = executor;
  k.subject.name = "worker";
  const stages = { order: ["first", "second"] as const, answered: new Set<"first" | "second">() };
  new Lifecycle<"first" | "second", { k: typeof k }>(stages, [{
    first: () => {
      k.during("make a directory", () => {
        k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
        k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755, { allow: [EEXIST] });
      });
    },
    second: () => {
      const repair = () => {
        k.mkdirat(AT_FDCWD, `${directory}/b`, 0o755);
        return "retry" as const;
      };
      k.mkdirat(AT_FDCWD, `${directory}/b/c`, 0o755, { repair });
    },
  }]).run(k, { k });
  k.flush();
  cloneOne(k);
  assertThrows(() => k.chdir(`${directory}/nowhere`).wait(), OperationError);
  Deno.writeTextFileSync(`${directory}/text`, "hello", { mode: 0o600 });
  assertThrows(() => Deno.readTextFileSync(`${directory}/nothing`), Deno.errors.NotFound);
  mark("all done", "runtime/host/tracing/recording_test.ts test");
  return recording.end({ command: "test", id: "box", status: 0, traceparent: undefined });
}

/** Clones a process that ends, and waits for it. */
function cloneOne(k: ReturnType<typeof spawnExecutor>["kernel"]): void {
  const parent = new Label();
  k.call("clone3", [[0, 0, 0, 0, SIGCHLD, 0, 0, 0, 0, 0, 0], 88], { onPositive: parent });
  k.call("getppid", []);
  k.call("exit_group", [0], { allow: "any" });
  k.place(parent);
  k.call("waitid", [0, 0, null, WEXITED, null]);
  k.flush();
}

const calls = (process: string): TraceSpan[] =>
  trace.spans.filter(({ process: i, detail }) => detail !== "" && trace.processes[i].name === process);

Deno.test("recording: calls of an executor, with results, errors, stages and steps", () => {
  const made = calls("worker").filter(({ name }) => name === "mkdirat" || name === "chdir");
  assertEquals(made.map(({ stage, step, result, errno }) => [stage, step, errno ?? result]), [
    ["first", "make a directory", 0],
    ["first", "make a directory", "EEXIST"],
    ["second", "", "ENOENT"],
    ["second", "", 0],
    ["second", "", 0],
    ["", "", "ENOENT"],
  ]);
  assertEquals(made[0].detail, `mkdirat(AT_FDCWD, "${directory}/a", 0755)`);
  const ends = made.slice(2, 5).map(({ detail }) => detail.slice(detail.lastIndexOf("/")));
  assertEquals(ends, ['/c", 0755)', '/b", 0755)', '/c", 0755)']);
  const names = trace.spans.filter(({ process, kind }) => process === 1 && kind !== "call");
  assertEquals(names.map(({ kind, name }) => [kind, name]), [
    ["stage", "first"],
    ["step", "make a directory"],
    ["stage", "second"],
  ]);
});

Deno.test("recording: times are those of the executor's clock, one call after the other", () => {
  const whole = trace.spans.find(({ kind }) => kind === "command")!;
  assertEquals([whole.start, whole.name], [0, "tsrun test"]);
  for (const process of ["worker", "hook"]) {
    let last = 0;
    for (const { start, duration = 1 } of calls(process)) {
      assert(duration > 0 && duration < 10e9, `${duration}`);
      assert(start >= last && start + duration <= whole.duration!, `${last} ${start} ${duration}`);
      last = start;
    }
  }
});

Deno.test("recording: a clone's calls are a process of its own", () => {
  assertEquals(calls("hook").map(({ name }) => name).slice(0, 1), ["getppid"]);
  assertEquals(calls("worker").slice(-3).map(({ name }) => name), ["clone3", "waitid", "chdir"]);
  assertEquals(trace.processes.map(({ name }) => name), ["tsrun", "worker", "hook"]);
  assertEquals(trace.processes[0].pid, Deno.pid);
});

Deno.test("recording: this process's calls, its files, and the parts of the command", () => {
  const own = calls("tsrun");
  const file = own.find(({ detail }) => detail.includes("/text"))!;
  assertEquals(
    file.detail,
    `openat(AT_FDCWD, "${directory}/text", O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC, 0600), write("hello"), close`,
  );
  assertEquals(own.find(({ detail }) => detail.includes("/nothing"))!.errno, "ENOENT");
  assert(own.some(({ name, result }) => name === "posix_spawn" && result === undefined));
  assert(own.some(({ name, result }) => name === "memfd_create" && result! > 0));
  const parts = trace.spans.filter(({ kind }) => kind === "part").map(({ name }) => name);
  assertEquals(parts, ["engine started", "all done", "end"]);
});

Deno.test("recording: when it has ended, nobody watches", () => assertEquals(watcher(), undefined));
