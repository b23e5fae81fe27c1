/** Options that crun has and runc has not, and what `list` chooses by. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { exists, readText } from "../lib/process.ts";
import { UnixListener } from "../lib/unix_listener.ts";

const OURS: ContractOptions = { notOnReference: "runc has no such options" };
const PATH = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
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

/** A mount namespace of its own in which /run and /dev have the sockets of services that keep logs. */
function withLogSockets(box: Box): string[] {
  const script = `mount -t tmpfs none /run && mkdir -p /run/systemd/journal && ` +
    `ln -s ${box.dir}/journal /run/systemd/journal/socket && mkdir ${box.dir}/dev && ` +
    `mount -t tmpfs none ${box.dir}/dev && ln -s ${box.dir}/syslog ${box.dir}/dev/log && ` +
    `touch ${box.dir}/dev/null && mount --bind /dev/null ${box.dir}/dev/null && ` +
    `mount --rbind ${box.dir}/dev /dev && exec "$@"`;
  return ["/usr/bin/unshare", "-m", "--propagation", "private", "/bin/sh", "-c", script, "sh"];
}

contract(
  "--log journald: and syslog: a failure is a record of the service, and a line for the caller",
  async (box) => {
    for (
      const [service, pattern] of [
        [
          "journald",
          /^PRIORITY=3\nSYSLOG_IDENTIFIER=web\nTSRUN_CODE=ENOENT_CONTAINER\nMESSAGE=container does not exist\n$/,
        ],
        ["syslog", /^<11>\w{3} [ \d]\d \d\d:\d\d:\d\d web\[\d+\]: container does not exist$/],
      ] as const
    ) {
      using listener = new UnixListener(
        `${box.dir}/${service === "journald" ? "journal" : service}`,
        "datagram",
      );
      const argv = [...withLogSockets(box), box.runtime.path, "--root", box.root, "--log", `${service}:web`];
      const result = await box.command([...argv, "state", "none"], { env: PATH });
      assertEquals([result.code, result.stderr], [1, "container does not exist\n"]);
      assertMatch((await listener.message()).text, pattern);
      Deno.removeSync(`${box.dir}/dev`);
    }
  },
  OURS,
);

contract(
  "--log: a service that is not there is an error before anything is done; file: is a path",
  async (box) => {
    const container = box.container(SLEEP);
    const log = (value: string) => ({ globals: ["--log", value] });
    assertError(
      await container.create({ ...log("journald:web"), env: { PATH: "" } }),
      /open journald:web: dial unix \/run\/systemd\/journal\/socket: .*is the service running/,
    );
    await box.assertNothingLeft();
    assertError(await box.cli(["state", "none"], log(`file:${box.dir}/log`)), /^container does not exist\n$/);
    assertMatch(readText(`${box.dir}/log`), /^time=.* level=error msg="container does not exist"\n$/);
  },
  { ...OURS, skip: exists("/run/systemd/journal/socket") ? "has a journal" : undefined },
);

contract(
  "--cgroup-manager disabled: a container in the caller's cgroup, without one of its own",
  async (box) => {
    const own = (pid: number) => readText(`/proc/${pid}/cgroup`).replaceAll(/^\d+:/gm, "");
    const globals = ["--cgroup-manager", "disabled"];
    const container = await box.container(SLEEP).started({ globals });
    assertEquals(own(await container.pid()), own(Deno.pid));
    assertOk(await box.cli(["exec", container.id, "true"]));
    assertError(await box.cli(["pause", container.id]), /cgroup/);
    assertOk(await container.kill("KILL"));
    await container.wait("stopped");
    assertOk(await container.delete());
    const limited = box.container({ ...SLEEP, linux: { resources: { pids: { limit: 10 } } } });
    assertError(await limited.create({ globals }), /cgroup/);
    await box.assertNothingLeft();
  },
  OURS,
);

contract(
  "--cgroup-manager: cgroupfs is the default, and what contradicts or is unknown is refused",
  async (box) => {
    const container = await box.container(SLEEP).started({ globals: ["--cgroup-manager=cgroupfs"] });
    assertEquals(readText(`/proc/${await container.pid()}/cgroup`).includes(container.id), true);
    const refused = (words: RegExp, ...globals: string[]) =>
      box.cli(["list"], { globals }).then((result) => assertError(result, words));
    await refused(
      /invalid --cgroup-manager value "x": want cgroupfs, systemd or disabled/,
      "--cgroup-manager",
      "x",
    );
    await refused(/exclude each other/, "--systemd-cgroup", "--cgroup-manager", "cgroupfs");
  },
  OURS,
);
