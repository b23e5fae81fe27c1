/**
 * What the container gets to see of its runtime: nothing. And what a runtime killed half-way leaves: nothing.
 */
import { assert, assertEquals } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { readText, until } from "../lib/process.ts";
import { lacksController } from "../lib/skip.ts";

const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };

contract("isolation: the init of a created container is not the runtime's file", async (box) => {
  const container = await box.container(SLEEP).created();
  const exe = `/proc/${await container.pid()}/exe`;
  const running = Deno.statSync(exe);
  const file = Deno.statSync(box.runtime.path);
  assert(
    running.ino !== file.ino || running.dev !== file.dev,
    "a container could overwrite the runtime (CVE-2019-5736)",
  );
  let written = true;
  try {
    Deno.openSync(exe, { write: true }).close();
  } catch {
    written = false;
  }
  assert(!written, "the init's image can be opened for writing");
}, { notOnReference: "runc 1.1.5 runs a read-only bind of its own file, which has the same inode" });

contract("isolation: the init of a created container holds no directory of the host", async (box) => {
  const container = await box.container(SLEEP).created();
  const dir = `/proc/${await container.pid()}/fd`;
  for (const { name } of Deno.readDirSync(dir)) {
    const info = Deno.statSync(`${dir}/${name}`);
    // A procfs of the container's own PID namespace shows nothing but the init.
    const own = info.isDirectory &&
      [...Deno.readDirSync(`${dir}/${name}`)].filter((e) => /^\d+$/.test(e.name));
    const isProcfs = own && own.length === 1 && own[0].name === "1";
    assert(
      !info.isDirectory || isProcfs,
      `descriptor ${name} is a directory: ${Deno.readLinkSync(`${dir}/${name}`)}`,
    );
  }
});

