/** `exec`: one more process in a container: what it is given, what it is refused, how it ends. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, execDocument, execOutput, sleeper } from "../lib/exec.ts";
import { capabilityBits, parseFacts, PROBE } from "../lib/probe.ts";
import { exists, readText, until } from "../lib/process.ts";
import { lacksCgroupV1 } from "../lib/skip.ts";
import { UnixListener } from "../lib/unix_listener.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The kernel closes what closes on exec, by which tsrun knows of it, before it gives the process its new
 * name.
 */
const becomes = (pid: string, name: string) =>
  until(`${pid} to be ${name}`, () => readText(`/proc/${pid}/comm`) === `${name}\n`);

contract("exec: in every namespace and cgroup of the container", async (box) => {
  const container = await sleeper(box);
  const inside = parseFacts(await execOutput(container, PROBE));
  const init = `/proc/${await container.pid()}`;
  for (const name of ["mnt", "uts", "ipc", "net", "pid", "cgroup", "user"]) {
    assertEquals(inside.ns[name], Deno.readLinkSync(`${init}/ns/${name}`), name);
  }
  assertEquals(inside.hostname, "box");
  for (const line of inside.cgroup.filter((line) => !line.startsWith("0::"))) {
    assertMatch(line, new RegExp(`/${container.id}$`), line);
  }
});

contract("exec: as the container's process is run", async (box) => {
  const container = await sleeper(box, { process: { env: [PATH, "A=1"], cwd: "/tmp" } });
  const inside = parseFacts(await execOutput(container, PROBE));
  const init = readText(`/proc/${await container.pid()}/status`);
  for (
    const field of ["Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs"]
  ) {
    assertEquals(inside.status[field], new RegExp(`^${field}:(.*)`, "m").exec(init)![1].trim(), field);
  }
  assertEquals(inside.status.SigBlk, "0000000000000000");
  // What the caller ignores stays ignored; SIGPIPE is what a runtime might ignore for itself.
  assertEquals(parseInt(inside.status.SigIgn, 16) & 0x1000, 0);
  assertEquals(inside.env.sort(), ["A=1", "HOME=/root", PATH].sort());
  assertEquals(inside.cwd, "/tmp");
  assertEquals(Object.keys(inside.fds).sort(), ["0", "1", "2"]);
});

contract("exec: arguments stay as they are, standard streams are the caller's", async (box) => {
  const container = await sleeper(box);
  const args = ["/bin/printf", "%s|", "", "two words", "-u", "--", "ü"];
  assertEquals(await execOutput(container, args), "|two words|-u|--|ü|");
  assertEquals(await execOutput(container, ["cat"], { stdin: "in\n" }), "in\n");
  const result = await exec(container, sh("echo out; echo err >&2"));
  assertEquals([result.stdout, result.stderr], ["out\n", "err\n"]);
});

contract("exec: two dashes behind the id are left out, others are arguments", async (box) => {
  const container = await sleeper(box);
  assertEquals(await execOutput(container, ["--", "echo", "--", "a"]), "-- a\n");
  assertEquals((await exec(container, ["--", "--", "echo"])).code, 255);
}, { notOnReference: "runc 1.1.5 takes them for the program's name; 1.4 does not" });

contract("exec: exit status is the program's, or 128 + n", async (box) => {
  const container = await sleeper(box);
  assertEquals((await exec(container, sh("exit 0"))).code, 0);
  assertEquals((await exec(container, sh("exit 42"))).code, 42);
  assertEquals((await exec(container, sh("kill -9 $$"))).code, 137);
  assertEquals((await exec(container, sh("kill -TERM $$"))).code, 143);
});

