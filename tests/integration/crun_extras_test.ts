/** Options that crun has and runc has not: `--config`, `--regex`, and what `list` chooses by. */
import { assertEquals } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";

const OURS: ContractOptions = { notOnReference: "runc has no such options" };
const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };

contract(
  "--config: another file than the bundle's config.json, by a path from the caller's directory",
  async (box) => {
    const container = box.container({ process: { args: sh("echo from the other file") } });
    Deno.renameSync(`${container.bundle.dir}/config.json`, `${box.dir}/other.json`);
    assertEquals(
      await container.output({ flags: ["--config", "other.json"], cwd: box.dir }),
      "from the other file\n",
    );
    assertOk(await container.create({ flags: ["-f", `${box.dir}/other.json`] }));
    Deno.removeSync(`${box.dir}/other.json`);
    assertOk(await box.cli(["exec", container.id, "true"]));
  },
  OURS,
);

contract("--config: a file that is missing or wrong is named", async (box) => {
  const container = box.container(SLEEP);
  const create = (config: string) => container.create({ flags: ["--config", config], cwd: box.dir });
  assertError(await create("none.json"), /read \S+\/none\.json: no such file or directory/);
  Deno.writeTextFileSync(`${box.dir}/wrong.json`, '{"ociVersion": "1.2.0", "process": {"cwd": "x"}}');
  assertError(await create("wrong.json"), /\S+\/wrong\.json: \d problems: .*process\.cwd/);
  await box.assertNothingLeft();
}, OURS);

contract("kill --regex: all that run and match, whose ids it prints", async (box) => {
  const [first, second, ended, other] = [1, 2, 3, 4].map(() => box.container(SLEEP));
  for (const container of [first, second, ended, other]) await container.started();
  assertOk(await ended.kill("KILL"));
  await ended.wait("stopped");
  const { stdout } = assertOk(await box.cli(["kill", "--regex", `^${box.token}-[123]$`, "KILL"]));
  assertEquals(stdout, `${first.id}\n${second.id}\n`);
  await first.wait("stopped");
  await second.wait("stopped");
  assertEquals(await other.status(), "running");
  assertEquals(assertOk(await box.cli(["kill", "-r", "nothing-has-this-name"])).stdout, "");
}, OURS);

contract("delete --regex: what cannot go is told in one line, and the rest goes", async (box) => {
  const running = await box.container(SLEEP).started();
  const created = await box.container(SLEEP).created();
  Deno.mkdirSync(`${box.root}/broken`);
  Deno.writeTextFileSync(`${box.root}/broken/state.json`, "{");
  Deno.mkdirSync(`${box.root}/no container`);
  const result = await box.cli(["delete", "--regex", "."]);
  assertEquals(result.stdout, `${created.id}\n`);
  assertError(
    result,
    new RegExp(
      `broken: corrupt state file .*; ${running.id}: cannot delete container .* not stopped: running`,
    ),
  );
  assertEquals(result.stderr.trim().split("\n").length, 1);
  const { stdout } = assertOk(await box.cli(["delete", "--force", "--regex", "."]));
  assertEquals(stdout, `broken\n${running.id}\n`);
  Deno.removeSync(`${box.root}/no container`);
  await box.assertNothingLeft();
}, OURS);

contract("--regex: one that is wrong is refused", async (box) => {
  const container = await box.container(SLEEP).created();
  assertError(await box.cli(["kill", "--regex", "*"]), /invalid regular expression "\*": Nothing to repeat/);
  assertError(
    await box.cli(["delete", "--regex", "[[:digit:]]"]),
    /write a-z, 0-9 or \\+w in place of a class/,
  );
  assertEquals(await container.status(), "created");
}, OURS);

contract("list: filtered and sorted, as a table, JSON and ids", async (box) => {
  const first = await box.container({ ...SLEEP, annotations: { tier: "web" } }).started();
  const second = await box.container(SLEEP).created();
  const ids = async (...flags: string[]) => assertOk(await box.cli(["list", "-q", ...flags])).stdout;
  assertEquals(await ids("--sort", "-created"), `${second.id}\n${first.id}\n`);
  assertEquals(await ids("--filter", "status=created"), `${second.id}\n`);
  assertEquals(await ids("--filter", "annotation=tier=web", "--filter", "status=created"), "");
  const json = assertOk(await box.cli(["list", "-f", "json", "--filter", "id=-1$"])).stdout;
  assertEquals(JSON.parse(json).map(({ id }: { id: string }) => id), [first.id]);
  const table = assertOk(await box.cli(["list", "--filter", "status=paused"])).stdout;
  assertEquals(table.trim().split(/\s+/), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]);
  assertError(await box.cli(["list", "--sort", "size"]), /invalid value "size" for flag -sort/);
}, OURS);
