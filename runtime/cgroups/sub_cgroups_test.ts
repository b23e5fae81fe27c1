import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { entryOf } from "./entry.ts";
import { subCgroups } from "./sub_cgroups.ts";

const PATHS = {
  cpu: "/c/cpu,cpuacct/x",
  cpuacct: "/c/cpu,cpuacct/x",
  pids: "/c/pids/x",
  unified: "/c/unified/x",
};

Deno.test("entryOf: each v1 directory once, the v2 one apart", () => {
  assertEquals(entryOf(PATHS), {
    tasks: ["/c/cpu,cpuacct/x/tasks", "/c/pids/x/tasks"],
    cloneInto: "/c/unified/x",
  });
  assertEquals(entryOf({}), { tasks: [], cloneInto: null });
});

Deno.test("subCgroups: below all, or below some", () => {
  assertEquals(subCgroups(PATHS, []), PATHS);
  assertEquals(Object.values(subCgroups(PATHS, ["a/b"])), Object.values(PATHS).map((path) => `${path}/a/b`));
  assertEquals(subCgroups(PATHS, ["pids:a", "cpu,cpuacct:/b"]), {
    ...PATHS,
    pids: "/c/pids/x/a",
    cpu: "/c/cpu,cpuacct/x/b",
    cpuacct: "/c/cpu,cpuacct/x/b",
  });
  assertEquals(subCgroups(PATHS, ["a/../."]), PATHS);
});

Deno.test("subCgroups: mistakes", () => {
  const fails = (reason: string, ...wanted: string[]) =>
    assertThrows(() => subCgroups(PATHS, wanted), RuntimeError, reason);
  fails("../y is not a sub cgroup path", "../y");
  fails("../xy is not a sub cgroup path", "../xy");
  fails("unknown controller foo in SubCgroupPaths", "foo:a");
  fails("unknown controller toString in SubCgroupPaths", "toString:a");
  fails("invalid --cgroup argument: a:b:c", "a:b:c");
  fails("invalid --cgroup argument: a (missing <controller>: prefix)", "a", "b");
  fails("invalid --cgroup argument: :a (empty <controller> prefix)", ":a");
  fails("controller pids specified multiple times", "pids:a", "cpu,pids:b");
  fails("controller pids specified multiple times", "pids,pids:a");
});

Deno.test("subCgroups: a container without cgroups has none below either", () => {
  assertThrows(
    () => subCgroups({}, ["a"]),
    RuntimeError,
    "bad sub cgroup path: a: the container has no cgroup",
  );
  assertEquals(subCgroups({}, ["/"]), {});
});