contract("exec: --env, --cwd, --user and --additional-gids", async (box) => {
  const container = await sleeper(box, { process: { user: { uid: 0, gid: 7 } } });
  const env = await execOutput(container, ["env"], {
    flags: ["--env", "A=x", "--env", "B=a,b", "--env", "A=y"],
  });
  assertEquals(env.split("\n").filter((line) => /^[AB]=/.test(line)), ["A=y", "B=a,b"]);
  assertEquals(await execOutput(container, ["pwd"], { flags: ["--cwd", "/etc"] }), "/etc\n");
  const ids = async (...flags: string[]) =>
    (await execOutput(container, sh("echo $(id -u) $(id -g) $(id -G); echo $HOME"), { flags })).split("\n");
  assertEquals(
    (await ids("--user", "1000:1000", "--additional-gids", "5", "--additional-gids", "6")).slice(0, 2),
    [
      "1000 1000 1000 5 6",
      "/home/user",
    ],
  );
  assertEquals((await ids("--user", "1"))[0], "1 7 7");
});

contract("exec: an id is a number, or an error", async (box) => {
  const container = await sleeper(box);
  for (const user of ["root", "1000:", " 1000", "1000 ", "-1", "1e3", "0x10", ":5", "4294967296", "1:x"]) {
    const result = await exec(container, ["true"], { flags: ["--user", user] });
    assertNotEquals(result.code, 0, user);
  }
}, { notOnReference: "runc takes -1 and 4294967296, by cutting them to 32 bits" });

contract("exec: a user without capabilities may not what root may", async (box) => {
  const container = await sleeper(box);
  Deno.writeTextFileSync(container.path("/secret"), "s", { mode: 0o600 });
  assertEquals((await exec(container, ["cat", "/secret"], { flags: ["--user", "1000:1000"] })).code, 1);
  const status = await execOutput(container, ["cat", "/proc/self/status"], {
    flags: ["--user", "1000:1000"],
  });
  assertMatch(status, /^CapEff:\s*0+$/m);
});

contract("exec: --cap adds to bounding, effective and permitted, never to inheritable", async (box) => {
  const container = await sleeper(box);
  const status = await execOutput(container, ["cat", "/proc/self/status"], {
    flags: ["--cap", "CAP_SYS_PTRACE"],
  });
  const bits = (name: string) => capabilityBits(new RegExp(`^${name}:\\s*(\\w+)`, "m").exec(status)![1]);
  for (const set of ["CapPrm", "CapEff", "CapBnd"]) assert(bits(set).includes(19), set);
  assertEquals(bits("CapInh"), []);
  assertEquals(bits("CapAmb"), []);
});

contract("exec: --no-new-privs, and what the config says without it", async (box) => {
  const container = await sleeper(box, { process: { noNewPrivileges: false } });
  const nnp = (...flags: string[]) =>
    execOutput(container, ["grep", "NoNewPrivs", "/proc/self/status"], { flags });
  assertEquals(await nnp(), "NoNewPrivs:\t0\n");
  assertEquals(await nnp("--no-new-privs"), "NoNewPrivs:\t1\n");
});

contract("exec: --preserve-fds", async (box) => {
  const container = await sleeper(box);
  Deno.writeTextFileSync(`${box.dir}/given`, "given\n");
  const options = { flags: ["--preserve-fds", "1"], redirect: `3<${box.dir}/given` };
  assertEquals(await execOutput(container, sh("cat <&3"), options), "given\n");
  const closed = await exec(container, sh("cat <&3"), { redirect: `3<${box.dir}/given` });
  assertNotEquals(closed.code, 0);
});

contract("exec: --detach returns when the program runs, --pid-file says its pid", async (box) => {
  const container = await sleeper(box);
  const pidFile = `${box.dir}/pid`;
  const result = await exec(container, ["sleep", "1000"], { flags: ["--detach", "--pid-file", pidFile] });
  assertOk(result);
  const text = readText(pidFile);
  assertMatch(text, /^\d+$/);
  await becomes(text, "sleep");
  assertMatch(readText(`/proc/${text}/status`), new RegExp(`^NSpid:\\s+${text}\\s+\\d+$`, "m"));
  Deno.kill(Number(text), "SIGKILL");
});