contract(
  "isolation: the init of a created container has one thread and less than 200 KB of its own",
  async (box) => {
    const container = await box.container(SLEEP).created();
    const pid = await container.pid();
    assertEquals(/^Threads:\s+(\d+)$/m.exec(readText(`/proc/${pid}/status`))?.[1], "1");
    const pss = Number(/^Pss:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/smaps_rollup`))?.[1]);
    assert(pss < 200, `${pss} KB`);
  },
  { notOnReference: "runc's init is the whole of runc" },
);

contract("isolation: nothing of the caller's environment reaches the init", async (box) => {
  const container = await box.container(SLEEP).created({ env: { SECRET: "of the caller", LD_PRELOAD: "" } });
  assert(!readText(`/proc/${await container.pid()}/environ`).includes("SECRET"));
});

contract("isolation: nobody else is in the PID namespace, created or running", async (box) => {
  const container = await box.container(SLEEP).created();
  const namespace = Deno.readLinkSync(`/proc/${await container.pid()}/ns/pid`);
  assertEquals(inNamespace(namespace), [await container.pid()]);
  assertOk(await container.start());
  assertEquals(inNamespace(namespace), [await container.pid()]);
});

contract("isolation: the signals of the caller are not ignored or blocked in the container", async (box) => {
  const container = box.container({ process: { args: ["/bin/cat", "/proc/self/status"] } });
  const command = [
    box.runtime.path,
    "--root",
    box.root,
    "run",
    "--bundle",
    container.bundle.dir,
    container.id,
  ];
  const result = await box.command(command);
  assertEquals(/^SigBlk:\s+(\w+)$/m.exec(result.stdout)?.[1], "0000000000000000", result.stderr);
  const ignored = BigInt(`0x${/^SigIgn:\s+(\w+)$/m.exec(result.stdout)?.[1]}`);
  assertEquals(ignored & 0x7fffffffn, 0n, "signals below 32 are ignored");
});

contract("isolation: a memory limit of 1 MiB is enough to run /bin/true", async (box) => {
  const container = box.container({
    process: { args: ["/bin/true"] },
    linux: { resources: { memory: { limit: 1 << 20 } } },
  });
  assertOk(await container.run());
}, {
  notOnReference: "runc's init needs several megabytes",
  skip: lacksController("memory"),
});

contract("isolation: a pids limit of 1 is enough for one process", async (box) => {
  const container = box.container({
    process: { args: ["/bin/true"] },
    linux: { resources: { pids: { limit: 1 } } },
  });
  assertOk(await container.run());
}, { skip: lacksController("pids") });

contract("killed: a runtime that dies while a hook runs leaves what delete --force removes", async (box) => {
  for (const kind of ["prestart", "createRuntime", "createContainer"]) {
    const container = box.container({ hooks: { [kind]: [waitingHook(box, kind)] } });
    await killWhenHookRuns(box, container, kind);
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
    assertError(await box.cli(["state", container.id]), /container does not exist/);
    // The id can be used again at once.
    container.configure({});
    assertOk(await container.run());
  }
}, { notOnReference: "runc 1.1.5 has no state yet and cannot remove the rest (runc#4534)", timeout: 60_000 });

contract("killed: at any moment of create", async (box) => {
  // Every moment of a create that takes some tens of milliseconds; where it is over already, that is a case
  // too.
  for (let delay = 2; delay <= 80; delay += 6) {
    const container = box.container({ linux: { resources: { pids: { limit: 20 } } } });
    const end = container.create({ onStart: (pid) => setTimeout(() => killHard(pid), delay) });
    await end;
    const removed = await container.delete("--force");
    assertEquals(removed.code, 0, `killed after ${delay} ms: ${removed.stderr}`);
    await box.assertNothingLeft();
  }
}, { notOnReference: "runc 1.1.5 leaves cgroups and processes behind (runc#4534)", timeout: 60_000 });

contract("killed: at any moment of run", async (box) => {
  for (let delay = 5; delay <= 95; delay += 15) {
    const container = box.container(SLEEP);
    await container.run({ onStart: (pid) => setTimeout(() => killHard(pid), delay) });
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
  }
}, { notOnReference: "as for create", timeout: 60_000 });

contract("killed: at any moment of delete --force, which can be repeated", async (box) => {
  for (let delay = 2; delay <= 50; delay += 8) {
    const container = await box.container(SLEEP).started();
    const first = box.cli(["delete", "--force", container.id], {
      onStart: (pid) => setTimeout(() => killHard(pid), delay),
    });
    await first;
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
  }
}, { timeout: 60_000 });

contract("races: of two creates of one id, exactly one succeeds", async (box) => {
  const container = box.container(SLEEP);
  for (let round = 0; round < 3; round++) {
    const other = () => box.cli(["create", "--bundle", container.bundle.dir, container.id]);
    const results = await Promise.all([other(), other(), other()]);
    assertEquals(results.filter((result) => result.code === 0).length, 1, JSON.stringify(results));
    for (const result of results.filter((result) => result.code !== 0)) {
      assertError(result, /container with given ID already exists|already exists|not empty/);
    }
    assertEquals(await container.status(), "created");
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
  }
}, { notOnReference: "runc 1.1.5 checks and creates without a lock" });

contract("races: deletes of one container at the same time", async (box) => {
  const container = await box.container(SLEEP).started();
  const results = await Promise.all([1, 2, 3].map(() => container.delete("--force")));
  assert(results.some((result) => result.code === 0), JSON.stringify(results));
  await box.assertNothingLeft();
});

contract("leaks: a hundred failed creates leave no cgroup, mount or process", async (box) => {
  const container = box.container({ process: { args: ["/bin/nonsense"] } });
  for (let round = 0; round < 20; round++) assertEquals((await container.create()).code, 1);
  await box.assertNothingLeft();
});

contract("isolation: without a mount namespace the process is at least confined by its root", async (box) => {
  const container = box.container({
    process: { args: sh("ls / | tr '\\n' ' '") },
    mounts: [],
    linux: { namespaces: namespaces("pid", "uts", "ipc") },
  });
  // Where nothing makes /dev/null, standard input must be something else.
  const { stdout } = await container.run({ stdin: "" });
  assertEquals(stdout, "bin dev etc home proc root run sys tmp var ");
  assert(!readText("/proc/self/mountinfo").includes(box.token));
}, { notOnReference: "runc 1.1.5 mounts the rootfs in the host's mount namespace" });

function inNamespace(link: string): number[] {
  return [...Deno.readDirSync("/proc")].map((entry) => Number(entry.name)).filter((pid) => {
    try {
      return Number.isInteger(pid) && Deno.readLinkSync(`/proc/${pid}/ns/pid`) === link;
    } catch {
      return false; // ended, or a zombie
    }
  });
}

function waitingHook(box: Box, kind: string) {
  return { path: "/bin/sh", args: ["sh", "-c", `echo $$ >${box.dir}/${kind}.pid; exec sleep 1000`] };
}

async function killWhenHookRuns(box: Box, container: Container, kind: string): Promise<void> {
  let runtime = 0;
  const end = container.create({ onStart: (pid) => runtime = pid });
  const hook = await until("the hook", () => Number(readText(`${box.dir}/${kind}.pid`).trim()) || undefined);
  killHard(runtime);
  await end;
  // createContainer's is a number of the container's PID namespace, with which that hook dies.
  if (kind !== "createContainer") killHard(hook);
}

function killHard(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}
