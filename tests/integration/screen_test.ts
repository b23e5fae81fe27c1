/** What `list`, `ps`, `events` and `update` write to a terminal, and that they write it nowhere else. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { Terminal } from "../lib/pty.ts";

const MIB = 1 << 20;
const SLEEP = { process: { args: sh("sleep 1000 & wait") } };
const NOT_RUNC = { notOnReference: "runc writes the same to terminals and pipes" };

/** Runs a command on a terminal of 60 columns. @returns Its lines. */
async function onTerminal(box: Box, args: string[]): Promise<string[]> {
  const terminal = Terminal.start([box.runtime.path, "--root", box.root, ...args], { size: [60, 24] });
  try {
    assertEquals(await terminal.wait(20_000), 0, terminal.output);
    const lines = terminal.output.replace(/\r\n$/, "").split("\r\n");
    for (const line of lines) assert([...line].length <= 60, `longer than the terminal: ${line}`);
    return lines;
  } finally {
    await terminal.close();
  }
}

contract("screen: list and ps fit the terminal", async (box) => {
  const container = await box.container(SLEEP).started();
  const lines = await onTerminal(box, ["list"]);
  assertEquals(lines[0].split(/ +/), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
  const row = new RegExp(
    `^tsrun-\\S*… +${await container.pid()} +running +…\\S+ +\\d+ (second|minute)s? ago +root$`,
  );
  assertMatch(lines[1], row);
  const ps = await onTerminal(box, ["ps", container.id, "-eo", "pid,args,args,args,args,args,args"]);
  assertEquals([ps.length, ps[1].endsWith("…")], [3, true], ps.join("\n"));
  // Where it is no terminal, everything is there.
  const { stdout } = assertOk(await box.cli(["list"]));
  assert(stdout.includes(container.id) && stdout.includes(container.bundle.dir), stdout);
}, NOT_RUNC);

contract("screen: events is a table on a terminal, one of JSON where that is asked for", async (box) => {
  const container = await box.container({ ...SLEEP, linux: { resources: { pids: { limit: 9 } } } }).started();
  const table = await onTerminal(box, ["events", "--stats", container.id]);
  assertEquals(table[0], `CONTAINER  ${container.id}`);
  assert(table.some((line) => /^TASKS +2 of 9$/.test(line)), table.join("\n"));
  const asked = assertOk(await box.cli(["events", "--stats", "--format", "table", container.id])).stdout;
  assertMatch(asked, /^CONTAINER .*\nCPU TIME +[\d.]+ s \(programs/);
  const terminal = Terminal.start(
    [box.runtime.path, "--root", box.root, "events", "--stats", "-f", "json", container.id],
    { size: [60, 24] },
  );
  try {
    assertEquals(await terminal.wait(20_000), 0);
    assertEquals(JSON.parse(terminal.output).type, "stats");
  } finally {
    await terminal.close();
  }
}, NOT_RUNC);

contract("screen: events in a table has a line for each sample", async (box) => {
  const container = await box.container(SLEEP).started();
  const stream = [box.runtime.path, "--root", box.root, "events", "--interval", "100ms", container.id];
  const terminal = Terminal.start(stream, { size: [100, 24] });
  try {
    await terminal.expect(/^ +TIME +CPU % +MEMORY +LIMIT +TASKS +READ +WRITTEN\r\n/, 20_000);
    await terminal.expect(/\d\d:\d\d:\d\d +- .*\r\n\d\d:\d\d:\d\d +\d+\.\d /, 20_000);
    assertOk(await container.kill("KILL"));
    assertEquals(await terminal.wait(20_000), 0);
  } finally {
    await terminal.close();
  }
}, NOT_RUNC);

contract("events: --format prometheus prints one sample, and only with --stats", async (box) => {
  const container = await box.container({ ...SLEEP, linux: { resources: { pids: { limit: 9 } } } }).started();
  const { stdout } = assertOk(await box.cli(["events", "--stats", "--format", "prometheus", container.id]));
  for (const line of stdout.trimEnd().split("\n")) {
    assertMatch(
      line,
      /^(# (HELP|TYPE) tsrun_container_\w+ .+|tsrun_container_\w+\{id="[^"]+"[^}]*\} [\d.]+)$/,
    );
  }
  assertMatch(stdout, new RegExp(`^tsrun_container_tasks_limit\\{id="${container.id}"\\} 9$`, "m"));
  assertMatch(stdout, /^tsrun_container_tasks\{[^}]*\} 2$/m);
  assertError(await box.cli(["events", "--format", "prometheus", container.id]), /give --stats, too/);
  assertError(await box.cli(["events", "--format", "xml", container.id]), /invalid format option/);
}, { notOnReference: "runc has no such format" });

contract("screen: update shows on a terminal what it has changed", async (box) => {
  const container = await box.container({ ...SLEEP, linux: { resources: { pids: { limit: 9 } } } }).started();
  const args = ["update", "--pids-limit", "20", "--memory", `${64 * MIB}`, container.id];
  assertEquals(await onTerminal(box, args), [
    "LIMIT         BEFORE  NOW",
    "pids.limit    9       20",
    "memory.limit  -       64 MiB",
  ]);
  assertEquals(await onTerminal(box, args), [""]);
  assertEquals(assertOk(await box.cli(args)).stdout, "");
}, NOT_RUNC);