contract("exec: a detached program that cannot be executed is an error", async (box) => {
  const container = await sleeper(box);
  const pidFile = `${box.dir}/pid`;
  const result = await exec(container, ["nonsense"], { flags: ["--detach", "--pid-file", pidFile] });
  assertError(result, /exec failed: .*exec: "nonsense": executable file not found in \$PATH/, 255);
  assert(!exists(pidFile));
});

contract("exec: --pidfd-socket gets the process, and no program runs where nobody listens", async (box) => {
  const container = await sleeper(box);
  const send = (path: string) =>
    exec(container, ["sleep", "1000"], { flags: ["-d", "--pidfd-socket", path] });
  using listener = new UnixListener(`${box.dir}/s`);
  assertOk(await send(listener.path));
  const { text, fds } = await listener.message();
  assertEquals(text, "setns");
  const info = readText(`/proc/self/fdinfo/${fds[0]}`);
  const pid = Number(/^Pid:\s*(\d+)/m.exec(info)![1]);
  await becomes(String(pid), "sleep");
  local().call("pidfd_send_signal", [fds[0], 9, null, 0]);
  local().close(fds[0]);
  await until("its end", () => container.cgroup("pids", "pids.current") === "1");
  const none = `${box.dir}/none`;
  for (let i = 0; i < 5; i++) {
    const result = await exec(container, ["touch", "/ran"], { flags: ["--pidfd-socket", none] });
    assertError(result, new RegExp(`exec failed: dial unix ${none}: no such file or directory`), 255);
  }
  assertEquals(container.cgroup("pids", "pids.current"), "1");
  assert(!exists(container.path("/ran")), "the program ran");
}, { notOnReference: "--pidfd-socket came with runc 1.2" });

contract("exec: signals go on to the process", async (box) => {
  const container = await sleeper(box);
  let pid = 0;
  const running = exec(container, sh("trap 'exit 9' TERM; echo ready; while :; do sleep 0.1; done"), {
    onStart: (started) => pid = started,
    files: `${box.dir}/signalled`,
  });
  await until("the trap to be set", () => readText(`${box.dir}/signalled.out`).includes("ready"));
  Deno.kill(pid, "SIGTERM");
  assertEquals((await running).code, 9);
});

contract("exec: the errors that clients know, with exit status 255", async (box) => {
  const container = await sleeper(box);
  const fails = async (args: string[], pattern: RegExp, ...flags: string[]) =>
    assertError(await exec(container, args, { flags }), pattern, 255);
  await fails(["nonsense"], /exec failed: .*exec: "nonsense": executable file not found in \$PATH/);
  await fails(["/bin/nonsense"], /exec: "\/bin\/nonsense": stat \/bin\/nonsense: no such file or directory/);
  await fails(["/etc/passwd"], /exec: "\/etc\/passwd": permission denied/);
  await fails(["/etc"], /exec: "\/etc": (is a directory|permission denied)/);
  await fails(
    ["true"],
    /chdir to cwd \("\/nope"\) set in config.json failed: no such file/,
    "--cwd",
    "/nope",
  );
  await fails(["true"], /Cwd must be an absolute path/, "--cwd", "nope");
  await fails(["true"], /invalid environment variable/, "--env", "NONSENSE");
  await fails([], /process args cannot be empty/);
  await fails(["true"], /no such file or directory/, "--process", "/nope");
  const missing = await box.cli(["exec", `${box.token}-none`, "true"]);
  assertError(missing, /exec failed: container does not exist/, 255);
});

contract("exec: a program that is none", async (box) => {
  const container = await sleeper(box);
  Deno.writeTextFileSync(container.path("/bin/prog"), "nonsense", { mode: 0o755 });
  for (const flags of [[], ["--detach"]]) {
    assertError(await exec(container, ["prog"], { flags }), /exec failed: .*exec format error/, 255);
  }
}, { notOnReference: "Debian's runc is its init by then, and exits with 1" });

