import { assertEquals } from "@std/assert";
import { S_IFDIR } from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import type { Mount } from "../spec/types.ts";
import { callsOf, names, scripted, stat } from "../tests/lib/scripted.ts";
import { planNamespaces } from "./namespaces.ts";
import { Lifecycle } from "./lifecycle.ts";
import { ROOT_STEPS } from "./prepare_root.ts";
import { Setup, type SetupPlan, type SetupStage, type SetupSteps } from "./setup_context.ts";

const PROCESS = { args: ["/bin/true"], cwd: "/", user: { uid: 0, gid: 0 } };
const TMPFS: Mount = { destination: "/t", type: "tmpfs" };

/** The stages around the root, and the one that checks wait for. */
const ORDER: readonly SetupStage[] = [
  "birth",
  "rootfs",
  "mounts",
  "mount checks",
  "runtime hooks",
  "root",
  "found",
];

/** A root of a container with these namespaces. */
function prepared(
  types: ("pid" | "mount")[],
  mounts: Mount[] = [TMPFS],
  feature: SetupSteps = {},
): DryKernel {
  const k = scripted({ statx: stat(S_IFDIR | 0o755) });
  const plan: SetupPlan = {
    spec: { ociVersion: "1.2.0", root: { path: "rootfs" }, process: PROCESS, mounts },
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    hostRoot: false,
    fifo: "/fifo",
    namespaces: planNamespaces(types.map((type) => ({ type }))),
    noPivot: false,
    mountable: true,
    keyring: undefined,
    host: { permitted: { low: 0, high: 0 }, last: 40 },
    hasKcore: false,
    mountPoints: [],
    procAndSys: [],
  };
  const hooks: SetupSteps = { "runtime hooks": (setup) => void setup.k.call("getppid", []) };
  const stages = { order: ORDER, answered: new Set<SetupStage>() };
  const lifecycle = new Lifecycle<SetupStage, Setup>(stages, [ROOT_STEPS, hooks, feature]);
  const context = new Setup(k, plan, {
    nullStdio: [],
    channel: 202,
    arena: 200,
    groupsDenied: () => false,
    hostProcfs: () => 9,
  }, lifecycle);
  for (const stage of ORDER.slice(0, -1)) lifecycle.runStage(stage, context);
  return k;
}

Deno.test("root: mounts, then devices, then hooks, then the change of root", () => {
  for (
    const [list, change] of [[prepared(["mount"]), "pivot_root"], [prepared(["pid"]), "chroot"]] as const
  ) {
    const order = ["fsopen", "mknodat", "getppid", change].map((name) => names(list).indexOf(name));
    assertEquals(order, order.toSorted((a, b) => a - b));
    assertEquals(order.includes(-1), false);
  }
});

Deno.test("root: without a mount namespace nothing of the runtime's mounts is changed but what is mounted in the root", () => {
  const k = prepared(["pid"]);
  const list = names(k);
  assertEquals(
    list.filter((name) => ["mount_setattr", "umount2", "pivot_root", "open_tree"].includes(name)),
    [],
  );
  assertEquals(callsOf(k, "move_mount").length, 1);
});

Deno.test("root: in a user namespace without a mount namespace no device is made or bound", () => {
  const k = prepared(["pid"], [], { birth: (setup) => void (setup.bindDevices = true) });
  assertEquals(
    names(k).filter((name) => ["mknodat", "symlinkat", "move_mount", "mkdirat"].includes(name)),
    [],
  );
});
