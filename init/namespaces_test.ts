import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENOENT, EPERM } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import { callsOf, names, scripted } from "../tests/lib/scripted.ts";
import { cloneFlags, hasNamespace, joinNamespaces, planNamespaces } from "./namespaces.ts";

const PLAN = planNamespaces([
  { type: "pid" },
  { type: "network", path: "/run/netns/x" },
  { type: "mount" },
  { type: "cgroup" },
  { type: "ipc", path: "" },
]);

Deno.test("namespaces: with a path joined, without one made anew, an empty path is none", () => {
  assertEquals([...PLAN.fresh], ["pid", "mount", "cgroup", "ipc"]);
  assertEquals(PLAN.joins, [{ type: "network", path: "/run/netns/x" }]);
  assertEquals(planNamespaces(undefined), { fresh: new Set(), joins: [] });
});

Deno.test("namespaces: those that are listed are not the runtime's", () => {
  assertEquals((["pid", "network", "uts"] as const).map((type) => hasNamespace(PLAN, type)), [
    true,
    true,
    false,
  ]);
});

Deno.test("namespaces: the init is cloned into the fresh ones, but for the cgroup one", () => {
  assertEquals(cloneFlags(PLAN), NAMESPACES.pid.flag | NAMESPACES.mount.flag | NAMESPACES.ipc.flag);
  // The highest one is bit 30, and the sum is no negative number.
  assertEquals(cloneFlags(planNamespaces([{ type: "network" }])), 0x40000000);
});

const JOINS = [{ type: "mount", path: "/m" }, { type: "network", path: "/n" }] as const;

Deno.test("join: all are opened before the first is entered", () => {
  const k = scripted();
  joinNamespaces(k, JOINS);
  assertEquals(names(k), ["openat", "openat", "setns", "close", "setns", "close"]);
  assertEquals(callsOf(k, "setns").map(({ args }) => args), [
    [100, NAMESPACES.mount.flag],
    [101, NAMESPACES.network.flag],
  ]);
});

Deno.test("join: a missing one is named with its kind and its path", () => {
  assertThrows(
    () => joinNamespaces(scripted({ openat: -ENOENT }), JOINS),
    OperationError,
    'join the mount namespace: openat "/m": no such file or directory',
  );
});

Deno.test("join: one of another kind is told as such, other failures are not", () => {
  const message = (errno: number) =>
    assertThrows(() => joinNamespaces(scripted({ setns: -errno }), JOINS), OperationError).message;
  assertEquals(message(EINVAL), 'join the mount namespace "/m" (is it a mount namespace?): invalid argument');
  assertEquals(message(EPERM), 'join the mount namespace "/m": operation not permitted');
});
