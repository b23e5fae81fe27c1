/**
 * Bad input of every kind: one clear line each (all problems of a config at once), and nothing left behind.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { config, type Dict } from "../lib/bundle.ts";
import type { Box } from "../lib/box.ts";
import { assertError, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, type Result } from "../lib/process.ts";

/** Error text is one line, and no trace of the program that produced it. */
function assertOneLine(result: Result): void {
  assertEquals(result.stderr.trimEnd().split("\n").length, 1, result.stderr);
  assert(!/\bat \w+.*:\d+:\d+|Uncaught|goroutine/.test(result.stderr), result.stderr);
}

/** `create` of a config that is exactly `document`, not merged with anything. */
function createRaw(container: Container, document: unknown): Promise<Result> {
  container.writeConfig(typeof document === "string" ? document : JSON.stringify(document));
  return container.create();
}

contract("bad input: ids that are no names", async (box) => {
  const container = box.container();
  for (const id of ["../x", "a/b", ".", "..", "a b", "ü", "x\ny", "/etc", "-" + "\0".slice(1) + "/"]) {
    const result = await box.cli(["create", "--bundle", container.bundle.dir, "--", id]);
    assertEquals(result.code, 1, JSON.stringify(id));
    assertMatch(result.stderr, /invalid (container )?(id|ID) format|invalid id format/i, JSON.stringify(id));
    assertOneLine(result);
  }
  assertError(
    await box.cli(["create", "--bundle", container.bundle.dir, ""]),
    /container id cannot be empty/,
  );
  await box.assertNothingLeft();
  assert(!exists(`${box.dir}/x`));
});

contract("bad input: bad ids for the commands that only read", async (box) => {
  Deno.mkdirSync(`${box.dir}/state/inner`, { recursive: true });
  for (const command of ["state", "start", "kill", "delete", "ps"]) {
    const result = await box.cli([command, "../state/inner"]);
    assertEquals(result.code, 1, command);
    assertOneLine(result);
  }
  assert((await box.cli(["delete", "--force", "../state/inner"])).code <= 1);
  assert(exists(`${box.dir}/state/inner`), "delete --force went outside its root");
  Deno.removeSync(`${box.dir}/state/inner`);
});

contract("bad input: ids with every allowed character", async (box) => {
  const container = box.container();
  const id = `${container.id}_A.b+c-9`;
  const result = await box.cli(["run", "--bundle", container.bundle.dir, id]);
  assertEquals(result.code, 0, result.stderr);
});

contract("bad input: no bundle, no config.json, no rootfs", async (box) => {
  const container = box.container();
  const missing = await box.cli(["create", "--bundle", `${box.dir}/none`, container.id]);
  assertError(missing, /no such file or directory/);
  assertOneLine(missing);

  const empty = await box.cli(["create", "--bundle", box.dir, container.id]);
  assertError(empty, /JSON specification file config.json not found/);
  assertOneLine(empty);

  container.configure({ root: { path: "none" } });
  const rootfs = await container.create();
  assertError(rootfs, /none.*no such file or directory/);
  assertOneLine(rootfs);
  await box.assertNothingLeft();
});

contract("bad input: a rootfs that is a file, or a link", async (box) => {
  const container = box.container({ root: { path: "config.json" } });
  const result = await container.create();
  assertEquals(result.code, 1);
  assertOneLine(result);
  await box.assertNothingLeft();
});

contract("bad input: a config that is no JSON, or null, or of another shape", async (box) => {
  for (const text of ["", "{", "nonsense", '{"ociVersion": 1.0.2}', "[]", '"text"', "4711"]) {
    const result = await createRaw(box.container(), text);
    assertEquals(result.code, 1, text);
    assert(result.stderr.trim() !== "", text);
    assertOneLine(result);
  }
  await box.assertNothingLeft();
});

contract("bad input: a config that is null", async (box) => {
  const result = await createRaw(box.container(), "null");
  assertError(result, /config cannot be null/);
  assertOneLine(result);
}, { notOnReference: "runc 1.1.5 panics" });

