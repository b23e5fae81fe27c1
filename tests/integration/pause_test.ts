/** `pause` and `resume`, and what the other commands do with a paused container. */
import { assert, assertEquals } from "@std/assert";
import { namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { findCgroups } from "../lib/leaks.ts";
import { exists, readText, sleep, until } from "../lib/process.ts";

const v1 = exists("/sys/fs/cgroup/freezer") ? undefined : "this machine has no cgroup v1";
const PATH = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };

/** A container that writes a dot every few milliseconds. */
const TICKING = { process: { args: sh("while :; do printf .; sleep .01; done") } };

function pause(container: Container) {
  return container.box.cli(["pause", container.id]);
}

function resume(container: Container) {
  return container.box.cli(["resume", container.id]);
}

async function ticks(container: Container): Promise<number> {
  const before = container.stdout().length;
  await sleep(150);
  return container.stdout().length - before;
}

contract("pause: all stands still until resume", async (box) => {
  const container = await box.container(TICKING).started();
  await until("a first sign of life", () => container.stdout().length > 3);
  assertOk(await pause(container));
  assertEquals(await container.status(), "paused");
  assertEquals(await ticks(container), 0);
  assertOk(await resume(container));
  assertEquals(await container.status(), "running");
  await until("more signs of life", async () => (await ticks(container)) > 0);
});

contract("pause: a created container, which can be started after resume", async (box) => {
  const container = await box.container({ process: { args: sh("echo ran") } }).created();
  assertOk(await pause(container));
  assertEquals(await container.status(), "paused");
  assertError(await container.start(), /cannot start a container in the paused state/);
  assertOk(await resume(container));
  assertEquals(await container.status(), "created");
  assertOk(await container.start());
  await container.wait("stopped");
  assertEquals(container.stdout(), "ran\n");
});

contract("pause and resume: refused in the wrong state", async (box) => {
  const container = await box.container({ process: { args: sh("sleep 60") } }).started();
  assertError(await resume(container), /container not paused/);
  assertOk(await pause(container));
  assertError(await pause(container), /container not running/);
  assertOk(await resume(container));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertError(await pause(container), /container not running/);
  assertError(await resume(container), /container not paused/);
  assertError(await box.cli(["pause", `${box.token}-none`]), /container does not exist/);
});

contract("pause: a signal waits for resume, KILL does not", async (box) => {
  const script = "trap 'echo got; exit' TERM; echo ready; while :; do sleep .01; done";
  const polite = await box.container({ process: { args: sh(script) } }).started();
  await until("ready", () => polite.stdout() === "ready\n");
  assertOk(await pause(polite));
  assertOk(await polite.kill("TERM"));
  await sleep(100);
  assertEquals([polite.stdout(), await polite.status()], ["ready\n", "paused"]);
  assertOk(await resume(polite));
  await polite.wait("stopped");
  assertEquals(polite.stdout(), "ready\ngot\n");

  const killed = await box.container({ process: { args: sh("sleep 60") } }).started();
  assertOk(await pause(killed));
  assertOk(await killed.kill("KILL"));
  await killed.wait("stopped");
});

contract("pause: delete wants --force, which leaves nothing", async (box) => {
  const script = "sleep 60 & sleep 61 & wait";
  const shared = namespaces("network", "ipc", "uts", "mount");
  for (const linux of [{}, { namespaces: shared }]) {
    const container = await box.container({ process: { args: sh(script) }, linux }).started();
    assertOk(await pause(container));
    assertError(await container.delete(), /cannot delete container .* that is not stopped: paused/);
    assertOk(await container.delete("--force"));
  }
  await box.assertNothingLeft();
});

contract("pause: forty busy processes in one percent of a CPU", async (box) => {
  const script = "i=0; while [ $i -lt 40 ]; do (while :; do :; done) & i=$((i+1)); done; echo all; wait";
  const container = await box.container({ process: { args: sh(script) } }).started();
  await until("all processes", () => container.stdout() === "all\n");
  assertOk(await box.cli(["update", "--cpu-period", "100000", "--cpu-quota", "1000", container.id]));
  await until("throttling", () => !/^nr_throttled [0-4]$/m.test(container.cgroup("cpu", "cpu.stat")));
  assertOk(await pause(container));
  assertEquals(container.cgroup("freezer", "freezer.state"), "FROZEN");
  assertOk(await resume(container));
  // To end, too, takes time; more than there is with so little.
  assertOk(await container.delete("--force"));
}, { skip: v1, timeout: 60_000, notOnReference: "runc does not wait long enough for them" });

