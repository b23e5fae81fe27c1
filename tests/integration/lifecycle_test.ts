/** The lifecycle of the runtime-spec: create, start, state, kill, delete, and what each refuses. */
import type { Box } from "../lib/box.ts";
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { config, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, until } from "../lib/process.ts";

const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };

contract("lifecycle: created, running, stopped, gone", async (box) => {
  const container = await box.container({ process: { args: sh("echo ran; read line; echo $line") } })
    .created();
  assertEquals(await container.status(), "created");
  assert(exists(`/proc/${await container.pid()}`));
  assertEquals(container.stdout(), "", "the program ran before start");

  assertOk(await container.start());
  await container.wait("stopped");
  assertEquals(container.stdout(), "ran\n\n");
  assertEquals((await container.state()).pid, 0);

  assertOk(await container.delete());
  assertError(await box.cli(["state", container.id]), /container does not exist/);
  await box.assertNothingLeft();
});

contract("state: the document of the runtime-spec, and runc's fields", async (box) => {
  const container = box.container({ ...SLEEP, annotations: { "org.example.key": "a value" } });
  const before = Date.now();
  await container.created();
  const after = Date.now();
  const { ociVersion, pid, created, ...rest } = await container.state();
  assertMatch(ociVersion, /^1\.\d+\.\d+/);
  assertEquals(readText(`/proc/${pid}/cgroup`).includes(container.id), true);
  assertMatch(created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
  assert(Date.parse(created) >= before - 1 && Date.parse(created) <= after, created);
  assertEquals(rest, {
    id: container.id,
    status: "created",
    bundle: container.bundle.dir,
    rootfs: container.bundle.rootfs,
    annotations: { "org.example.key": "a value" },
    owner: "",
  });
  assertOk(await container.start());
  assertEquals({ pid: await container.pid(), status: await container.status() }, { pid, status: "running" });
});

contract("state: two spaces of indent", async (box) => {
  const container = await box.container(SLEEP).created();
  const { stdout } = await box.cli(["state", container.id]);
  assertEquals(stdout.trimEnd(), JSON.stringify(JSON.parse(stdout), null, 2));
});

contract("create: later changes of config.json have no effect", async (box) => {
  const container = await box.container({ process: { args: sh("echo first") } }).created();
  container.writeConfig("not even JSON");
  assertOk(await container.start());
  await container.wait("stopped");
  assertEquals(container.stdout(), "first\n");
});

contract("create: a second container of the same id is refused, the first goes on", async (box) => {
  const container = await box.container(SLEEP).created();
  assertError(await container.create(), /container with given ID already exists/);
  assertEquals(await container.status(), "created");
  assertOk(await container.start());
});

contract("start: refused unless created", async (box) => {
  const container = await box.container({ process: { args: sh("sleep 1000") } }).started();
  assertError(await container.start(), /cannot start an already running container/);
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertError(await container.start(), /cannot start a container that has stopped/);
  assertError(await box.cli(["start", `${box.token}-none`]), /container does not exist/);
});

contract("kill: signals by name, SIG name and number, in any case", async (box) => {
  const script =
    'for s in TERM USR1 USR2 HUP INT; do trap "echo $s" $s; done; echo ready; while :; do sleep .02; done';
  const container = await box.container({ process: { args: sh(script) } }).started();
  const printed = (line: string) => until(line, () => container.stdout().split("\n").includes(line));
  await printed("ready");
  const cases = { TERM: [], USR1: ["USR1"], USR2: ["SIGUSR2"], HUP: ["1"], INT: ["sigint"] };
  for (const [expected, args] of Object.entries(cases)) {
    assertOk(await container.kill(...args));
    await printed(expected);
  }
  assertOk(await container.kill("0"));
  assertOk(await container.kill("kill"));
  await container.wait("stopped");
});

contract("kill: what it refuses", async (box) => {
  const container = await box.container(SLEEP).started();
  assertError(await container.kill("SIGNONSENSE"), /unknown signal "SIGNONSENSE"/);
  assertEquals(await container.status(), "running");
  assertOk(await container.kill("9"));
  await container.wait("stopped");
  assertError(await container.kill("9"), /container not running/);
  assertOk(await container.kill("--all", "9"));
  assertError(await box.cli(["kill", `${box.token}-none`]), /container does not exist/);
});

contract("kill: a created container", async (box) => {
  const container = await box.container(SLEEP).created();
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertError(await container.start(), /cannot start a container that has stopped/);
});

/** Sends each signal to a created container of its own. */
async function endCreated(box: Box, signals: readonly string[]): Promise<void> {
  for (const signal of signals) {
    const container = await box.container(SLEEP).created();
    assertOk(await container.kill(signal));
    await container.wait("stopped");
  }
}

contract("kill: HUP, INT and TERM end a created container", (box) => endCreated(box, ["HUP", "INT", "TERM"]));

contract(
  "kill: every signal that ends a process ends a created container",
  (box) => endCreated(box, ["QUIT", "USR1", "ALRM", "PIPE", "PWR", "34", "RTMAX"]),
  { notOnReference: "runc's init ignores some: a Go program does" },
);

/** Sends each signal, by kill(2) and not by the runtime, to the init of a created container of its own. */
async function endFromOutside(box: Box, signals: readonly Deno.Signal[]): Promise<void> {
  for (const signal of signals) {
    const container = await box.container(SLEEP).created();
    Deno.kill(await container.pid(), signal);
    await container.wait("stopped");
    assertError(await container.start(), /cannot start a container that has stopped/);
  }
}

contract(
  "signals: from outside, HUP, INT, QUIT and TERM end a created container",
  (box) => endFromOutside(box, ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"]),
);

contract("signals: from outside, every signal that ends a process ends a created container", async (box) => {
  await endFromOutside(box, ["SIGUSR1", "SIGALRM", "SIGPIPE", "SIGIO"]);
  const container = await box.container(SLEEP).created(), pid = await container.pid();
  const caught = () => /^SigCgt:\s*(\w+)/m.exec(readText(`/proc/${pid}/status`))![1];
  // All but KILL, CHLD, CONT, STOP, TSTP, TTIN, TTOU, URG and WINCH.
  assertEquals(caught(), "fffffffff780feff");
  assertOk(await container.start());
  await until("the program", () => readText(`/proc/${pid}/comm`).startsWith("sleep"));
  assertEquals(caught(), "0000000000000000");
}, { notOnReference: "runc's init ignores some: a Go program does" });

contract("signals: one that ends no process leaves a created container as it is", async (box) => {
  const container = await box.container(SLEEP).created(), pid = await container.pid();
  for (const signal of ["SIGCHLD", "SIGCONT", "SIGURG", "SIGWINCH"] as const) Deno.kill(pid, signal);
  assertEquals(await container.status(), "created");
  assertOk(await container.start());
  await until("the program", () => readText(`/proc/${pid}/comm`).startsWith("sleep"));
});

contract(
  "kill: a signal that ends no process leaves a container created; then start makes it process 1",
  async (box) => {
    const container = await box.container(SLEEP).created();
    for (const signal of ["0", "CHLD", "CONT", "URG", "WINCH"]) assertOk(await container.kill(signal));
    assertEquals(await container.status(), "created");
    const pid = await container.pid();
    assertOk(await container.start());
    await until("the program", () => readText(`/proc/${pid}/comm`).startsWith("sleep"));
    // It has no handler, so the kernel keeps it from being ended so.
    assertOk(await container.kill("TERM"));
    assertEquals(await container.status(), "running");
  },
);

contract("kill: without a PID namespace, KILL --all reaches every process", async (box) => {
  const container = box.container({ process: { args: sh("sleep 1000 & sleep 1000 & echo ready; wait") } });
  container.configure({
    process: { args: sh("sleep 1000 & sleep 1000 & echo ready; wait") },
    linux: { namespaces: [{ type: "mount" }, { type: "ipc" }, { type: "uts" }] },
  });
  await container.started();
  await until("ready", () => container.stdout() === "ready\n");
  const procs = () => container.cgroup("pids", "cgroup.procs").split("\n").filter((line) => line !== "");
  assertEquals(procs().length, 3);
  assertOk(await container.kill("--all", "KILL"));
  await until("the cgroup to be empty", () => procs().length === 0);
});

contract("kill: without a PID namespace, KILL ends what a dead init has left behind", async (box) => {
  const container = box.container();
  container.configure({
    process: { args: sh("sleep 1000 & sleep 1000 & echo ready; wait") },
    linux: { namespaces: [{ type: "mount" }, { type: "ipc" }, { type: "uts" }] },
  });
  await container.started();
  await until("ready", () => container.stdout() === "ready\n");
  Deno.kill(await container.pid(), "SIGKILL");
  await container.wait("stopped");
  const procs = () => container.cgroup("pids", "cgroup.procs").split("\n").filter((line) => line !== "");
  assertEquals(procs().length, 2);
  assertError(await container.kill("TERM"), /container not running/);
  assertOk(await container.kill("KILL"));
  await until("the cgroup to be empty", () => procs().length === 0);
  assertOk(await container.kill("KILL"));
  assertOk(await container.delete());
  assertError(await container.kill("KILL"), /container does not exist/);
}, { notOnReference: "runc 1.1.5 says that the container does not run; 1.2 does not" });

contract("delete: created yes, running no, running with --force yes, stopped yes", async (box) => {
  const created = await box.container(SLEEP).created();
  const pid = await created.pid();
  assertOk(await created.delete());
  await until("the end of the created process", () => !exists(`/proc/${pid}`));

  const running = await box.container(SLEEP).started();
  assertError(
    await running.delete(),
    new RegExp(`cannot delete container ${running.id} that is not stopped: running`),
  );
  assertEquals(await running.status(), "running");
  assertOk(await running.delete("--force"));

  const stopped = await box.container().started();
  await stopped.wait("stopped");
  assertOk(await stopped.delete());
  await box.assertNothingLeft();
});

contract("delete: a container that does not exist", async (box) => {
  const id = `${box.token}-none`;
  assertError(await box.cli(["delete", id]), /container does not exist/);
  assertEquals(await box.cli(["delete", "--force", id]), { code: 0, stdout: "", stderr: "" });
});

contract("delete --force: processes outlive the init where there is no PID namespace", async (box) => {
  const container = box.container({
    process: { args: sh("sleep 1000 & sleep 1000 & echo $!") },
    linux: { namespaces: [{ type: "mount" }] },
  });
  await container.started();
  await container.wait("stopped");
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
});

contract("create: the bundle is the working directory unless given", async (box) => {
  const container = box.container(SLEEP);
  assertOk(await box.cli(["create", container.id], { cwd: container.bundle.dir }));
  assertEquals((await container.state()).bundle, container.bundle.dir);
});

contract("create: the pid file holds the number alone, relative to the caller's directory", async (box) => {
  const container = await box.container(SLEEP).created({ flags: ["--pid-file", "init.pid"], cwd: box.dir });
  assertEquals(readText(`${box.dir}/init.pid`), String(await container.pid()));
});

contract("create: the init is handed to the caller's side and no runtime process stays", async (box) => {
  const container = await box.container(SLEEP).created();
  const status = readText(`/proc/${await container.pid()}/status`);
  const parent = /^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? "";
  assert(!readText(`/proc/${parent}/cmdline`).includes(box.token), "the parent is a runtime process");
  const inCgroup = container.cgroup("pids", "cgroup.procs").split("\n");
  assertEquals(inCgroup, [String(await container.pid())]);
});

contract("create: a root path that is a file, and flags without a value, are errors", async (box) => {
  const container = box.container();
  Deno.writeTextFileSync(`${box.dir}/file`, "");
  const result = await box.command([
    ...[box.runtime.path, "--root", `${box.dir}/file`],
    ...["create", "--bundle", container.bundle.dir, container.id],
  ]);
  assertEquals(result.code, 1);
  assertMatch(result.stderr, /not a directory/);
  const missing = await box.cli(["create", "--bundle"]);
  assertNotEquals(missing.code, 0);
});

contract("lifecycle: many containers at the same time", async (box) => {
  const containers = Array.from(
    { length: 8 },
    (_, i) => box.container({ process: { args: sh(`echo ${i}; sleep .1`) } }),
  );
  const results = await Promise.all(containers.map((container) => container.run()));
  assertEquals(results.map((result) => result.stdout), containers.map((_, i) => `${i}\n`));
  assertEquals(results.map((result) => result.code), containers.map(() => 0));
});

contract(
  "lifecycle: the default root is not needed when --root is given, and its directory is made",
  async (box) => {
    assert(!exists(box.root));
    const container = await box.container(SLEEP).created();
    assert(exists(`${box.root}/${container.id}`));
    assertEquals(
      (Deno.statSync(`${box.root}/${container.id}`).mode ?? 0) & 0o777 & 0o066,
      0,
      "others may read or write",
    );
  },
);

contract("create: hosts' root given by a relative path", async (box) => {
  const container = box.container(SLEEP);
  container.writeConfig(JSON.stringify(config({ root: { path: "./rootfs/../rootfs" }, ...SLEEP })));
  const result = await box.command(
    [box.runtime.path, "--root", "state", "create", "--bundle", "bundle1", container.id],
    { cwd: box.dir },
  );
  assertOk(result);
  assertEquals((await container.state()).bundle, container.bundle.dir);
  assertEquals((await container.state()).rootfs, container.bundle.rootfs);
});
