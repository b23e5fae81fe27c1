/** `exec` in a hostile container, under filters, in little memory, many times. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { DEFAULT_CAPABILITIES, type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, execDocument, execOutput, sleeper } from "../lib/exec.ts";
import { exists, readText, until } from "../lib/process.ts";
import { SeccompAgent } from "../lib/seccomp_agent.ts";
import { shifted } from "../lib/shifted.ts";
import { lacksCgroupV1 } from "../lib/skip.ts";
import { assertHarmless, watch, WATCHER } from "../lib/watcher.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The mask of docker's default capabilities. */
const DOCKER_CAPS = "00000000a80425fb";

async function shiftedSleeper(box: Box): Promise<Container> {
  return await (await shifted(box, { process: { args: ["sleep", "1000"] } })).started();
}

async function execMany(container: Container, flags: string[] = []): Promise<void> {
  for (let i = 0; i < 15; i++) assertOk(await exec(container, ["sleep", "0.01"], { flags }));
}

contract("exec: a hostile container sees nothing but the final process", async (box) => {
  const container = await box.container({ process: { args: sh(WATCHER) } }).started();
  assertHarmless(await watch(container, () => execMany(container)), DOCKER_CAPS);
}, { notOnReference: "runc's init is seen, with more rights" });

contract("exec: nor does it see a right that loading a filter takes", async (box) => {
  const process = { args: sh(WATCHER), noNewPrivileges: false };
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno("mkdir", 1)] };
  const container = await box.container({ process, linux: { seccomp } }).started();
  assertHarmless(await watch(container, () => execMany(container)), DOCKER_CAPS);
}, { notOnReference: "runc's init is seen, with more rights" });

contract("exec: nor anything that may be written to, where it may trace everything", async (box) => {
  const capabilities = [...DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE"];
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  const container = await box.container({ process: { args: sh(WATCHER), capabilities: sets } }).started();
  const seen = await watch(container, () => execMany(container));
  // Whoever has CAP_SYS_PTRACE may look; what is there is the process's own: standard streams, and where it
  // reports.
  for (const line of seen) {
    assertMatch(line, /caps= 00000000a80c25fb 00000000a80c25fb /, line);
    for (const [, fd] of line.matchAll(/\/fd\/(\d+)/g)) assert(Number(fd) < 3 || Number(fd) >= 200, line);
  }
}, { notOnReference: "runc's init is seen, with more rights" });

const errno = (name: string, errnoRet: number): Dict => ({
  names: [name],
  action: "SCMP_ACT_ERRNO",
  errnoRet,
});

for (const noNewPrivileges of [true, false]) {
  contract(`exec: the container's filter, noNewPrivileges ${noNewPrivileges}`, async (box) => {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno("sethostname", 2)] };
    const container = await sleeper(box, { process: { noNewPrivileges }, linux: { seccomp } });
    const status = await execOutput(container, ["cat", "/proc/self/status"]);
    assertMatch(status, /^Seccomp:\s+2$/m);
    assertMatch(status, /^Seccomp_filters:\s+1$/m);
    assertMatch(status, new RegExp(`^CapEff:\\s+${DOCKER_CAPS}$`, "m"));
    const result = await exec(container, ["hostname", "x"]);
    assertMatch(result.stderr, /hostname: sethostname: No such file or directory/);
  });
}

contract("exec: under a filter that forbids what the runtime does", async (box) => {
  const forbidden = ["capset", "clone", "clone3", "setsid", "prlimit64", "fork", "vfork", "setns"];
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: forbidden.map((name) => errno(name, 1)),
  };
  const container = await sleeper(box, { linux: { seccomp } });
  assertMatch(
    await execOutput(container, ["cat", "/proc/self/status"]),
    new RegExp(`^CapEff:\\s+${DOCKER_CAPS}$`, "m"),
  );
}, { notOnReference: "runc's own calls are under the filter" });

