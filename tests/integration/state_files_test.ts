/** Files of the state directory that have become something else: one line, no wait, and `delete -f` works. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, sleeper } from "../lib/exec.ts";
import { exists, type Result } from "../lib/process.ts";

const notOnReference = "runc has no limits, and other files";

/** Puts something else in the place of a file. */
const KINDS: Readonly<Record<string, (box: Box, path: string) => unknown>> = {
  "a link to /dev/zero": (_, path) => Deno.symlinkSync("/dev/zero", path),
  "600 MiB": (_, path) => Deno.truncateSync(created(path), 600 * 2 ** 20),
  "a pipe": (box, path) => box.command(["/usr/bin/mkfifo", path]),
  "a directory": (_, path) => Deno.mkdirSync(path),
  "a link to itself": (_, path) => Deno.symlinkSync(path, path),
};

function created(path: string): string {
  Deno.writeTextFileSync(path, "");
  return path;
}

function assertOneLine(result: Result, file: string, code = 1): void {
  assertError(result, new RegExp(`${file}.*: (not a regular file|longer than 32 MiB|too many levels)`), code);
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
}

/** A running container with something else in the place of one of its files. */
async function damaged(box: Box, file: string, kind: string): Promise<Container> {
  const container = await sleeper(box), path = `${box.root}/${container.id}/${file}`;
  if (exists(path)) Deno.removeSync(path);
  await KINDS[kind](box, path);
  return container;
}

for (const kind of Object.keys(KINDS)) {
  contract(`state files: state.json is ${kind}`, async (box) => {
    const container = await damaged(box, "state.json", kind), { id } = container;
    const commands = [["state", id], ["kill", id, "0"], ["ps", id], ["pause", id], ["delete", id]];
    for (const command of commands) assertOneLine(await box.cli(command), "state\\.json");
    assertOneLine(await exec(container, ["true"]), "state\\.json", 255);
    const list = await box.cli(["list"]);
    assertEquals(list.code, 0);
    assertMatch(list.stderr, /^load container \S+: .*state\.json/);
    assertOk(await box.cli(["delete", "--force", id]));
    await box.assertNothingLeft();
  }, { notOnReference });

  contract(`state files: config.json or resources.json is ${kind}`, async (box) => {
    const container = await damaged(box, "resources.json", kind), { id } = container;
    const update = () => box.cli(["update", "--pids-limit", "50", id]);
    assertOneLine(await update(), "resources\\.json");
    const other = await damaged(box, "config.json", kind);
    assertOneLine(await exec(other, ["true"]), "config\\.json", 255);
    assertOk(await box.cli(["delete", "--force", other.id]));
    assertOk(await box.cli(["delete", "--force", id]));
    await box.assertNothingLeft();
  }, { notOnReference });
}

contract("state files: start finds no pipe where exec.fifo belongs", async (box) => {
  const container = await box.container({ process: { args: ["sleep", "1000"] } }).created();
  const fifo = `${box.root}/${container.id}/exec.fifo`;
  Deno.renameSync(fifo, `${fifo}.kept`);
  Deno.writeTextFileSync(fifo, "something");
  assertError(await container.start(), /exec\.fifo: not a pipe/);
  Deno.renameSync(`${fifo}.kept`, fifo);
  assertOk(await container.start());
}, { notOnReference });

contract("state files: start reads to the end of what others write to exec.fifo", async (box) => {
  const container = await box.container({ process: { args: ["sleep", "1000"] } }).created();
  const fifo = `${box.root}/${container.id}/exec.fifo`;
  const flood = box.command(["/bin/sh", "-c", 'head -c 300000 /dev/zero >"$0"', fifo]);
  const { code, stderr } = await container.start();
  await flood;
  assert(code === 0 || stderr.trimEnd().split("\n").length === 1, stderr);
}, { notOnReference });

contract("hooks: are found however their names are written", async (box) => {
  const container = box.container({
    process: { args: ["sleep", "1000"] },
    hooks: {
      poststart: [{ path: "/bin/sh", args: ["sh", "-c", `echo started >>${box.dir}/log`] }],
      poststop: [{ path: "/bin/sh", args: ["sh", "-c", `echo stopped >>${box.dir}/log`] }],
    },
  });
  const config = `${container.bundle.dir}/config.json`;
  const text = Deno.readTextFileSync(config).replace("poststart", "po\\u0073tstart");
  Deno.writeTextFileSync(config, text.replace("poststop", "\\u0070oststop"));
  assertOk(await container.create());
  assertOk(await container.start());
  assertOk(await box.cli(["delete", "--force", container.id]));
  assertEquals(Deno.readTextFileSync(`${box.dir}/log`), "started\nstopped\n");
});

contract("ps: a program that prints without end is ended", async (box) => {
  const { id } = await sleeper(box);
  Deno.writeTextFileSync(`${box.dir}/ps`, "#!/bin/sh\nexec cat /dev/zero\n", { mode: 0o755 });
  const result = await box.cli(["ps", id], { env: { PATH: `${box.dir}:/usr/bin:/bin` } });
  assertError(result, /list processes with "ps -ef": it prints more than 64 MiB/);
}, { notOnReference });

contract("state: characters that steer a terminal are escaped, and read as what they are", async (box) => {
  const annotations = { a: "\u009b31m\u202e\u2028\u007f" };
  const container = await box.container({ process: { args: ["sleep", "1000"] }, annotations }).created();
  for (const command of [["state", container.id], ["list", "--format", "json"]]) {
    const { stdout } = assertOk(await box.cli(command)), document = JSON.parse(stdout);
    assertEquals((Array.isArray(document) ? document[0] : document).annotations, annotations);
    assertEquals(/[\x7f-\x9f\u2028\u202e]/.test(stdout), false);
  }
}, { notOnReference: "runc escapes fewer" });
