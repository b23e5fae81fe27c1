/**
 * Commands that `create` has prepared: `start`, `kill`, `state` and `delete` do the same without an engine as
 * with it, in every situation; and they do need no engine where nothing is unusual.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import type { Dict } from "../lib/bundle.ts";
import { assertOk, type Container } from "../lib/container.ts";
import { staticProgram } from "../../init/image.ts";
import { contract } from "../lib/contract.ts";
import { exists, type Result } from "../lib/process.ts";
import { contractV2, v2Host } from "../lib/v2_host.ts";

const notOnReference = "runc has no engine to do without";

/** Takes the engine away: V8 does not start where it cannot reserve its addresses, and the entry says so. */
const NO_ENGINE = ["/bin/sh", "-c", 'ulimit -v 4000000 && exec "$@"', "sh"];
/** Takes the prepared commands away. */
const ENGINE = ["/usr/bin/env", "TSRUN_PREPARED=no"];

/** Runs the runtime behind other words. */
function behind(box: Box, words: readonly string[], args: readonly string[]): Promise<Result> {
  return box.command([...words, box.runtime.path, "--root", box.root, ...args]);
}

/** Asserts that a command is done without an engine. @returns Its output. */
async function alone(box: Box, ...args: string[]): Promise<string> {
  return assertOk(await behind(box, NO_ENGINE, args)).stdout;
}

contract("prepared: the life of a container needs the engine for create only", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
  const { id } = container, log = `${box.dir}/log.json`;
  const globals = ["--log", log, "--log-format", "json", "--systemd-cgroup"];
  const status = async () => JSON.parse(await alone(box, ...globals, "state", id)).status;
  assertEquals(await status(), "created");
  await alone(box, ...globals, "start", id);
  assertEquals(await status(), "running");
  await alone(box, ...globals, "kill", id, "0");
  await alone(box, ...globals, "kill", id, "SIGKILL");
  await container.wait("stopped");
  await alone(box, ...globals, "delete", id);
  assertEquals(Deno.readTextFileSync(log), "");
  await box.assertNothingLeft();
}, { notOnReference });

contractV2("prepared: every command but create needs no engine", async (box) => {
  const host = v2Host();
  const within = typeof host === "string" ? [] : host.within;
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
  const { id } = container;
  const without = async (...args: string[]) =>
    assertOk(await behind(box, [...within, ...NO_ENGINE], args)).stdout;
  assertEquals(JSON.parse(await without("state", id)).status, "created");
  await without("start", id);
  await without("kill", id, "9");
  await container.wait("stopped");
  await without("delete", id);
  await box.assertNothingLeft();
}, { notOnReference });

contract("prepared: a container that was never started needs no engine to go", async (box) => {
  const container = await box.container({ process: { args: ["/bin/true"] } }).created();
  await alone(box, "kill", container.id, "9");
  await container.wait("stopped");
  await alone(box, "delete", "--force", container.id);
  await box.assertNothingLeft();
}, { notOnReference });

contract("prepared: what is unusual goes to the engine", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
  const { id } = container;
  const refused = async (...args: string[]) => {
    const { code, stderr } = await behind(box, NO_ENGINE, args);
    assertMatch(stderr, /limit of address space \(ulimit -v\) is too small/, args.join(" "));
    assertEquals(code, 1);
  };
  await refused("kill", id, "TERM");
  await refused("kill", "--all", id, "9");
  await refused("--debug", "state", id);
  await refused("delete", id);
  assertOk(await container.start());
  await refused("start", id);
  await refused("delete", id);
  assertOk(await box.cli(["pause", id]));
  for (const args of [["state", id], ["kill", id, "9"]]) await refused(...args);
  assertOk(await box.cli(["resume", id]));
  await alone(box, "state", id);
  // A file of another boot.
  const file = `${box.root}/${id}/prepared`, bytes = Deno.readFileSync(file);
  const boot = new TextEncoder().encode(
    Deno.readTextFileSync("/proc/sys/kernel/random/boot_id").slice(0, 36),
  );
  const at = bytes.findIndex((_, i) => boot.every((byte, j) => bytes[i + j] === byte));
  assert(at > 0);
  bytes[at] ^= 1;
  Deno.writeFileSync(file, bytes);
  await refused("state", id);
}, { notOnReference });

contract("prepared: hooks that are the runtime's, and their commands, go to the engine", async (box) => {
  const hook = [{ path: "/bin/true" }];
  const after = await box.container({ hooks: { poststart: hook } }).created();
  assertEquals((await behind(box, NO_ENGINE, ["start", after.id])).code, 1);
  const last = await box.container({ process: { args: ["/bin/true"] }, hooks: { poststop: hook } }).started();
  await last.wait("stopped");
  assertEquals((await behind(box, NO_ENGINE, ["delete", last.id])).code, 1);
  assertOk(await last.delete());
}, { notOnReference });

/** What a command is tried on. */
interface Situation {
  overrides?: Dict;
  /** Makes it; by default the container is created. */
  prepare?: (container: Container) => Promise<void>;
  /** The commands that it matters to: each a command, and a flag or a signal. */
  commands: readonly string[];
}

const sleeps: Dict = { process: { args: ["/bin/sleep", "1000"] } };
const started = async (container: Container) => void await container.started();
const ended = async (container: Container) => {
  await container.started();
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
};