contract("exec: the agent of a filter that asks is told of each process", async (box) => {
  const path = `${box.dir}/agent`;
  const syscalls = [{ names: ["mkdir", "mkdirat", "execve"], action: "SCMP_ACT_NOTIFY" }];
  for (const noNewPrivileges of [true, false]) {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: path, syscalls };
    await using agent = new SeccompAgent(path, () => "continue");
    const container = await sleeper(box, { process: { noNewPrivileges }, linux: { seccomp } });
    const pidFile = `${box.dir}/pid`;
    assertOk(await exec(container, sh("mkdir /made; sleep 1000"), { flags: ["-d", "--pid-file", pidFile] }));
    await until("the directory", () => exists(container.path("/made")));
    Deno.removeSync(container.path("/made"));
    const last = agent.received[agent.received.length - 1];
    assertEquals([agent.received.length, last.pid], [2, Number(readText(pidFile))]);
    assertEquals((last.state as Dict).status, "running");
    assertEquals((last.state as Dict).pid, await container.pid());
    Deno.removeSync(path);
    await container.kill("KILL");
    await container.wait("stopped");
  }
}, { notOnReference: "Debian's runc asks its own calls too, and its agent is told another status" });

contract("exec: no program is started where no agent listens", async (box) => {
  const path = `${box.dir}/agent`;
  const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }];
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: path, syscalls };
  await using _agent = new SeccompAgent(path, () => "continue");
  const container = await sleeper(box, { linux: { seccomp } });
  Deno.removeSync(path);
  for (let i = 0; i < 5; i++) {
    const result = await exec(container, ["touch", "/ran"]);
    assertError(
      result,
      new RegExp(
        `exec failed: .*failed to connect with seccomp agent.*dial unix ${path}: (connect: )?no such file or directory`,
      ),
      255,
    );
  }
  assert(!exists(container.path("/ran")), "the program ran");
  assertEquals(container.cgroup("pids", "pids.current"), "1");
});

contract("exec: a filter that forbids execve is an error", async (box) => {
  const container = await sleeper(box);
  assertOk(await exec(container, ["true"]));
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [errno("execve", 13)] };
  // A container cannot start under such a filter, but its saved config may name one.
  const saved = `${box.root}/${container.id}/config.json`;
  const config = JSON.parse(readText(saved));
  config.linux.seccomp = seccomp;
  Deno.writeTextFileSync(saved, JSON.stringify(config));
  for (const flags of [[], ["--detach"]]) {
    assertError(await exec(container, ["true"], { flags }), /exec \/bin\/true: permission denied/, 255);
  }
}, { notOnReference: "runc keeps its state in another form" });

contract("exec: charges a container little memory", async (box) => {
  const container = await sleeper(box, {
    linux: { resources: { memory: { limit: 6 << 20 }, cpu: { cpus: "0" } } },
  });
  assertOk(await exec(container, ["true"]));
  const value = (file: string) => Number(container.cgroup("memory", file));
  const before = value("memory.usage_in_bytes");
  Deno.writeTextFileSync(`/sys/fs/cgroup/memory/${container.id}/memory.max_usage_in_bytes`, "0");
  for (let i = 0; i < 5; i++) assertOk(await exec(container, ["true"]));
  const charged = value("memory.max_usage_in_bytes") - before;
  // Each processor is charged in batches of 64 pages, so a first page costs 256 KiB; the program's own are in
  // it too.
  assert(charged <= 512 << 10, `${charged} bytes`);
}, { skip: lacksCgroupV1(), notOnReference: "runc charges megabytes" });

contract("exec: 300 KB of memory are enough for it and a small program", async (box) => {
  // On one processor: each has 64 pages charged in advance, and on a busy machine the kernel ends a process
  // sooner than the other processor has given its own back.
  const container = await sleeper(box, {
    linux: { resources: { memory: { limit: 64 << 20 }, cpu: { cpus: "0" } } },
  });
  const set = (file: string, value: number) =>
    Deno.writeTextFileSync(`/sys/fs/cgroup/memory/${container.id}/memory.${file}`, `${value}`);
  for (let i = 0; i < 10; i++) {
    // What was charged in advance, 64 pages for each CPU, is given back: the limit is exact then.
    set("force_empty", 0);
    set("limit_in_bytes", Number(container.cgroup("memory", "memory.usage_in_bytes")) + 300_000);
    assertOk(await exec(container, ["/bin/true"]));
    set("limit_in_bytes", 64 << 20);
  }
}, { skip: lacksCgroupV1(), notOnReference: "runc needs megabytes" });

