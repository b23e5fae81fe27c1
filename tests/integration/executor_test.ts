/**
 * What the executor promises (DESIGN: single-threaded, small, sealed, gone with tsrun), on the real thing.
 */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  F_SEAL_WRITE,
  O_RDONLY,
  O_RDWR,
  O_WRONLY,
  PR_SET_DUMPABLE,
  RLIMIT_NOFILE,
} from "../../ffi/constants.ts";
import { EPERM } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { Arena, ExecutorGone, spawnExecutor } from "../../init/executor.ts";
import { Stage } from "../../init/stage.ts";
import { NAMESPACES } from "../../spec/namespaces.ts";
import type { Box } from "../lib/box.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, until } from "../lib/process.ts";
import { skip } from "../lib/skip.ts";

const OURS_ALONE = "runc has no executor";
const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };
const F_GET_SEALS = 1034;

contract(
  "executor: a created container's program is a memfd that is sealed, during its life and after",
  async (box) => {
    const container = await box.container(SLEEP).created();
    const exe = `/proc/${await container.pid()}/exe`;
    assertStringIncludes(Deno.readLinkSync(exe), "/memfd:tsrun");
    const k = local();
    const fd = k.open(exe, O_RDONLY).wait();
    try {
      const seals = k.call("fcntl", [fd, F_GET_SEALS, 0]).wait();
      const wanted = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
      assertEquals(seals & wanted, wanted);
      assert(k.open(exe, O_WRONLY, 0, { allow: "any" }).wait() < 0, "opened for writing");
      assertOk(await container.delete("--force"));
      // Nobody executes it any more, so only the seals protect it.
      const again = k.open(`/proc/self/fd/${fd}`, O_RDWR, 0, { allow: "any" }).wait();
      if (again >= 0) {
        assertEquals(k.call("write", [again, "x", 1], { allow: "any" }).wait(), -EPERM);
        k.close(again);
      }
    } finally {
      k.close(fd);
    }
  },
  { notOnReference: OURS_ALONE },
);

contract("executor: a created container has a few pages of its own, and one thread", async (box) => {
  const container = await box.container(SLEEP).created();
  const status = readText(`/proc/${await container.pid()}/status`);
  const field = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  assertEquals(field("Threads"), 1);
  // Stack and code; what it shares with tsrun is only what tsrun has written to it.
  assert(field("RssAnon") <= 16, `${field("RssAnon")} KB of anonymous memory`);
  assert(field("RssShmem") <= 160, `${field("RssShmem")} KB of shared memory`);
}, { notOnReference: OURS_ALONE });

contract("executor: a created container shares no memory and no line with anybody", async (box) => {
  const container = await box.container(SLEEP).created();
  const proc = `/proc/${await container.pid()}`;
  const shared = readText(`${proc}/maps`).split("\n").filter((line) => /^\S+ ...s /.test(line));
  assertEquals(shared, []);
  const links = [...Deno.readDirSync(`${proc}/fd`)].map(({ name }) =>
    Deno.readLinkSync(`${proc}/fd/${name}`)
  );
  assertEquals(links.filter((link) => /^socket:|memfd:/.test(link)), []);
}, { notOnReference: OURS_ALONE });

contract("executor: nothing of the caller is open in a container", async (box) => {
  const container = await box.container(SLEEP).started();
  const dir = `/proc/${await container.pid()}/fd`;
  const left = [...Deno.readDirSync(dir)].map(({ name }) => Number(name)).filter((fd) => fd > 2);
  assertEquals(left, []);
}, { notOnReference: "runc's start comes back before its init is the program" });

/** Executors, and what has been executors, that write to this box's files. */
function executorsOf(box: Box): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter((pid) => {
    try {
      return Number.isInteger(pid) && Deno.readLinkSync(`/proc/${pid}/exe`).startsWith("/memfd:tsrun") &&
        Deno.readLinkSync(`/proc/${pid}/fd/1`).includes(box.token);
    } catch {
      return false; // ended
    }
  });
}

contract(
  "killed: at every batch of create, no executor survives, and delete --force removes the rest",
  async (box) => {
    const kill = async (batch: number) => {
      const container = box.container({ linux: { resources: { pids: { limit: 20 } } } });
      const strace = [
        "/usr/bin/strace",
        "-o",
        "/dev/null",
        "-e",
        `inject=sendto:signal=SIGKILL:when=${batch}`,
      ];
      const create = ["--root", box.root, "create", "--bundle", container.bundle.dir, container.id];
      const { code } = await box.command([...strace, box.runtime.path, ...create]);
      // The command was killed behind its last batch: the container is created, and its init waits for
      // `start`.
      const released = code === 0 ||
        executorsOf(box).length > 0 && (await box.cli(["state", container.id])).code === 0 &&
          await container.status() === "created";
      if (!released) await until("the executors to end", () => executorsOf(box).length === 0);
      assertOk(await container.delete("--force"));
      await until("the executors to end", () => executorsOf(box).length === 0);
      await box.assertNothingLeft();
      return code !== 0;
    };
    let batch = 1;
    while (await kill(batch)) batch++;
    assert(batch > 3, `create has been killed at ${batch - 1} batches only`);
  },
  {
    notOnReference: OURS_ALONE,
    timeout: 120_000,
    skip: exists("/usr/bin/strace") ? undefined : "strace is not installed",
  },
);