/** A program that makes a thread, which waits for ever, and ends its first one. */
const TWO_THREADS = {
  x86_64: Uint8Array.fromHex(
    "b838000000bf000f010031f60f0585c07409b83c00000031ff0f05b8220000000f05ebf7",
  ),
  aarch64: Uint8Array.fromHex(
    "881b80d200e081d22000a0f2010080d2010000d4800000b4a80b80d2000080d2010000d4280980d2000080d2010080d2020080d2030080d2040080d2010000d4f9ffff17",
  ),
} as const;

const SITUATIONS: Readonly<Record<string, Situation>> = {
  "created": { commands: ["state", "start", "kill", "kill 0", "kill 9", "delete", "delete --force"] },
  "running": {
    commands: ["state", "start", "kill", "kill 0", "kill 9", "kill SIGNOTHING", "delete", "delete --force"],
    prepare: started,
  },
  "stopped": { commands: ["state", "start", "kill 9", "delete"], prepare: ended },
  "killed before it was started": {
    commands: ["start", "delete --force"],
    async prepare(container) {
      await container.created();
      assertOk(await container.kill("KILL"));
      await container.wait("stopped");
    },
  },
  "whose first thread has ended, of two": {
    commands: ["state", "start", "kill 0", "kill 9", "delete"],
    overrides: { process: { args: ["/threads"] } },
    async prepare(container) {
      Deno.writeFileSync(container.path("/threads"), staticProgram(TWO_THREADS[Deno.build.arch]), {
        mode: 0o755,
      });
      await container.started();
      await container.wait("stopped");
      const { pid } = JSON.parse(Deno.readTextFileSync(`${container.box.root}/${container.id}/state.json`));
      assert(exists(`/proc/${pid}/task`), "the other thread has ended, too");
    },
  },
  "paused": {
    commands: ["state", "start", "kill 9", "delete"],
    async prepare(container) {
      await container.started();
      assertOk(await container.box.cli(["pause", container.id]));
    },
  },
  "missing": { commands: ["state", "start", "kill", "delete", "delete --force"], prepare: async () => {} },
  "of a program that is none": {
    commands: ["start"],
    overrides: { process: { args: ["/prog"] } },
    async prepare(container) {
      Deno.writeTextFileSync(container.path("/prog"), "no program\n", { mode: 0o755 });
      await container.created();
    },
  },
  "with a startContainer hook that fails": {
    commands: ["start"],
    overrides: { hooks: { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "echo no; exit 3"] }] } },
  },
  "with a file of another's in its directory": {
    commands: ["delete"],
    async prepare(container) {
      await ended(container);
      Deno.writeTextFileSync(`${container.box.root}/${container.id}/foreign`, "");
    },
  },
  "without a PID namespace, of which processes are left": {
    commands: ["state", "kill 9", "delete"],
    overrides: {
      process: { args: ["/bin/sh", "-c", "sleep 1000 & exec sleep 1000"] },
      linux: { namespaces: ["mount", "ipc", "uts", "network"].map((type) => ({ type })) },
    },
    async prepare(container) {
      await container.started();
      const { pid } = await container.state();
      Deno.kill(pid, "SIGKILL");
      await container.wait("stopped");
    },
  },
  "with long annotations": {
    commands: ["state"],
    overrides: { ...sleeps, annotations: { a: "x".repeat(5000), "é\n": '"' } },
  },
};

/** The line of a command for an id: flags stand before it, signals behind. */
function lineOf([command, word]: readonly string[], id: string): string[] {
  if (word === undefined) return [command, id];
  return command === "delete" ? [command, word, id] : [command, id, word];
}

/** All that a command has done, without what differs between two containers. */
async function outcome(container: Container, way: readonly string[], line: string) {
  const { box, id } = container, log = `${box.dir}/${id}.log`, directory = `${box.root}/${id}`;
  const command = line.split(" ");
  const { code, stdout, stderr } = await behind(box, way, [
    "--log",
    log,
    "--log-format",
    "json",
    ...lineOf(command, id),
  ]);
  const files = exists(directory)
    ? [...Deno.readDirSync(directory)].map(({ name }) => name).toSorted()
    : null;
  // A program that is process 1 and has no handler ignores SIGTERM; an init that waits ends.
  const kills = command[1] === "9" || command[1] === undefined && files?.includes("exec.fifo");
  if (command[0] === "kill" && code === 0 && kills) await container.wait("stopped");
  if (/exec \/prog|startContainer/.test(stderr)) await container.wait("stopped");
  const after = await behind(box, ENGINE, ["state", id]);
  const same = (text: string) =>
    text.replaceAll(id, "ID").replace(/bundle\d+/g, "BUNDLE").replace(/"pid": [1-9]\d*/, '"pid": N')
      .replace(/"(created|time)": ?"2[^"]*"/g, '"$1": TIME')
      // It is known until the init is reaped.
      .replace(/,\n {2}"exitStatus": \d+/, "");
  return {
    ...{ code, stdout: same(stdout), stderr: same(stderr), log: same(Deno.readTextFileSync(log)), files },
    after: [after.code, same(after.stdout)],
  };
}

for (const [name, { overrides = sleeps, prepare, commands }] of Object.entries(SITUATIONS)) {
  contract(`prepared: both ways do the same on a container ${name}`, async (box) => {
    for (const command of commands) {
      const [one, other] = [box.container(overrides), box.container(overrides)];
      for (const container of [one, other]) {
        if (prepare) await prepare(container);
        else await container.created();
      }
      const without = await outcome(one, [], command), withIt = await outcome(other, ENGINE, command);
      assertEquals(without, withIt, command);
    }
  }, { notOnReference, timeout: 120_000 });
}