contract("exec: a hundred of them leave nothing", async (box) => {
  const container = await sleeper(box);
  const init = await container.pid();
  const count = () => ({
    fds: [...Deno.readDirSync(`/proc/${init}/fd`)].length,
    processes: container.cgroup("pids", "pids.current"),
    state: [...Deno.readDirSync(`${box.root}/${container.id}`)].length,
  });
  const before = count();
  for (let i = 0; i < 100; i++) {
    const flags = i % 2 === 0 ? [] : ["--detach"];
    assertEquals((await exec(container, ["true"], { flags })).code, 0);
  }
  await until("the last to be gone", () => container.cgroup("pids", "pids.current") === before.processes);
  assertEquals(count(), before);
}, { timeout: 60_000 });

contract("exec: many at once", async (box) => {
  const container = await sleeper(box);
  const all = await Promise.all([...Array(6).keys()].map((i) => exec(container, sh(`exit ${i}`))));
  assertEquals(all.map(({ code }) => code), [0, 1, 2, 3, 4, 5]);
});

contract("exec: a container that ends meanwhile", async (box) => {
  const container = await box.container({ process: { args: ["sleep", "0.3"] } }).started();
  await until("the container's end", async () => {
    const result = await exec(container, ["true"]);
    if (result.code === 0 || result.code === 137) return false;
    assertError(result, /exec failed: cannot exec in a stopped container/, 255);
    return true;
  });
}, { notOnReference: "runc has several words for it" });

contract(
  "exec: a container whose init has ended, and waits for others of its namespace to end",
  async (box) => {
    for (const make of [sleeper, shiftedSleeper]) {
      const container = await make(box);
      const pid = await container.pid();
      const sub = `/sys/fs/cgroup/freezer/${container.id}/sub`;
      Deno.mkdirSync(sub);
      assertOk(await exec(container, ["sleep", "1000"], { flags: ["-d", "--cgroup", "freezer:sub"] }));
      try {
        // Nobody in there can end, not even of SIGKILL.
        Deno.writeTextFileSync(`${sub}/freezer.state`, "FROZEN");
        await until("the freezer", () => readText(`${sub}/freezer.state`) === "FROZEN\n");
        Deno.kill(pid, "SIGKILL");
        await until(
          "the init's end",
          () => Number(readText(`/proc/${pid}/stat`).split(" ")[8]) & 4 ? true : false,
        );
        assertError(await exec(container, ["true"]), /exec failed: cannot exec in a stopped container/, 255);
      } finally {
        Deno.writeTextFileSync(`${sub}/freezer.state`, "THAWED");
      }
      await container.wait("stopped");
    }
  },
  { skip: lacksCgroupV1(), notOnReference: "runc says that the init stage failed" },
);

contract("exec: scheduler, I/O priority and CPUs of the document", async (box) => {
  const container = await sleeper(box);
  const run = async (changes: Dict, script: string) =>
    (await execDocument(container, {
      user: { uid: 0, gid: 0 },
      args: sh(script),
      env: [PATH],
      cwd: "/",
      ...changes,
    })).trim();
  const policy = "grep -E '^(policy|prio)' /proc/self/sched | sed 's/.* //'";
  assertEquals(await run({ scheduler: { policy: "SCHED_BATCH", nice: 5 } }, policy), "3\n125");
  assertEquals(
    await run({ execCPUAffinity: { final: "0" } }, "grep Cpus_allowed_list /proc/self/status"),
    "Cpus_allowed_list:\t0",
  );
}, { notOnReference: "Debian's runc does not know these" });

contract("process: scheduler, personality and memory policy of the container", async (box) => {
  const script =
    "grep -E '^(policy|prio)' /proc/self/sched | sed 's/.* //'; uname -m; head -n 1 /proc/self/numa_maps";
  const output = await box.container({
    process: { args: sh(script), scheduler: { policy: "SCHED_BATCH", nice: 7 } },
    linux: { personality: { domain: "LINUX32" }, memoryPolicy: { mode: "MPOL_BIND", nodes: "0" } },
  }).output();
  assertMatch(output, /^3\n127\ni686\n\w+ bind:0 /);
}, { notOnReference: "Debian's runc does not know these" });

contract("process: a memory policy that does not exist", async (box) => {
  const container = box.container({ linux: { memoryPolicy: { mode: "MPOL_BEST", nodes: "0" } } });
  assertError(await container.create(), /invalid memory policy mode "?MPOL_BEST/);
  await box.assertNothingLeft();
}, { notOnReference: "runc knows memory policies since 1.4" });
