/** `wait`, and `exitStatus` in `state`: how a container ended, for callers that are not its parent. */
import { assertEquals } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { exists, readText, type Result, until } from "../lib/process.ts";

const OURS: ContractOptions = { notOnReference: "runc has no wait" };

const [major, minor] = Deno.osRelease().split(".").map(Number);
const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };

/** Linux keeps the exit status for the holder of a pidfd. */
const TELLS = major > 6 || (major === 6 && minor >= 15);
const NEEDS_6_15 = TELLS ? undefined : "needs Linux 6.15, which keeps exit statuses for holders of pidfds";

/** Begins a `wait`, does something once it holds a pidfd of the container's process, and returns its end. */
async function waitDuring(box: Box, { id }: Container, act: () => Promise<Result>, ...flags: string[]) {
  let waiter = 0;
  const end = box.cli(["wait", ...flags, id], { onStart: (pid) => waiter = pid });
  await until("a pidfd", () => holdsPidfd(waiter));
  assertOk(await act());
  return await end;
}

function holdsPidfd(pid: number): boolean {
  try {
    const fds = [...Deno.readDirSync(`/proc/${pid}/fd`)];
    return fds.some(({ name }) => /pidfd/.test(Deno.readLinkSync(`/proc/${pid}/fd/${name}`)));
  } catch {
    return false; // it has ended, or a descriptor has been closed meanwhile
  }
}

async function exitStatus(container: Container): Promise<number | undefined> {
  return (await container.state()).exitStatus;
}

contract("wait: ends with the status of a container that another process is the parent of", async (box) => {
  const script = "until [ -e /go ]; do sleep .02; done; exit 7";
  const container = await box.container({ process: { args: sh(script) } }).started();
  assertEquals(await exitStatus(container), undefined);
  const go = async () => {
    await Deno.writeTextFile(container.path("/go"), "");
    return { code: 0, stdout: "", stderr: "" };
  };
  assertEquals(await waitDuring(box, container, go), { code: 7, stdout: "7\n", stderr: "" });
  assertEquals([await container.status(), await exitStatus(container)], ["stopped", 7]);
  const listed = assertOk(await box.cli(["list", "--format", "json"])).stdout;
  assertEquals(JSON.parse(listed)[0].exitStatus, 7);
  assertEquals(await box.cli(["wait", container.id]), { code: 7, stdout: "7\n", stderr: "" });
}, { ...OURS, skip: NEEDS_6_15 });

contract("wait --format json: 128 + n when a signal ended a container that was not started", async (box) => {
  const container = await box.container(SLEEP).created();
  const end = await waitDuring(box, container, () => container.kill("KILL"), "--format", "json");
  assertEquals({ ...end, stdout: JSON.parse(end.stdout) }, {
    ...{ code: 137, stderr: "" },
    stdout: { id: container.id, exitStatus: 137 },
  });
}, { ...OURS, skip: NEEDS_6_15 });

contract("wait: a container that is removed meanwhile, for which nothing is left behind", async (box) => {
  for (let i = 0; i < 3; i++) {
    const container = await box.container(SLEEP).started();
    assertEquals((await waitDuring(box, container, () => container.delete("--force"))).code, 137);
  }
  await box.assertNothingLeft();
}, { ...OURS, skip: NEEDS_6_15 });

contract("wait: the status of a container that ended unwatched is unknown, and 125", async (box) => {
  const container = box.container({ process: { args: sh("exit 7") } });
  await container.completed();
  const pid = JSON.parse(readText(`${box.root}/${container.id}/state.json`)).pid;
  await until("its parent to reap it", () => !exists(`/proc/${pid}`));
  assertEquals("exitStatus" in await container.state(), false);
  const text = await box.cli(["wait", container.id]);
  assertEquals(text.stdout, "unknown\n");
  assertError(text, /the exit status of container \S+ is not known: its parent has reaped its process/, 125);
  const json = await box.cli(["wait", "--format=json", container.id]);
  assertEquals([json.code, JSON.parse(json.stdout).exitStatus], [125, null]);
}, OURS);

contract("run --keep: records the status for state and wait", async (box) => {
  const container = box.container({ process: { args: sh("exit 9") } });
  assertEquals((await container.run({ flags: ["--keep"] })).code, 9);
  assertEquals(await exitStatus(container), 9);
  assertEquals(await box.cli(["wait", container.id]), { code: 9, stdout: "9\n", stderr: "" });
}, OURS);

contract("wait: what it refuses", async (box) => {
  assertError(await box.cli(["wait", `${box.token}-none`]), /container does not exist/, 125);
  assertError(
    await box.cli(["wait", "-f", "xml", "x"]),
    /invalid --format value "xml": want text or json/,
    125,
  );
}, OURS);