contract("bad input: values of the wrong type", async (box) => {
  const cases: Dict[] = [
    { process: { args: "sh" } },
    { process: { user: { uid: "root" } } },
    { process: { user: { uid: -1 } } },
    { process: { user: { uid: 4294967296 } } },
    { root: "rootfs" },
    { mounts: {} },
    { linux: { namespaces: [{ type: 1 }] } },
    { linux: { resources: { memory: { limit: "64m" } } } },
    { process: { env: [1] } },
    { process: { noNewPrivileges: "yes" } },
    { linux: { sysctl: { "net.ipv4.ip_forward": 1 } } },
  ];
  for (const overrides of cases) {
    const result = await box.container(overrides).create();
    assertEquals(result.code, 1, JSON.stringify(overrides));
    assertOneLine(result);
  }
  await box.assertNothingLeft();
});

contract("bad input: unknown properties and annotations are no mistakes", async (box) => {
  const container = box.container();
  const document = config({
    linux: { cgroupsPath: `/${container.id}`, future: { a: 1 } },
    "com.example": [1],
    annotations: { "a.b": "" },
  });
  container.writeConfig(JSON.stringify(document));
  assertEquals((await container.run()).code, 0, container.stderr());
});

contract("bad input: many mistakes are reported at once, each with its place and reason", async (box) => {
  const container = box.container();
  const document = config({
    process: {
      args: [],
      cwd: "relative",
      env: ["NONSENSE"],
      user: { uid: -5, gid: 0 },
      rlimits: [{ type: "RLIMIT_NONSENSE", soft: 2, hard: 1 }],
    },
    root: { path: "" },
    mounts: [{ destination: "" }, { destination: 7 }],
    hooks: { createRuntime: [{ path: "relative" }], poststop: [{}] },
    linux: {
      namespaces: [{ type: "nonsense" }, { type: "pid" }, { type: "pid" }],
      devices: [{ type: "q", path: "x" }],
      seccomp: { defaultAction: "SCMP_ACT_NONSENSE" },
      rootfsPropagation: "nonsense",
      resources: { pids: { limit: "many" } },
    },
  });
  const result = await createRaw(container, document);
  assertEquals(result.code, 1);
  const places = [
    ...[
      "process.args",
      "process.cwd",
      "process.env[0]",
      "process.user.uid",
      "process.rlimits[0]",
      "root.path",
    ],
    ...[
      "mounts[0].destination",
      "mounts[1].destination",
      "hooks.createRuntime[0].path",
      "hooks.poststop[0].path",
    ],
    ...["linux.namespaces[0].type", "linux.namespaces[2]", "linux.devices[0].type", "linux.devices[0].path"],
    ...["linux.seccomp.defaultAction", "linux.rootfsPropagation", "linux.resources.pids.limit"],
  ];
  const missing = places.filter((place) => !result.stderr.includes(place));
  assertEquals(missing, [], result.stderr);
  await box.assertNothingLeft();
}, { notOnReference: "runc stops at the first mistake and names no place" });

contract("bad input: the log in JSON has exactly one error record, and stderr has its text", async (box) => {
  const log = `${box.dir}/log.json`;
  const container = box.container({ process: { args: ["nonsense"] } });
  const result = await container.create({ globals: ["--log", log, "--log-format", "json"] });
  assertEquals(result.code, 1);
  const lines = Deno.readTextFileSync(log).trimEnd().split("\n");
  assertEquals(lines.length, 1, lines.join("\n"));
  const record = JSON.parse(lines[0]);
  assertEquals(record.level, "error");
  assertMatch(record.msg, /exec: "nonsense": executable file not found in \$PATH/);
  assertMatch(record.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/);
  assertMatch(result.stderr, /exec: "nonsense": executable file not found in \$PATH/);
});

contract("bad input: nothing is logged where all went well", async (box) => {
  const log = `${box.dir}/log.json`;
  const container = box.container();
  const result = await container.run({ globals: ["--log", log, "--log-format", "json"] });
  assertEquals({ code: result.code, stderr: result.stderr }, { code: 0, stderr: "" });
  assertEquals(exists(log) ? Deno.readTextFileSync(log) : "", "");
});

contract("bad input: unknown commands, flags and numbers of arguments", async (box) => {
  const { path, name } = box.runtime;
  for (
    const args of [
      ["nonsense"],
      ["--nonsense"],
      ["create", "--nonsense", "x"],
      ["create"],
      ["create", "a", "b"],
      ["state"],
      ["start", "a", "b"],
    ]
  ) {
    const result = await box.command([path, ...args]);
    if (args[0] !== "nonsense") assert(result.code !== 0, args.join(" "));
    assert(result.stdout + result.stderr !== "", `${name} ${args.join(" ")} said nothing`);
  }
  const result = await box.cli(["create", "a", "b"]);
  assertMatch(result.stdout, /^Incorrect Usage/);
  assertError(result, /"create" requires exactly 1 argument/);
});