contract("exec: refuses a stopped container", async (box) => {
  const container = await box.container().started();
  await container.wait("stopped");
  assertError(await exec(container, ["true"]), /exec failed: cannot exec in a stopped container/, 255);
});

contract(
  "exec: refuses a paused container, unless --ignore-paused: then it runs when that is resumed",
  async (box) => {
    const container = await sleeper(box);
    assertOk(await box.cli(["pause", container.id]));
    const paused = /exec failed: cannot exec in a paused container \(use --ignore-paused to override\)/;
    assertError(await exec(container, ["true"]), paused, 255);
    const running = exec(container, sh("exit 3"), { flags: ["--ignore-paused"] });
    const inside = () => container.cgroup("freezer", "cgroup.procs").trim().split("\n").length;
    await until("the process to be in the frozen cgroup", () => inside() > 1);
    assertOk(await box.cli(["resume", container.id]));
    assertEquals((await running).code, 3);
  },
);

contract("exec: in a container that is created, before its program runs", async (box) => {
  const container = await box.container({ process: { args: ["sleep", "1000"] } }).created();
  assertEquals(await execOutput(container, ["hostname"]), "box\n");
  assertEquals(await container.status(), "created");
});

contract("exec: a document describes the whole process", async (box) => {
  const container = await sleeper(box, { process: { env: [PATH, "OF=config"] } });
  const document: Dict = {
    user: { uid: 1000, gid: 1000, additionalGids: [5] },
    args: sh("id -u; id -G; env | sort; pwd"),
    env: [PATH, "OF=document"],
    cwd: "/tmp",
  };
  const lines = (await execDocument(container, document)).split("\n");
  assertEquals(lines.slice(0, 2), ["1000", "1000 5"]);
  assert(lines.includes("OF=document") && lines.includes("HOME=/home/user") && lines.includes("/tmp"));
});

contract("exec: rlimits of the document, lowered for whatever user", async (box) => {
  const container = await sleeper(box);
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 20, hard: 30 },
    { type: "RLIMIT_NPROC", soft: 40, hard: 50 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
  ];
  const document = {
    user: { uid: 4711, gid: 4711 },
    args: sh("cat /proc/self/limits"),
    env: [PATH],
    cwd: "/",
    rlimits,
  };
  const limits = await execDocument(container, document);
  assertMatch(limits, /^Max open files +20 +30 /m);
  assertMatch(limits, /^Max processes +40 +50 /m);
  assertMatch(limits, /^Max core file size +0 +0 /m);
}, {
  notOnReference:
    "the Go program that runc is raises its soft limit of open files, now and then after it was set",
});

contract(
  "exec: 64-bit rlimits that no double holds are exact, of the document and of the container",
  async (box) => {
    const container = box.container();
    const rlimits = [{ type: "RLIMIT_FSIZE", soft: "@", hard: "@" }];
    const exact = (document: unknown) => JSON.stringify(document).replaceAll('"@"', "9223372036854775807");
    container.writeConfig(exact(box.config(container.id, { process: { args: sh("sleep 60"), rlimits } })));
    await container.started();
    const line = /^Max file size +9223372036854775807 +9223372036854775807 /m;
    assertMatch(await execOutput(container, sh("cat /proc/self/limits")), line);
    const document = {
      user: { uid: 4711, gid: 4711 },
      args: sh("cat /proc/self/limits"),
      env: [PATH],
      cwd: "/",
      rlimits,
    };
    const path = `${box.dir}/process.json`;
    Deno.writeTextFileSync(path, exact(document));
    assertMatch(await execOutput(container, [], { flags: ["--process", path] }), line);
  },
);

contract("exec: the umask of the container, else the caller's", async (box) => {
  const given = await sleeper(box, { process: { user: { uid: 0, gid: 0, umask: 0o27 } } });
  assertEquals(await execOutput(given, sh("umask")), "0027\n");
}, { notOnReference: "Debian's runc takes the caller's" });

