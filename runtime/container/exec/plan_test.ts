/** A plan of an exec is made without a stage, and starts nothing: the init is not even looked for. */
import { assertEquals, assertRejects } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { local } from "../../../ffi/local.ts";
import type { Spec } from "../../../spec/types.ts";
import { Log } from "../../host/log.ts";
import { writeState } from "../record.ts";
import { sampleState, withRoot } from "../record_testing.ts";
import { createStateDir } from "../state_dir.ts";
import { type ExecOptions, type ExecPlan, planExec } from "./plan.ts";

const SPEC: Spec = {
  ociVersion: "1.3.0",
  root: { path: "rootfs" },
  process: { args: ["/bin/own"], cwd: "/own", user: { uid: 5, gid: 6 }, env: ["A=1"], oomScoreAdj: 7 },
  linux: { namespaces: [{ type: "pid" }, { type: "mount" }] },
};

/** Plans an exec in a container that has a record and nothing else. */
function planned(change: Partial<Spec>, options: Partial<ExecOptions> = {}): Promise<ExecPlan> {
  return withRoot((root) => {
    const cgroup = { driver: "cgroupfs-v1" as const, paths: { pids: "/cg/pids/a", memory: "/cg/memory/a" } };
    createStateDir(root, "a", local());
    writeState(root, sampleState("a", { pid: 123456, startTime: "1", cgroup }));
    Deno.writeTextFileSync(`${root}/a/config.json`, JSON.stringify({ ...SPEC, ...change }));
    const flags = { args: ["/bin/it"], env: ["B=2"], tty: false, additionalGids: [], capabilities: [] };
    return planExec(local(), {
      root,
      id: "a",
      process: flags,
      detach: true,
      preserveFds: 0,
      cgroups: [],
      ignorePaused: false,
      log: new Log({ format: "text", debug: false }),
      ...options,
    });
  });
}

Deno.test("exec plan: plain facts of the container and the process", async () => {
  const { setup, process, cgroups, oomScoreAdj, features } = await planned({});
  assertEquals([process.args, process.env, process.cwd], [["/bin/it"], ["A=1", "B=2"], "/own"]);
  assertEquals([setup.pid, setup.keyring, setup.foreignRoot, setup.timeNamespace], [
    123456,
    "_ses.a",
    false,
    false,
  ]);
  assertEquals([cgroups.pids, oomScoreAdj, features], ["/cg/pids/a", 7, []]);
  assertEquals(Object.values(setup).filter((value) => typeof value === "function"), []);
});

Deno.test("exec plan: namespaces of the container decide how it is entered", async () => {
  const { setup } = await planned({ linux: { namespaces: [{ type: "pid" }, { type: "time" }] } });
  assertEquals([setup.foreignRoot, setup.timeNamespace], [true, true]);
});

Deno.test("exec plan: features are those of the process, and of the container", async () => {
  const { features } = await planned({}, { pidfdSocket: "/nowhere" });
  assertEquals(features.map(({ host }) => Object.keys(host ?? {})), [["connected", "running"]]);
});

Deno.test("exec plan: what cannot be had is refused before anything is done", async () => {
  const terminal = { args: ["/it"], env: [], tty: true, additionalGids: [], capabilities: [] };
  await assertRejects(() => planned({}, { process: terminal }), RuntimeError, "cannot allocate tty");
  await assertRejects(() => planned({}, { cgroups: ["nothing:/x"] }), RuntimeError);
});
