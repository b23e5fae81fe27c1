/** `exec` into containers with a user namespace. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { DEFAULT_CAPABILITIES, type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, execDocument, execOutput } from "../lib/exec.ts";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { until } from "../lib/process.ts";
import { Terminal } from "../lib/pty.ts";
import { FIRST, shifted } from "../lib/shifted.ts";
import { assertHarmless, watch, WATCHER } from "../lib/watcher.ts";

/** A container with a user namespace that sleeps. */
async function sleeper(box: Box, overrides: Dict = {}): Promise<Container> {
  const process = { args: ["sleep", "1000"], ...(overrides.process as Dict | undefined) };
  return await (await shifted(box, { ...overrides, process })).started();
}

const DOCKER_CAPS = "00000000a80425fb";

contract("exec, user namespace: all of its namespaces, its ids, its rights", async (box) => {
  const container = await sleeper(box);
  const pid = await container.pid();
  const facts = parseFacts(await execOutput(container, PROBE));
  for (const name of ["user", "pid", "net", "ipc", "uts", "mnt"]) {
    assertEquals(facts.ns[name], Deno.readLinkSync(`/proc/${pid}/ns/${name}`), name);
  }
  assertEquals(facts.status.Uid, "0\t0\t0\t0");
  assertEquals(facts.status.Gid, "0\t0\t0\t0");
  assertEquals(facts.status.Groups, "");
  for (const set of ["CapPrm", "CapEff", "CapBnd"]) assertEquals(facts.status[set], DOCKER_CAPS, set);
  assertEquals(facts.status.CapInh, "0".repeat(16));
  assertEquals(Object.keys(facts.fds).map(Number).filter((fd) => fd > 2 && fd < 10), []);
});

contract("exec, user namespace: another user, groups, and a file that is then theirs", async (box) => {
  const container = await sleeper(box);
  const script = "id; grep Groups /proc/self/status; touch /tmp/made";
  const flags = ["--user", "1000:1001", "--additional-gids", "5"];
  assertMatch(
    await execOutput(container, sh(script), { flags }),
    /^uid=1000\(user\) gid=1001 groups=5\nGroups:\t5 \n$/,
  );
  const { uid, gid } = Deno.statSync(container.path("/tmp/made"));
  assertEquals([uid, gid], [FIRST + 1000, FIRST + 1001]);
});

contract("exec, user namespace: a document", async (box) => {
  const container = await sleeper(box);
  const all = [...DEFAULT_CAPABILITIES, "CAP_SYS_ADMIN", "CAP_SYS_RESOURCE"];
  const output = await execDocument(container, {
    user: { uid: 0, gid: 0, additionalGids: [7] },
    args: sh("mount -t tmpfs none /tmp && echo mounted; ulimit -n; id -G; pwd; cat /proc/self/oom_score_adj"),
    env: ["PATH=/bin"],
    cwd: "/home",
    capabilities: { bounding: all, effective: all, permitted: all },
    rlimits: [{ type: "RLIMIT_NOFILE", soft: 50, hard: 60 }],
    oomScoreAdj: 33,
  });
  assertEquals(output, "mounted\n50\n0 7\n/home\n33\n");
}, { notOnReference: "Debian's runc leaves oom_score_adj of a document out" });

contract("exec, user namespace: ids that it does not have", async (box) => {
  const container = await sleeper(box);
  for (const user of ["70000", "0:70000"]) {
    const result = await exec(container, ["true"], { flags: ["--user", user] });
    assertError(result, /cannot set[ug]id to unmapped [ug]id 70000 in user namespace/, 255);
  }
}, { notOnReference: "runc says invalid argument" });

contract(
  "exec, user namespace: the process's user can open its standard streams, files keep their owner",
  async (box) => {
    const container = await sleeper(box);
    const files = `${box.dir}/streams`;
    const script = "echo reopened >>/dev/stdout; echo too >>/dev/stderr";
    const result = await exec(container, sh(script), { flags: ["--user", "1000"], files });
    assertEquals([result.stdout, result.stderr], ["reopened\n", "too\n"]);
    assertEquals([Deno.statSync(`${files}.out`).uid, Deno.statSync(`${files}.err`).uid], [0, 0]);
  },
  { notOnReference: "runc's init may not give away what belongs to the host's root" },
);

contract("exec, user namespace: filters, with and without no-new-privileges", async (box) => {
  for (const noNewPrivileges of [true, false]) {
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["sethostname"], action: "SCMP_ACT_ERRNO", errnoRet: 2 }],
    };
    const container = await sleeper(box, { process: { noNewPrivileges }, linux: { seccomp } });
    const status = await execOutput(container, ["cat", "/proc/self/status"]);
    assertMatch(status, /^Seccomp:\s+2$/m);
    assertMatch(status, new RegExp(`^CapEff:\\s+${DOCKER_CAPS}$`, "m"));
    assertMatch((await exec(container, ["hostname", "x"])).stderr, /No such file or directory/);
  }
});

contract("exec, user namespace: a terminal", async (box) => {
  const container = await sleeper(box);
  const script = "tty; stat -c '%u' $(tty); stty size; echo by tty >/dev/tty; exit 7";
  for (const [flags, uid] of [[[], 0], [["--user", "1000"], 1000]] as const) {
    const argv = [
      box.runtime.path,
      "--root",
      box.root,
      "exec",
      "--tty",
      ...flags,
      container.id,
      ...sh(script),
    ];
    const terminal = Terminal.start(argv, { size: [91, 31] });
    try {
      await terminal.expect(new RegExp(`/dev/pts/\\d+\\r\\n${uid}\\r\\n31 91\\r\\nby tty\\r\\n`));
      assertEquals(await terminal.wait(), 7);
    } finally {
      await terminal.close();
    }
  }
}, { notOnReference: "runc gives the size of its own terminal later" });

contract("exec, user namespace: a hostile container sees nothing but the final process", async (box) => {
  for (const noNewPrivileges of [true, false]) {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", syscalls: [] };
    const container = await (await shifted(box, {
      process: { args: sh(WATCHER), noNewPrivileges },
      linux: { seccomp },
    })).started();
    const seen = await watch(container, async () => {
      for (let i = 0; i < 15; i++) assertOk(await exec(container, ["sleep", "0.01"]));
    });
    assertHarmless(seen, DOCKER_CAPS);
  }
}, { notOnReference: "runc's init is seen, with more rights" });

contract("exec, user namespace: nor does one that may trace everything of its own", async (box) => {
  const all = [...DEFAULT_CAPABILITIES, "CAP_SYS_PTRACE", "CAP_SYS_ADMIN", "CAP_DAC_READ_SEARCH"];
  const capabilities = { bounding: all, effective: all, permitted: all };
  const container = await (await shifted(box, { process: { args: sh(WATCHER), capabilities } })).started();
  const seen = await watch(container, async () => {
    for (let i = 0; i < 15; i++) assertOk(await exec(container, ["sleep", "0.01"]));
  });
  // Until the process is the program, its memory belongs to the host's user namespace, so these rights open
  // nothing.
  for (const line of seen) assert(/ open=$/.test(line), line);
}, { notOnReference: "runc's init is seen" });

contract("exec, user namespace: twenty of them leave nothing", async (box) => {
  const container = await sleeper(box);
  const count = () => container.cgroup("pids", "pids.current");
  const before = count();
  for (let i = 0; i < 20; i++) assertOk(await exec(container, ["true"]));
  await until("the last to be gone", () => count() === before);
}, { timeout: 60_000 });
