/**
 * A runtime in the foreground: every signal, every child, every exit status, and what is left when it is
 * interrupted.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { sh } from "../lib/bundle.ts";
import { assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, PATIENCE, type Result, until } from "../lib/process.ts";
import { local } from "../../ffi/local.ts";

/**
 * All signals but those that cannot be passed on: SIGKILL, SIGSTOP, faults, SIGURG, glibc's own; and SIGCHLD.
 */
const PASSED = Array.from({ length: 64 }, (_, i) => i + 1)
  .filter((signal) => ![4, 7, 8, 9, 11, 17, 19, 23, 32, 33].includes(signal));

/**
 * Signals that runc keeps to itself: two are of Go's runtime, one changes the size of a terminal and does no
 * more.
 */
const KEPT_BY_RUNC = [27, 28, 34];

/** Sends a signal by number, which Deno cannot. */
function send(pid: number, signal: number): void {
  local().kill(pid, signal);
}

contract("signals: all that can be are passed on, the real-time ones too", async (box) => {
  const container = box.container({
    process: {
      args: sh(
        `for s in ${
          PASSED.join(" ")
        }; do trap "echo got $s" $s; done; echo ready; while :; do usleep 5000; done`,
      ),
    },
  });
  let pid = 0;
  const end = container.run({ onStart: (started) => pid = started });
  const printed = (line: string) => until(line, () => container.stdout().split("\n").includes(line));
  await printed("ready");
  for (const signal of PASSED.filter((signal) => !box.runtime.reference || !KEPT_BY_RUNC.includes(signal))) {
    send(pid, signal);
    await printed(`got ${signal}`);
  }
  assertOk(await container.kill("KILL"));
  assertEquals((await end).code, 137);
});

contract("signals: no disposition of the caller's reaches the container", async (box) => {
  // busybox's shell ignores a signal itself, so it is another program that looks.
  const container = box.container({
    process: { args: ["/bin/grep", "^S[ih][gd]...:", "/proc/self/status"] },
  });
  for (const how of ["", "trap '' HUP INT QUIT TERM PIPE USR1 CHLD;"]) {
    const args = ["run", "--bundle", container.bundle.dir, container.id];
    const command = [box.runtime.path, "--root", box.root, ...args];
    const { stdout } = assertOk(await box.command(["/bin/sh", "-c", `${how} exec "$@"`, "sh", ...command]));
    const fields = Object.fromEntries(stdout.trim().split("\n").map((line) => line.split(/:\s*/)));
    const none = "0000000000000000";
    assertEquals(fields, { SigPnd: none, SigBlk: none, SigIgn: none, SigCgt: none, ShdPnd: none }, how);
  }
}, { notOnReference: "Go leaves signals ignored that its runtime uses" });

contract("signals: a caller that has them blocked does not hang the runtime", async (box) => {
  if (!exists("/usr/bin/env")) return;
  const container = box.container({ process: { args: sh("exit 4") } });
  const args = ["run", "--bundle", container.bundle.dir, container.id];
  const command = ["/usr/bin/env", "--block-signal", box.runtime.path, "--root", box.root, ...args];
  assertEquals((await box.command(command)).code, 4);
});

contract("signals: a runtime that was stopped goes on", async (box) => {
  const script = "echo ready; until [ -e /go ]; do sleep .02; done; echo done; exit 6";
  const container = box.container({ process: { args: sh(script) } });
  let pid = 0;
  const end = container.run({ onStart: (started) => pid = started });
  await until("ready", () => container.stdout().includes("ready"));
  send(pid, 19);
  Deno.writeTextFileSync(container.path("/go"), "");
  // The container does not wait for the runtime.
  await until("done", () => container.stdout().includes("done"));
  send(pid, 18);
  assertEquals((await end).code, 6);
  await box.assertNothingLeft();
}, { notOnReference: "what the container writes goes through runc" });

contract("children: a thousand orphans are reaped, and the exit status is the container's", async (box) => {
  // Without a PID namespace orphans of the container come to the runtime, which is their subreaper.
  const script = "i=0; while [ $i -lt 1000 ]; do (true &) ; i=$((i+1)); done; exit 9";
  const container = box.container({
    process: { args: sh(script) },
    linux: { namespaces: [{ type: "mount" }] },
  });
  assertEquals((await container.run({ timeout: 60_000 })).code, 9);
  await box.assertNothingLeft();
}, { timeout: 90_000 });

contract(
  "children: an orphan is reaped while the container runs, and left alone with --no-subreaper",
  async (box) => {
    const overrides = (name: string) => ({
      process: { args: sh(`(sleep .1 & echo $! >/${name}); echo ready; sleep 60`) },
      linux: { namespaces: [{ type: "mount" }] },
    });
    for (const flags of [[], ["--no-subreaper"]]) {
      const container = box.container(overrides("orphan"));
      let runtime = 0;
      const end = container.run({ flags, onStart: (pid) => runtime = pid });
      await until("ready", () => container.stdout().includes("ready"));
      const orphan = Number(Deno.readTextFileSync(container.path("/orphan")));
      const parent = exists(`/proc/${orphan}`) ? parentOf(orphan) : undefined;
      if (parent !== undefined) assertEquals(parent === runtime, flags.length === 0);
      await until("the orphan's end", () => !exists(`/proc/${orphan}`));
      assertOk(await container.kill("KILL"));
      assertEquals((await end).code, 137);
    }
  },
);