contract("exec: oom_score_adj is the container's", async (box) => {
  const container = await sleeper(box, { process: { oomScoreAdj: 300 } });
  assertEquals(await execOutput(container, ["cat", "/proc/self/oom_score_adj"]), "300\n");
});

contract("exec: --cgroup, for all controllers or for some", async (box) => {
  const container = await sleeper(box);
  const mine = async (...flags: string[]) =>
    (await execOutput(container, ["cat", "/proc/self/cgroup"], { flags })).split("\n");
  const make = (name: string) => {
    for (const line of readText("/proc/self/cgroup").trim().split("\n")) {
      const controller = line.split(":")[1].replace("name=", "");
      const base = `/sys/fs/cgroup/${controller === "" ? "unified" : controller}`;
      if (exists(`${base}/${container.id}`)) Deno.mkdirSync(`${base}/${container.id}/${name}`);
    }
    for (const file of ["cpus", "mems"]) {
      const directory = `/sys/fs/cgroup/cpuset/${container.id}`;
      Deno.writeTextFileSync(`${directory}/${name}/cpuset.${file}`, readText(`${directory}/cpuset.${file}`));
    }
  };
  make("sub");
  const all = await mine("--cgroup", "sub");
  for (const line of all.filter((line) => /:(pids|cpu|devices|freezer):/.test(line))) {
    assertMatch(line, /\/sub$/);
  }
  const some = await mine("--cgroup", "pids,cpu:sub");
  assert(some.some((line) => /:pids:.*\/sub$/.test(line)));
  assert(some.some((line) => /:freezer:.*-1$/.test(line)));
  const fails = async (pattern: RegExp, ...flags: string[]) =>
    assertError(await exec(container, ["true"], { flags }), pattern, 255);
  await fails(/is not a sub cgroup path/, "--cgroup", "../x");
  await fails(/ adding pid \d+ to cgroups: .*no such file or directory/, "--cgroup", "none");
  await fails(/unknown controller foo/, "--cgroup", "foo:sub");
  await fails(/invalid --cgroup argument: a:b:c/, "--cgroup", "a:b:c");
  await fails(/missing <controller>: prefix/, "--cgroup", "a", "--cgroup", "b");
}, { skip: lacksCgroupV1() });

contract("exec: the container's session keyring", async (box) => {
  const container = await sleeper(box, { process: { noNewPrivileges: false } });
  const keys = await execOutput(container, sh("cat /proc/keys"));
  assertMatch(keys, new RegExp(`keyring\\s+_ses\\.${container.id}`));
}, { skip: exists("/proc/keys") ? undefined : "the kernel has no keys" });

contract("exec: no session keyring where the container was to have none", async (box) => {
  const container = box.container({ process: { args: ["sleep", "1000"], noNewPrivileges: false } });
  await container.started({ flags: ["--no-new-keyring"] });
  const keys = await execOutput(container, sh("cat /proc/keys"));
  assert(!keys.includes(`_ses.${container.id}`), keys);
}, { skip: exists("/proc/keys") ? undefined : "the kernel has no keys" });

contract("exec: /dev/null on standard input is the container's", async (box) => {
  const container = await sleeper(box);
  const device = await execOutput(container, sh("stat -L -c %d /proc/self/fd/0 /dev/null | uniq | wc -l"));
  assertEquals(device, "1\n");
}, { notOnReference: "Debian's runc leaves the host's" });

contract("exec: without any namespace of its own a container has a root still", async (box) => {
  const container = box.container({
    process: { args: ["sleep", "1000"] },
    linux: { namespaces: [{ type: "pid" }] },
    mounts: [],
  });
  await container.started({ stdin: "" });
  assertEquals(await execOutput(container, ["ls", "/home"], { stdin: "" }), "user\n");
}, { notOnReference: "runc enters no root but a mount namespace's" });
