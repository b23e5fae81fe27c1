/** Documents without an end are refused in one line; those that never come are waited for until a signal. */
import { assert, assertEquals } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, sleeper } from "../lib/exec.ts";
import { type Result, sleep } from "../lib/process.ts";

/** Why Debian's runc has no part in these: it takes all memory, or waits for ever. */
const notOnReference = "runc has no limits";

/** Files that have no end, or are too long, and how each is refused. */
function endless(dir: string): [path: string, reason: RegExp][] {
  Deno.writeTextFileSync(`${dir}/sparse`, "");
  Deno.truncateSync(`${dir}/sparse`, 600 * 2 ** 20);
  return [
    ["/dev/zero", /neither a regular file nor a pipe/],
    [`${dir}/sparse`, /longer than 16 MiB/],
  ];
}

function assertOneLine(result: Result, reason: RegExp, code = 1): void {
  assertError(result, reason, code);
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
}

contract("unbounded input: config.json", async (box) => {
  for (const [path, reason] of endless(box.dir)) {
    for (const command of ["create", "run"] as const) {
      const container = box.container(), config = `${container.bundle.dir}/config.json`;
      Deno.removeSync(config);
      Deno.symlinkSync(path, config);
      assertOneLine(await container[command](), reason);
    }
  }
  await box.assertNothingLeft();
}, { notOnReference });

contract("unbounded input: exec --process and update --resources", async (box) => {
  const container = await sleeper(box);
  for (const [path, reason] of endless(box.dir)) {
    assertOneLine(await exec(container, [], { flags: ["--process", path] }), reason, 255);
    assertOneLine(await box.cli(["update", "-r", path, container.id]), reason);
  }
  const script = 'head -c 17000000 /dev/zero | "$@"';
  const { path } = box.runtime;
  const update = ["/bin/sh", "-c", script, "sh", path, "--root", box.root, "update", "-r", "-", container.id];
  assertOneLine(await box.command(update), /read standard input: longer than 16 MiB/);
}, { notOnReference });

/** Makes a pipe in the place of a file. */
async function makePipe(box: Box, path: string): Promise<void> {
  await Deno.remove(path).catch(() => {});
  assertOk(await box.command(["/usr/bin/mkfifo", path]));
}

/** Sends a signal to a command that waits for a pipe without a writer. @returns How the command ended. */
async function interrupted(
  signal: Deno.Signal,
  command: (onStart: (pid: number) => void) => Promise<Result>,
): Promise<Result> {
  let pid = 0;
  const ended = command((started) => pid = started);
  await sleep(700);
  assert(pid > 0);
  Deno.kill(pid, signal);
  return await ended;
}

contract(
  "unbounded input: a config.json that is a pipe is read, and waited for no longer than a signal lets",
  async (box) => {
    const container = box.container({ process: { args: ["echo", "through a pipe"] } });
    const config = `${container.bundle.dir}/config.json`, text = Deno.readTextFileSync(config);
    await makePipe(box, config);
    const commands: ((onStart: (pid: number) => void) => Promise<Result>)[] = [
      (onStart) => container.run({ onStart }),
      (onStart) => container.run({ onStart, flags: ["--detach"] }),
      (onStart) => container.create({ onStart }),
    ];
    for (const command of commands) {
      for (const signal of ["SIGTERM", "SIGINT"] as const) {
        const { code } = await interrupted(signal, command);
        assertEquals(code, signal === "SIGTERM" ? 143 : 130);
      }
    }
    await box.assertNothingLeft();
    const written = box.command(["/bin/sh", "-c", 'sleep 0.3; printf %s "$0" >"$1"', text, config]);
    assertEquals(await container.output(), "through a pipe\n");
    await written;
  },
  { notOnReference },
);

contract(
  "unbounded input: exec of a process that is a pipe ends by a signal, in the foreground too",
  async (box) => {
    const container: Container = await sleeper(box);
    const path = `${box.dir}/process.json`;
    await makePipe(box, path);
    for (const flags of [[], ["--detach"]]) {
      const result = await interrupted(
        "SIGTERM",
        (onStart) => exec(container, [], { onStart, flags: [...flags, "--process", path] }),
      );
      assertEquals(result.code, 143, result.stderr);
      if (flags.length === 0) assertOneLine(result, /interrupted by signal 15/, 143);
    }
    const document = JSON.stringify({ args: ["echo", "ran"], cwd: "/", env: ["PATH=/bin"] });
    const written = box.command(["/bin/sh", "-c", 'printf %s "$0" >"$1"', document, path]);
    assertEquals(assertOk(await exec(container, [], { flags: ["--process", path] })).stdout, "ran\n");
    await written;
  },
  { notOnReference },
);

contract("unbounded input: a config.json that may not be read is named", async (box) => {
  const container = box.container(), { dir } = container.bundle;
  for (const place of [box.dir, dir]) Deno.chmodSync(place, 0o755);
  Deno.chmodSync(`${dir}/config.json`, 0o600);
  const { path } = box.runtime;
  const create = [path, "--root", "/tmp/none-of-it", "create", "--bundle", dir, container.id];
  const result = await box.command(["/usr/bin/setpriv", "--reuid", "1000", "--clear-groups", ...create]);
  assertOneLine(result, /read \S*\/config\.json: permission denied/);
}, { notOnReference: "runc has other words" });
