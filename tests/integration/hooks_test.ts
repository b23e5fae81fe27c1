/** The six kinds of hooks: when they run, where, with which state, and what their failure means. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, until } from "../lib/process.ts";

const HOST_KINDS = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"];

/** A hook of the host's shell. */
function hook(script: string, more: Dict = {}): Dict {
  return { path: "/bin/sh", args: ["sh", "-c", script], ...more };
}

/** A hook that notes facts and state in files named after its kind, and then the kind in the box's log. */
function recorder(box: Box, kind: string): Dict {
  const inside = kind === "startContainer";
  const dir = inside ? "/hook" : `${box.dir}/hook`;
  const facts = ["mnt", "pid", "net", "uts"].map((name) => `$(readlink /proc/self/ns/${name})`).join(" ");
  const log = inside ? `/hook/log` : `${box.dir}/hook/log`;
  return hook(`echo ${facts} $PWD >${dir}/${kind}.facts; cat >${dir}/${kind}.json; echo ${kind} >>${log}`);
}

/** A container with a recorder of each kind; startContainer's files are brought to the same directory. */
function recorded(box: Box, overrides: Dict = {}): Container {
  Deno.mkdirSync(`${box.dir}/hook`);
  const hooks = Object.fromEntries(
    [...HOST_KINDS, "startContainer"].map((kind) => [kind, [recorder(box, kind)]]),
  );
  const bind = { destination: "/hook", type: "bind", source: `${box.dir}/hook`, options: ["bind"] };
  const { mounts } = box.config("", {}) as { mounts: Dict[] };
  return box.container({ hooks, mounts: [...mounts, bind], ...overrides });
}

const facts = (box: Box, kind: string) => readText(`${box.dir}/hook/${kind}.facts`).trim().split(" ");
const stateOf = (box: Box, kind: string) => JSON.parse(readText(`${box.dir}/hook/${kind}.json`));
const log = (box: Box) => readText(`${box.dir}/hook/log`).split("\n").filter((line) => line);

contract("hooks: those of create run at create, in order", async (box) => {
  const container = recorded(box, { process: { args: sh("sleep 1000") } });
  await container.created();
  assertEquals(log(box).slice(0, 3), ["prestart", "createRuntime", "createContainer"]);
  assertOk(await container.start());
  await until("startContainer", () => log(box).includes("startContainer"));
  assertOk(await container.delete("--force"));
  assertEquals(log(box).at(-1), "poststop");
  assertEquals([...log(box)].sort(), [...HOST_KINDS, "startContainer"].sort());
});

contract("hooks: startContainer and poststart run at start, in that order", async (box) => {
  const container = recorded(box, { process: { args: sh("sleep 1000") } });
  await container.created();
  assertEquals(log(box), ["prestart", "createRuntime", "createContainer"]);
  assertOk(await container.start());
  assertEquals(log(box).slice(3), ["startContainer", "poststart"]);
}, {
  notOnReference: "runc 1.1.5 runs poststart at create already, and start does not wait for startContainer",
});

contract("hooks: each runs in the namespaces of its kind", async (box) => {
  const container = recorded(box, { process: { args: sh("sleep 1000") } });
  await container.started();
  const pid = await container.pid();
  const links = (base: string) =>
    ["mnt", "pid", "net", "uts"].map((name) => Deno.readLinkSync(`${base}/${name}`));
  const host = links("/proc/self/ns");
  const inside = links(`/proc/${pid}/ns`);
  await until("startContainer", () => log(box).includes("startContainer"));
  assertOk(await container.delete("--force"));
  for (const kind of ["prestart", "createRuntime", "poststart", "poststop"]) {
    assertEquals(facts(box, kind).slice(0, 4), host, kind);
  }
  for (const kind of ["createContainer", "startContainer"]) {
    assertEquals(facts(box, kind).slice(0, 4), inside, kind);
  }
});

contract("hooks: createContainer sees the container's mounts, before the root is changed", async (box) => {
  const container = box.container();
  const script =
    `grep -c " ${container.bundle.rootfs}/proc " /proc/self/mountinfo >${box.dir}/mounts; ls / >${box.dir}/ls`;
  container.configure({ hooks: { createContainer: [hook(script)] } });
  assertOk(await container.create());
  assertEquals(readText(`${box.dir}/mounts`), "1\n");
  assertEquals(readText(`${box.dir}/ls`).includes("boot\n"), exists("/boot"));
});

