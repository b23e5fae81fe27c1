import { assertEquals } from "@std/assert";
import { S_IFDIR } from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import type { Mount } from "../spec/types.ts";
import { callsOf, names, scripted, stat } from "../tests/lib/scripted.ts";
import { planNamespaces } from "./namespaces.ts";
import { prepareRoot } from "./prepare_root.ts";
import type { SetupPlan } from "./setup.ts";

const TMPFS: Mount = { destination: "/t", type: "tmpfs" };

/** A root of a container with these namespaces; `hooks` stands where hooks would run. */
function prepared(types: ("pid" | "mount")[], more: Partial<SetupPlan> = {}): DryKernel {
  const k = scripted({ statx: stat(S_IFDIR | 0o755) });
  const plan: Partial<SetupPlan> = {
    spec: { root: { path: "rootfs" }, mounts: [TMPFS] } as SetupPlan["spec"],
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    hostRoot: () => false,
    namespaces: planNamespaces(types.map((type) => ({ type }))),
    noPivot: false,
    ...more,
  };
  prepareRoot(k, plan as SetupPlan, () => k.call("getppid", []));
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
  const k = prepared(["pid"], {
    userNamespace: { open: (k, path, flags) => k.open(path, flags) } as SetupPlan["userNamespace"],
    spec: { root: { path: "rootfs" } } as SetupPlan["spec"],
  });
  assertEquals(
    names(k).filter((name) => ["mknodat", "symlinkat", "move_mount", "mkdirat"].includes(name)),
    [],
  );
});