contract("bad input: an unknown command is an error", async (box) => {
  const result = await box.command([box.runtime.path, "nonsense"]);
  assert(result.code !== 0);
  assertMatch(result.stdout + result.stderr, /nonsense/);
});

contract("bad input: log formats", async (box) => {
  const result = await box.cli(["list"], { globals: ["--log-format", "nonsense"] });
  assertError(result, /nonsense/);
});

contract("bad input: a state directory without a state, and one with half of it", async (box) => {
  for (const [name, text] of [["empty", undefined], ["half", '{"id": "ha'], ["other", "[]"]] as const) {
    const id = `${box.token}-${name}`;
    Deno.mkdirSync(`${box.root}/${id}`, { recursive: true });
    if (text !== undefined) Deno.writeTextFileSync(`${box.root}/${id}/state.json`, text);
    const result = await box.cli(["state", id]);
    assertEquals(result.code, 1, name);
    assertOneLine(result);
    assertEquals((await box.cli(["start", id])).code, 1, name);
    const removed = await box.cli(["delete", "--force", id]);
    assertEquals(removed.code, 0, `${name}: ${removed.stderr}`);
    assert(!exists(`${box.root}/${id}`), name);
  }
}, { notOnReference: "runc 1.1.5 cannot remove a container whose state it cannot read" });

contract("bad input: the root directory must not be /", async (box) => {
  const result = await box.command([box.runtime.path, "--root", "/", "list"]);
  assertError(result, /Option --root argument should not be set to \//);
}, { notOnReference: "came with a later runc" });

contract("bad input: a console socket where there is no terminal", async (box) => {
  const result = await box.container().create({ flags: ["--console-socket", `${box.dir}/none.sock`] });
  assertError(result, /cannot use console socket if \w+ will not detach or allocate tty/);
  await box.assertNothingLeft();
});

contract("bad input: a pid file that cannot be written leaves nothing", async (box) => {
  const result = await box.container().create({ flags: ["--pid-file", `${box.dir}/none/pid`] });
  assertError(result, /no such file or directory/);
  await box.assertNothingLeft();
});

contract("bad input: a mapping of users without a user namespace", async (box) => {
  const result = await box.container({ linux: { uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }] } })
    .create();
  assertError(result, /user namespace mappings specified, but user namespace isn't enabled in the config/i);
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 ignores the mapping" });

contract("bad input: a config of several megabytes is read or refused, not endured", async (box: Box) => {
  const container = box.container({ annotations: { big: "x".repeat(3_000_000) } });
  const result = await container.run({ timeout: 15_000 });
  assert(result.code === 0 || result.stderr.trim() !== "");
});

contract("bad input: text from outside forges no line and steers no terminal", async (box) => {
  const forged = 'x\ntime="now" level=error msg="forged"\x1b[2J\x9b2J', log = `${box.dir}/log`;
  const container = box.container();
  for (
    const overrides of [
      { process: { args: [`/${forged}`] } },
      { process: { args: ["/probe"], cwd: `/proc/${forged}` } },
      { mounts: [{ destination: `/${forged}`, type: forged, source: forged }] },
      { process: { rlimits: [{ type: forged, soft: 1, hard: 1 }] } },
      { linux: { namespaces: [{ type: forged }] } },
      { root: { path: forged } },
    ]
  ) {
    container.writeConfig(JSON.stringify(box.config(container.id, overrides)));
    const globals = ["--log", log, "--log-format", "text"];
    const result = await box.cli(["create", "--bundle", container.bundle.dir, container.id], { globals });
    if (result.code === 0) await box.cli(["delete", "--force", container.id]);
    const said = result.stderr + (exists(log) ? Deno.readTextFileSync(log) : "");
    // deno-lint-ignore no-control-regex
    assert(!/[\x00-\x09\x0b-\x1f\x7f-\x9f]|^time="now"/m.test(said), JSON.stringify([overrides, said]));
    assertOneLine(result.stderr === "" ? { ...result, stderr: said } : result);
    if (exists(log)) Deno.removeSync(log);
  }
  assertOneLine(await box.cli(["state", forged]));
}, { notOnReference: "runc 1.1.5 prints parts of a config as they are" });