contract("pause: list and ps see it", async (box) => {
  const container = await box.container(TICKING).started();
  assertOk(await pause(container));
  const list = JSON.parse(assertOk(await box.cli(["list", "--format", "json"])).stdout);
  assertEquals(list.map((one: { status: string }) => one.status), ["paused"]);
  const pids = JSON.parse(
    assertOk(await box.cli(["ps", "--format", "json", container.id], { env: PATH })).stdout,
  );
  assert(pids.includes(await container.pid()));
});

/** A container with a second process in sub-cgroups of its own. */
async function nested(container: Container): Promise<number> {
  await container.started();
  await until("two processes", async () => (await pids(container)).length === 2);
  const init = await container.pid();
  const [child] = (await pids(container)).filter((pid) => pid !== init);
  for (const controller of ["devices", "freezer", "pids"]) {
    const directory = `/sys/fs/cgroup/${controller}/${container.id}/inner/most`;
    Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(`${directory}/cgroup.procs`, String(child));
  }
  return child;
}

async function pids(container: Container): Promise<number[]> {
  return JSON.parse(
    assertOk(await container.box.cli(["ps", "--format", "json", container.id], { env: PATH })).stdout,
  );
}

contract("pause: below a frozen cgroup nothing can be started, and create says so", async (box) => {
  const parent = `/sys/fs/cgroup/freezer/${box.token}-parent`;
  Deno.mkdirSync(parent);
  Deno.writeTextFileSync(`${parent}/freezer.state`, "FROZEN");
  const container = box.container({ linux: { cgroupsPath: `/${box.token}-parent/leaf` } });
  assertError(await container.create(), /cannot start a process in \S+\/leaf: a cgroup above it is frozen/);
  for (const path of findCgroups(`${box.token}-parent`)) Deno.removeSync(path);
  await box.assertNothingLeft();
}, { skip: v1, notOnReference: "runc waits for ever" });

contract("nested cgroups: ps lists their processes, pause stops them", async (box) => {
  const container = box.container({
    process: { args: sh("(while :; do printf .; sleep .01; done) & wait") },
  });
  await container.started();
  await until("a first sign of life", () => container.stdout().length > 3);
  const init = await container.pid();
  const loop = Number(readText(`/proc/${init}/task/${init}/children`).trim().split(" ")[0]);
  for (const controller of ["devices", "freezer"]) {
    const directory = `/sys/fs/cgroup/${controller}/${container.id}/inner/most`;
    Deno.mkdirSync(directory, { recursive: true });
    Deno.writeTextFileSync(`${directory}/cgroup.procs`, String(loop));
  }
  const seen = await pids(container);
  assert(seen.includes(init) && seen.includes(loop), `${seen} lacks ${init} or ${loop}`);
  assertOk(await pause(container));
  assertEquals(await ticks(container), 0);
  assertOk(await resume(container));
  assertOk(await container.delete("--force"));
  await box.assertNothingLeft();
}, { skip: v1 });

contract("nested cgroups: one that is frozen below does not hold up a kill or a delete", async (box) => {
  const script = "sleep 60 & exec sleep 61";
  for (const types of [["network", "ipc", "uts", "mount"], ["pid", "network", "ipc", "uts", "mount"]]) {
    const linux = { namespaces: namespaces(...types) };
    for (const end of [["kill", "KILL"], ["delete", "--force"]]) {
      const container = box.container({ process: { args: sh(script) }, linux });
      await nested(container);
      const inner = `/sys/fs/cgroup/freezer/${container.id}/inner/most/freezer.state`;
      Deno.writeTextFileSync(inner, "FROZEN");
      await until("the freeze", () => readText(inner) === "FROZEN\n");
      if (end[0] === "kill") {
        assertOk(await container.kill(end[1]));
        await until("the end of all", () => readText(inner.replace("freezer.state", "cgroup.procs")) === "");
        await container.wait("stopped");
        assertOk(await container.delete());
      } else assertOk(await container.delete(end[1]));
    }
  }
  await box.assertNothingLeft();
}, { skip: v1, timeout: 60_000, notOnReference: "runc waits in vain" });