function parentOf(pid: number): number | undefined {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`))?.[1]);
  } catch {
    return undefined;
  }
}

contract("stdio: a pipe stays a pipe, and carries bytes of any kind", async (box) => {
  const container = box.container({
    process: { args: sh("[ -p /dev/stdin ] && [ -p /dev/stdout ] && cat") },
  });
  const data = new Uint8Array(8 << 20);
  for (let i = 0; i < data.length; i += 65536) crypto.getRandomValues(data.subarray(i, i + 65536));
  Deno.writeFileSync(`${box.dir}/data`, data);
  const script = `cat "$1" | { shift; "$@"; } | cat >"${box.dir}/copy"`;
  const args = ["run", "--bundle", container.bundle.dir, container.id];
  assertOk(
    await box.command([
      "/bin/sh",
      "-c",
      script,
      "sh",
      `${box.dir}/data`,
      box.runtime.path,
      "--root",
      box.root,
      ...args,
    ], { env: { PATH: "/bin:/usr/bin" } }),
  );
  const copy = Deno.readFileSync(`${box.dir}/copy`);
  assertEquals(copy.length, data.length);
  assert(copy.every((byte, i) => byte === data[i]));
}, { notOnReference: "runc copies through pipes of its own" });

const HOOK = { path: "/bin/sh", args: ["sh", "-c", "echo >$0/hook; exec sleep 30"] };

/** Starts a command whose createRuntime hook takes long, and sends it a signal then. */
async function interrupted(box: Box, command: "create" | "run", signal: number) {
  const args = [...HOOK.args, box.dir];
  const container = box.container({
    hooks: { createRuntime: [{ ...HOOK, args: [args[0], args[1], args[2], box.dir] }] },
  });
  let pid = 0;
  const end = container[command]({ onStart: (started) => pid = started });
  await until("the hook", () => exists(`${box.dir}/hook`));
  send(pid, signal);
  const result = await end;
  Deno.removeSync(`${box.dir}/hook`);
  return result;
}

contract("an interrupted create or run leaves nothing, and ends at once", async (box) => {
  for (const command of ["create", "run"] as const) {
    for (const signal of [1, 2, 3, 15]) {
      const before = performance.now();
      const { code, stderr } = await interrupted(box, command, signal);
      assertEquals(code, 128 + signal, stderr);
      assertMatch(stderr, new RegExp(`interrupted by signal ${signal}`));
      assert(performance.now() - before < 25_000);
      await box.assertNothingLeft();
    }
  }
}, { notOnReference: "runc waits for its hooks, and keeps such a signal for the container" });

/** Interrupts a command so many milliseconds after it has begun to make something. */
function interruptedEarly(container: Container, args: string[], after: number): Promise<Result> {
  const { box, id, bundle } = container;
  let pid = 0;
  const end = box.cli([...args, "--bundle", bundle.dir, id], {
    files: `${box.dir}/${id}`,
    onStart: (started) => pid = started,
  });
  // Nothing but looking all the time is quick enough.
  const limit = performance.now() + 10_000 * PATIENCE;
  while (!exists(`${box.root}/${id}`) && performance.now() < limit);
  const moment = performance.now() + after;
  while (performance.now() < moment);
  try {
    send(pid, 15);
  } catch { /* it was quicker */ }
  return end;
}

/**
 * Whether such a signal ends the command. A command that it ends leaves nothing; otherwise the signal came
 * too late, and the container is whole.
 */
async function isHeeded(box: Box, args: string[], after: number): Promise<boolean> {
  const container = box.container({ process: { args: ["sleep", "100"] } });
  const { code, stderr } = await interruptedEarly(container, args, after);
  if (code === 0) {
    assertEquals((await container.state()).status, args[0] === "create" ? "created" : "running");
    assertOk(await container.delete("--force"));
    return false;
  }
  assertEquals(code, 143, stderr);
  // No message follows, such as one about a directory that could not be removed.
  assertMatch(stderr, /interrupted by signal 15"\n$/);
  await box.assertNothingLeft();
  return true;
}

contract(
  "a signal at any moment of create or run --detach ends it cleanly, or comes too late",
  async (box) => {
    const commands = [["create"], ["run", "--detach"]];
    for (const args of commands) for (const after of [0, 2, 4, 8]) await isHeeded(box, args, after);
    // Now and then this test is late itself.
    let heeded = 0;
    for (let tries = 0; heeded < 6 && tries < 30; tries++) {
      if (await isHeeded(box, commands[tries % 2], 0)) heeded++;
    }
    assertEquals(heeded, 6, "signals that came as soon as anything was there");
  },
  { notOnReference: "runc dies of a signal at such a moment, and leaves what it has made" },
);

contract("a signal that comes early reaches the container all the same", async (box) => {
  // The hook gives the signal time to come before there is a process.
  const hook = { path: "/bin/sh", args: ["sh", "-c", `echo >${box.dir}/hook; sleep .3`] };
  const container = box.container({
    process: { args: sh("sleep 10; exit 3"), terminal: false },
    hooks: { poststart: [hook] },
    linux: { namespaces: [{ type: "mount" }] },
  });
  let pid = 0;
  const end = container.run({ onStart: (started) => pid = started });
  await until("the hook", () => exists(`${box.dir}/hook`));
  send(pid, 10);
  assertEquals((await end).code, 138);
}, { notOnReference: "runc 1.1.5 runs poststart hooks during create, and loses such a signal now and then" });