Deno.test("stage: nothing is left of one that is ended, whether it has cloned the init or not", () => {
  const k = local();
  for (const clones of [false, true]) {
    using arena = new Arena(k, 0);
    const stage = new Stage(arena, 0), pids = [stage.pid];
    if (clones) {
      const plan = { namespaces: { fresh: new Set<never>(), joins: [] }, cgroupTasks: [], cloneInto: null };
      const init = stage.init({ ...plan, oomScoreAdj: undefined });
      init.prctl(PR_SET_DUMPABLE, 0);
      init.flush();
      assert(stage.initPid > 0 && stage.initPid !== stage.pid);
      pids.push(stage.initPid);
    }
    stage.kill();
    assertEquals(pids.filter((pid) => exists(`/proc/${pid}`)), []);
  }
});

Deno.test("stage: the init is cloned while tsrun makes its first records", async () => {
  const k = local();
  using arena = new Arena(k, 0);
  const stage = new Stage(arena, 0);
  try {
    const plan = { namespaces: { fresh: new Set<never>(), joins: [] }, cgroupTasks: [], cloneInto: null };
    const init = stage.init({ ...plan, oomScoreAdj: undefined });
    await until("the init is cloned", () => stage.initPid > 0);
    // Records that are handed over before anything is heard of it are its own.
    const pid = init.getpid();
    init.kick();
    assertEquals(pid.wait(), stage.initPid);
  } finally {
    stage.kill();
  }
});

Deno.test("stage: an init that cannot make its line its own is gone, and nobody waits for it", () => {
  const k = local();
  using arena = new Arena(k, 0);
  const stage = new Stage(arena, 0);
  try {
    // Lines are numbered from 200 on: the init's descriptor is beyond what it may have.
    k.prlimit(stage.pid, RLIMIT_NOFILE, 100, 100);
    const init = stage.init({
      namespaces: { fresh: new Set(), joins: [] },
      cgroupTasks: [],
      cloneInto: null,
      oomScoreAdj: undefined,
    });
    init.prctl(PR_SET_DUMPABLE, 0);
    assertThrows(() => init.flush(), ExecutorGone);
  } finally {
    stage.kill();
  }
});

Deno.test("executor: is single-threaded, so that it may enter a user namespace, which Deno may not", () => {
  const k = local();
  const user = NAMESPACES.user.flag;
  assert(k.unshare(user, { allow: "any" }).wait() < 0);
  using arena = new Arena(k, 0);
  using executor = spawnExecutor(arena);
  assertEquals(executor.kernel.unshare(user).wait(), 0);
});

/** Runs in a PID namespace whose memfds may not be executed. */
const WITHOUT_MEMFDS = `
  import { local } from ${JSON.stringify(new URL("../../ffi/local.ts", import.meta.url).href)};
  import { Arena, ExecutorGone, spawnExecutor } from ${
  JSON.stringify(new URL("../../init/executor.ts", import.meta.url).href)
};
  const [directory] = Deno.args;
  const arena = new Arena(local(), 0);
  const { kernel, pid } = spawnExecutor(arena, directory);
  console.log(kernel.call("getpid", []).wait() === pid);
  console.log(Deno.readLinkSync("/proc/" + pid + "/exe"), [...Deno.readDirSync(directory)].length);
  Deno.exit(0);`;

const FALLBACK =
  "executor: where memfds may not be executed, it runs from a file of a directory, which is removed";
if (Deno.uid() !== 0) skip(FALLBACK, "needs root");
else if (!exists("/proc/sys/vm/memfd_noexec")) {
  skip(FALLBACK, "the kernel has no vm.memfd_noexec (Linux 6.3)");
} else {
  Deno.test(FALLBACK, () => {
    const directory = Deno.makeTempDirSync();
    const script = Deno.makeTempFileSync({ suffix: ".ts" });
    try {
      Deno.writeTextFileSync(script, WITHOUT_MEMFDS);
      // The setting belongs to the PID namespace (Documentation/userspace-api/mfd_noexec.rst).
      const command =
        'echo 2 >/proc/sys/vm/memfd_noexec && exec "$0" run -A --no-check --no-config "$1" "$2"';
      const { stdout, stderr } = new Deno.Command("timeout", {
        args: [
          ...["30", "unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", command],
          ...[Deno.execPath(), script, directory],
        ],
        stdin: "null",
      }).outputSync();
      const text = new TextDecoder();
      const [same, exe, deleted, left] = text.decode(stdout).trim().split(/\s/);
      assertEquals([same, deleted, left], ["true", "(deleted)", "0"], text.decode(stderr));
      assert(exe.startsWith(`${directory}/init-image`), exe);
    } finally {
      Deno.removeSync(script);
      Deno.removeSync(directory, { recursive: true });
    }
  });
}