contract("nested cgroups: kill --all and delete reach them without a PID namespace", async (box) => {
  const script = "trap '' TERM; (trap 'exit 0' TERM; sleep 60 & wait) & wait";
  const linux = { namespaces: namespaces("network", "ipc", "uts", "mount") };
  const args = sh("sleep 60 & exec sleep 61");
  const container = box.container({ process: { args }, linux });
  const child = await nested(container);
  assertOk(await container.kill("--all", "TERM"));
  await until("the end of the inner process", () => !exists(`/proc/${child}`) || isZombie(child));
  await container.wait("stopped");
  assertOk(await container.delete());

  const stubborn = box.container({ process: { args: sh(script) }, linux });
  await stubborn.started();
  assertOk(await stubborn.delete("--force"));
  await box.assertNothingLeft();
}, { skip: v1 });

/** A program that lives for a moment only, and leaves a copy of itself each time. */
const HOPPING =
  'printf "#!/bin/sh\\n/tmp/hop & exit\\n" >/tmp/hop; chmod +x /tmp/hop; /tmp/hop & exec sleep 60';

contract("kill --all: a process that forks and ends all the time gets the signal, too", async (box) => {
  const linux = { namespaces: namespaces("network", "ipc", "uts", "mount") };
  const container = await box.container({ process: { args: sh(HOPPING) }, linux }).started();
  const inside = () => readText(`/sys/fs/cgroup/pids/${container.id}/cgroup.procs`);
  const first = inside();
  await until("other processes", () => inside() !== first && inside().trim().split("\n").length > 1);
  assertOk(await container.kill("--all", "TERM"));
  await until("the end of all", () => inside() === "");
  assertOk(await container.delete());
}, { skip: v1 });

contract("kill --all: a signal leaves a paused container paused", async (box) => {
  // The first process of a PID namespace would not heed it.
  const linux = { namespaces: namespaces("network", "ipc", "uts", "mount") };
  // And cgroup v2 ends a frozen process that has no say in it.
  const script = "trap exit TERM; while :; do printf .; sleep .01; done";
  const container = await box.container({ process: { args: sh(script) }, linux }).started();
  await until("a first sign of life", () => container.stdout().length > 3);
  assertOk(await pause(container));
  assertOk(await container.kill("--all", "TERM"));
  assertEquals([await container.status(), await ticks(container)], ["paused", 0]);
  assertOk(await resume(container));
  await container.wait("stopped");
}, { notOnReference: "runc lets it go on" });

contract("a cgroup that was removed underneath: errors name it, kill and delete still work", async (box) => {
  const linux = { namespaces: namespaces("network", "ipc", "uts", "mount") };
  const process = { args: ["/bin/sleep", "60"] };
  for (const end of [["kill", "KILL"], ["delete", "--force"]]) {
    const container = await box.container({ process, linux }).started();
    const init = await container.pid();
    for (const path of findCgroups(container.id)) {
      const root = path.slice(0, path.length - container.id.length - 1);
      Deno.writeTextFileSync(`${root}/cgroup.procs`, String(init));
      Deno.removeSync(path);
    }
    assertError(await pause(container), /freezer.*no such file or directory/);
    assertError(await box.cli(["update", "--pids-limit", "5", container.id]), /pids.max.*no such file/);
    assertError(await box.cli(["events", "--stats", container.id]), /no such file or directory/);
    assertEquals(await container.status(), "running");
    if (end[0] === "kill") assertOk(await container.kill(end[1]));
    else assertOk(await container.delete(end[1]));
    await until("the end of the init", () => !exists(`/proc/${init}`) || isZombie(init));
  }
}, { skip: v1, notOnReference: "runc has no answer where its cgroup is gone" });

function isZombie(pid: number): boolean {
  return /^State:\s+Z/m.test(readText(`/proc/${pid}/status`));
}
