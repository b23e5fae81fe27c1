/** `list` and `ps`: tables for people, JSON for clients. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk, type StateJson } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { until } from "../lib/process.ts";

const PATH = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

contract("list: table, JSON and ids", async (box) => {
  const first = await box.container({ process: { args: sh("sleep 1000") } }).created();
  const second = await box.container({ annotations: { a: "b" } }).started();
  await second.wait("stopped");

  const table = assertOk(await box.cli(["list"])).stdout.trimEnd().split("\n");
  assertEquals(table[0].split(/\s+/).filter((word) => word), [
    "ID",
    "PID",
    "STATUS",
    "BUNDLE",
    "CREATED",
    "OWNER",
  ]);
  const rows = table.slice(1).map((line) => line.split(/\s+/));
  const { created, pid } = await first.state();
  assertEquals(rows[0], [first.id, String(pid), "created", first.bundle.dir, created, "root"]);
  assertEquals(rows[1].slice(0, 3), [second.id, "0", "stopped"]);

  const json: StateJson[] = JSON.parse(assertOk(await box.cli(["list", "--format=json"])).stdout);
  assertEquals(json.map((state) => [state.id, state.status, state.owner]), [
    [first.id, "created", "root"],
    [second.id, "stopped", "root"],
  ]);
  assertEquals(json[1].annotations, { a: "b" });

  const ids = assertOk(await box.cli(["list", "-q"])).stdout;
  assertEquals(ids, `${first.id}\n${second.id}\n`);
});

contract("list: nothing to list", async (box) => {
  Deno.mkdirSync(box.root);
  assertEquals(assertOk(await box.cli(["list", "--format", "json"])).stdout.trim(), "null");
  assertEquals(assertOk(await box.cli(["list", "-q"])).stdout, "");
});

contract("list: an entry that is no container does not hide the others", async (box) => {
  const container = await box.container({ process: { args: sh("sleep 1000") } }).created();
  Deno.mkdirSync(`${box.root}/broken`);
  Deno.writeTextFileSync(`${box.root}/broken/state.json`, "{");
  const result = await box.cli(["list", "-q"]);
  assertEquals(result.stdout, `${container.id}\n`);
  assertOk(await box.cli(["delete", "--force", "broken"]));
}, { notOnReference: "runc 1.1.5 gives up at the first broken state file (runc#999)" });

contract("ps: JSON is the host's process ids", async (box) => {
  const container = await box.container({ process: { args: sh("sleep 1000 & echo ready; wait") } }).started();
  await until("ready", () => container.stdout() === "ready\n");
  const { stdout } = assertOk(await box.cli(["ps", "--format", "json", container.id], { env: PATH }));
  assert(stdout.endsWith("]\n"), JSON.stringify(stdout));
  const pids: number[] = JSON.parse(stdout);
  assertEquals(pids.length, 2);
  assert(pids.includes(await container.pid()));
});

contract("ps: table has the host's ps header and the container's processes only", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const pid = String(await container.pid());
  const rows = (text: string) => text.trimEnd().split("\n");

  const plain = rows(assertOk(await box.cli(["ps", container.id], { env: PATH })).stdout);
  assertMatch(plain[0], /^UID\s+PID\s+PPID/);
  assertEquals(plain.length, 2);
  assertMatch(plain[1], new RegExp(`^root\\s+${pid}\\s.*sleep 1000`));

  const separate = assertOk(await box.cli(["ps", container.id, "-o", "pid,comm"], { env: PATH })).stdout;
  assertMatch(separate, new RegExp(`^\\s*PID COMMAND\n\\s*${pid} sleep\n$`));
});

contract("ps: options in one argument, as go-runc gives them", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const { stdout } = assertOk(
    await box.cli(["ps", "--format", "table", container.id, "-o pid,comm"], { env: PATH }),
  );
  assertMatch(stdout, new RegExp(`^\\s*PID COMMAND\n\\s*${await container.pid()} sleep\n$`));
}, { notOnReference: "runc hands the one argument to ps unsplit, which refuses it" });

contract("ps: options behind two dashes", async (box) => {
  const container = await box.container({ process: { args: ["sleep", "1000"] } }).started();
  const { stdout } = assertOk(await box.cli(["ps", container.id, "--", "-eo", "pid,comm"]));
  assertEquals(stdout.trim().split("\n").map((line) => line.trim().split(/\s+/)), [
    ["PID", "COMMAND"],
    [String(await container.pid()), "sleep"],
  ]);
}, { notOnReference: "runc 1.1.5 gives them to ps; 1.4 does not" });

contract("ps: a container that does not exist", async (box) => {
  assertError(await box.cli(["ps", `${box.token}-none`], { env: PATH }), /container does not exist/);
});