contract("hooks: prestart and createRuntime see the namespaces of the init by its host pid", async (box) => {
  // What docker's network hook does: enter /proc/<pid>/ns/net with the pid of the state.
  const script =
    `pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); readlink /proc/$pid/ns/net; readlink /proc/$pid/ns/mnt; nsenter --net=/proc/$pid/ns/net ip -o link`;
  const kinds = ["prestart", "createRuntime"];
  const hooks = Object.fromEntries(
    kinds.map((
      kind,
    ) => [kind, [hook(`(${script}) >${box.dir}/${kind}`, { env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] })]]),
  );
  const container = await box.container({ process: { args: sh("sleep 1000") }, hooks }).created();
  const ns = `/proc/${await container.pid()}/ns`;
  for (const kind of kinds) {
    const [net, mnt, ...interfaces] = readText(`${box.dir}/${kind}`).trim().split("\n");
    assertEquals([net, mnt], [Deno.readLinkSync(`${ns}/net`), Deno.readLinkSync(`${ns}/mnt`)]);
    assertEquals(interfaces.length, 1, interfaces.join());
    assertMatch(interfaces[0], / lo: /);
  }
});

contract("hooks: what prestart adds to the network is there for the process", async (box) => {
  const script =
    `pid=$(sed 's/.*"pid":\\([0-9]*\\).*/\\1/'); nsenter --net=/proc/$pid/ns/net ip link add hook0 type bridge`;
  const hooks = { prestart: [hook(script, { env: ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"] })] };
  const facts = await box.container().probe({ hooks });
  assert("hook0" in facts.interfaces, JSON.stringify(facts.interfaces));
});

contract("hooks: the state on standard input", async (box) => {
  const container = recorded(box, { process: { args: sh("sleep 1000") }, annotations: { key: "value" } });
  await container.started();
  const pid = await container.pid();
  await until("startContainer", () => log(box).includes("startContainer"));
  assertOk(await container.delete("--force"));
  const status = {
    prestart: "creating",
    createRuntime: "creating",
    createContainer: "creating",
    startContainer: "created",
  };
  for (const [kind, expected] of Object.entries(status)) {
    const state = stateOf(box, kind);
    assertEquals([kind, state.id, state.status, state.bundle], [
      kind,
      container.id,
      expected,
      container.bundle.dir,
    ]);
    assertEquals(state.annotations, { key: "value" });
    assertMatch(state.ociVersion, /^1\./);
  }
  assertEquals(stateOf(box, "prestart").pid, pid);
  assertEquals(stateOf(box, "createRuntime").pid, pid);
  assertEquals(stateOf(box, "poststop").status, "stopped");
});

contract("hooks: the state of poststart says running", async (box) => {
  const container = await recorded(box, { process: { args: sh("sleep 1000") } }).started();
  const state = stateOf(box, "poststart");
  assertEquals([state.status, state.pid], ["running", await container.pid()]);
}, { notOnReference: "runc 1.1.5 runs poststart at create, with status created" });

contract("hooks: the working directory is the bundle", async (box) => {
  const container = await recorded(box, { process: { args: sh("sleep 1000") } }).created();
  for (const kind of ["prestart", "createRuntime"]) {
    assertEquals(facts(box, kind)[4], container.bundle.dir, kind);
  }
});

contract("hooks: arguments and environment are exactly the given ones", async (box) => {
  const script =
    `tr '\\0' '\\n' </proc/$$/environ >${box.dir}/env; tr '\\0' '|' </proc/$$/cmdline >${box.dir}/args`;
  const args = ["name of my own", "-c", script, "a b", ""];
  const hooks = { createRuntime: [{ path: "/bin/sh", args, env: ["A=1", "B=two words"] }] };
  await box.container({ hooks }).created({ env: { SECRET: "x" } });
  assertEquals(readText(`${box.dir}/env`), "A=1\nB=two words\n");
  assertEquals(readText(`${box.dir}/args`), args.map((arg) => `${arg}|`).join(""));
});

contract("hooks: without args the path is the only argument", async (box) => {
  Deno.writeTextFileSync(`${box.dir}/hook.sh`, `#!/bin/sh\necho $# >${box.dir}/count\n`, { mode: 0o755 });
  await box.container({ hooks: { createRuntime: [{ path: `${box.dir}/hook.sh` }] } }).created();
  assertEquals(readText(`${box.dir}/count`), "0\n");
});

contract("hooks: several of a kind run one after the other", async (box) => {
  const createRuntime = [1, 2, 3].map((n) => hook(`sleep 0.0${4 - n}; echo ${n} >>${box.dir}/order`));
  await box.container({ hooks: { createRuntime } }).created();
  assertEquals(readText(`${box.dir}/order`), "1\n2\n3\n");
});

contract("hooks: a failure before the start undoes everything, and poststop runs", async (box) => {
  for (const kind of ["prestart", "createRuntime", "createContainer"]) {
    const stop = `${box.dir}/${kind}-poststop`;
    const container = box.container({
      hooks: {
        [kind]: [hook("echo to stdout; echo to stderr >&2; exit 7")],
        poststop: [hook(`echo >${stop}`)],
      },
    });
    const result = await container.create();
    assertError(
      result,
      new RegExp(
        `error running (${kind} )?hook #0: (error running hook: )?exit status 7, stdout: to stdout.*, stderr: to stderr`,
        "s",
      ),
    );
    assertError(await box.cli(["state", container.id]), /container does not exist/);
    assert(exists(stop), `${kind}: poststop did not run`);
  }
  await box.assertNothingLeft();
});

contract("hooks: later ones of the kind do not run after a failure", async (box) => {
  const createRuntime = [hook("exit 1"), hook(`echo >${box.dir}/second`)];
  assertEquals((await box.container({ hooks: { createRuntime } }).create()).code, 1);
  assert(!exists(`${box.dir}/second`));
});

contract("hooks: a program that is not there is an error that names it", async (box) => {
  const result = await box.container({ hooks: { createRuntime: [{ path: "/no/such/hook" }] } }).create();
  assertError(result, /\/no\/such\/hook.*no such file or directory/);
  await box.assertNothingLeft();
});

contract("hooks: one that runs too long is killed", async (box) => {
  const hooks = { createRuntime: [hook(`echo $$ >${box.dir}/pid; exec sleep 10000`, { timeout: 1 })] };
  const result = await box.container({ hooks }).create();
  assertError(result, /hook ran past specified timeout of 1/);
  const pid = readText(`${box.dir}/pid`).trim();
  await until(
    "the end of the hook",
    () => !exists(`/proc/${pid}/exe`) || /^State:\s+Z/m.test(readText(`/proc/${pid}/status`)),
  );
  await box.assertNothingLeft();
});

contract("hooks: one that ends in time is not delayed by its timeout", async (box) => {
  // No command of a test may take that long.
  await box.container({ hooks: { createRuntime: [hook("true", { timeout: 600 })] } }).created();
});

contract("hooks: one that does not read its input, and one that leaves a child behind", async (box) => {
  await box.container({ hooks: { createRuntime: [hook("exec <&-; true"), { path: "/bin/true" }] } })
    .created();
  await box.container({
    hooks: { createRuntime: [hook(`sleep 10000 <&- >&- 2>&- & echo $! >${box.dir}/child`)] },
  }).created();
  Deno.kill(Number(readText(`${box.dir}/child`)), "SIGKILL"); // Fails where there is no child any more.
});

contract("hooks: a failing startContainer ends the container", async (box) => {
  const container = await box.container({
    process: { args: sh("echo ran") },
    hooks: { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "exit 3"] }] },
  }).created();
  await container.start();
  await container.wait("stopped");
  assertEquals(container.stdout(), "");
});

contract("hooks: start reports the failure of startContainer", async (box) => {
  const container = await box.container({
    hooks: { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", "exit 3"] }] },
  }).created();
  assertError(await container.start(), /error running startContainer hook #0: exit status 3/);
}, { notOnReference: "runc's start does not learn of it" });

contract(
  "hooks: startContainer is looked up in the container, with the process's environment",
  async (box) => {
    const container = box.container();
    Deno.writeTextFileSync(
      container.path("/bin/my-hook"),
      "#!/bin/sh\necho $MARK >/hook-ran; id -u >>/hook-ran\n",
      { mode: 0o755 },
    );
    container.configure({
      process: { args: sh("cat /hook-ran"), env: ["PATH=/bin", "MARK=of the config"] },
      hooks: { startContainer: [{ path: "/bin/my-hook", env: ["PATH=/bin", "MARK=of the hook"] }] },
    });
    assertEquals(await container.output(), "of the hook\n0\n");
  },
);

for (const noNewPrivileges of [true, false]) {
  const how = noNewPrivileges ? "with" : "without";
  contract(
    `hooks: startContainer has the container's filter, limits and rights, ${how} no-new-privileges`,
    async (box) => {
      const script =
        "{ grep -E '^(Seccomp|Cap[EPBA]..|NoNewPrivs):' /proc/self/status; ulimit -n; } >/hook-ran";
      const container = box.container({
        process: {
          args: sh(
            "cat /hook-ran; echo; grep -E '^(Seccomp|Cap[EPBA]..|NoNewPrivs):' /proc/self/status; ulimit -n",
          ),
          noNewPrivileges,
          rlimits: [{ type: "RLIMIT_NOFILE", soft: 61, hard: 61 }],
        },
        hooks: { startContainer: [{ path: "/bin/sh", args: ["sh", "-c", script] }] },
        linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW" } },
      });
      const [hook, program] = (await container.output()).split("\n\n");
      assertEquals(hook, program.trimEnd());
      assertMatch(hook, /^Seccomp:\s2$/m);
      assertMatch(hook, /^61$/m);
    },
  );
}

contract("hooks: startContainer that makes a forbidden call is killed, and start says so", async (box) => {
  const container = await box.container({
    process: { args: sh("echo ran >/ran") },
    hooks: { startContainer: [{ path: "/bin/mkdir", args: ["mkdir", "/x"] }] },
    linux: {
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_KILL_PROCESS" }],
      },
    },
  }).created();
  assertError(await container.start(), /error running startContainer hook #0: signal: bad system call/);
  assertEquals(exists(container.path("/ran")), false);
}, { notOnReference: "runc's start does not learn of it" });

contract("hooks: a failing poststart is reported, and ends the container", async (box) => {
  const container = box.container({
    process: { args: sh("sleep 1000") },
    hooks: { poststart: [hook("exit 4")] },
  });
  await container.created();
  const pid = await container.pid();
  assertError(await container.start(), /error running poststart hook #0: exit status 4/);
  await until("the end of the process", () => !exists(`/proc/${pid}/exe`));
}, { notOnReference: "runc 1.1.5 runs poststart at create" });

contract("hooks: run reports a failing poststart, and runs poststop once", async (box) => {
  for (const flags of [[], ["--detach"]]) {
    const container = box.container({
      process: { args: sh("sleep 1000") },
      hooks: { poststart: [hook("exit 4")], poststop: [hook(`echo stopped >>${box.dir}/poststop`)] },
    });
    assertError(await container.run({ flags }), /run failed: error running .*exit status 4/);
    assertEquals(readText(`${box.dir}/poststop`), "stopped\n");
    Deno.removeSync(`${box.dir}/poststop`);
    await box.assertNothingLeft();
  }
});

contract(
  "hooks: a failing poststop does not keep the others, or the removal, from happening",
  async (box) => {
    const poststop = [hook("exit 5"), hook(`echo >${box.dir}/second`)];
    const container = await box.container({ hooks: { poststop } }).created();
    assertOk(await container.delete("--force"));
    assert(exists(`${box.dir}/second`));
    await box.assertNothingLeft();
  },
  { notOnReference: "runc 1.1.5 stops at the first failure, against the runtime-spec" },
);

contract(
  "hooks: a failing poststop is a warning wherever a container ends: delete, failed create, failed start, run",
  async (box) => {
    const warning = /level=warning msg="error running poststop hook #0: exit status 5/;
    const withHooks = (more: object, args = sh("sleep 10")) => {
      const poststop = [hook("exit 5"), hook(`echo >>${box.dir}/second`)];
      return box.container({ hooks: { poststop, ...more }, process: { args } });
    };
    const failing = [hook("exit 7")];
    const deleted = await withHooks({}).created();
    const create = await withHooks({ createRuntime: failing }).create();
    const start = await (await withHooks({ poststart: failing }).created()).start();
    const results = [await deleted.delete("--force"), create, start, await withHooks({}, sh("true")).run()];
    for (const { stderr } of results) assert(warning.test(stderr), stderr);
    assertEquals(results.map(({ code }) => code), [0, 1, 1, 0]);
    assertEquals(readText(`${box.dir}/second`), "\n".repeat(4));
    await box.assertNothingLeft();
  },
  { notOnReference: "runc 1.1.5 stops at the first failure, and says it as an error" },
);

contract("hooks: run does all of them", async (box) => {
  const container = recorded(box, { process: { args: sh("true") } });
  assertOk(await container.run());
  assertEquals([...log(box)].sort(), [...HOST_KINDS, "startContainer"].sort());
  assertEquals(log(box).at(-1), "poststop");
});

contract("hooks: paths must be absolute", async (box) => {
  const result = await box.container({ hooks: { createRuntime: [{ path: "relative" }] } }).create();
  assertEquals(result.code, 1);
  await box.assertNothingLeft();
});
