import { assertEquals } from "@std/assert";
import { delegate, type DelegationConfig, ownerOf } from "./delegation.ts";

function config(change: Record<string, unknown> = {}, uid = 5): DelegationConfig {
  const linux = {
    namespaces: [{ type: "cgroup" }, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: 1000, size: 1 }, { containerID: 1, hostID: 100_000, size: 10 }],
    ...change,
  };
  const mounts = [{
    destination: "/sys/fs/cgroup/",
    type: "cgroup",
    source: "cgroup",
    options: ["rw", "nosuid"],
  }];
  return { process: { user: { uid, gid: 0 } }, mounts, linux, ...change } as unknown as DelegationConfig;
}

Deno.test("the cgroup goes to the user of the container's process, as the host knows that one", () => {
  assertEquals(ownerOf(config()), 100_004);
  assertEquals(ownerOf(config({}, 0)), 1000);
  assertEquals(ownerOf(config({ namespaces: [{ type: "cgroup" }] })), 5);
});

Deno.test("it stays the host's where the container cannot use it, and where its user is the host's root or nobody", () => {
  const readOnly = [{ destination: "/sys/fs/cgroup", type: "cgroup", options: ["ro"] }];
  assertEquals(ownerOf(config({ mounts: readOnly })), undefined);
  assertEquals(ownerOf(config({ mounts: [] })), undefined);
  assertEquals(ownerOf(config({ namespaces: [{ type: "user" }] })), undefined);
  assertEquals(ownerOf(config({ namespaces: [{ type: "cgroup", path: "/proc/1/ns/cgroup" }] })), undefined);
  assertEquals(ownerOf(config({ namespaces: [{ type: "cgroup" }] }, 0)), undefined);
  assertEquals(ownerOf(config({}, 4000)), undefined);
});

Deno.test("the directory and the files that manage it change hands, and limits do not", () => {
  const changed: string[] = [];
  delegate("/cg/x", 1000, (path) => {
    if (path.endsWith("cgroup.threads")) throw new Deno.errors.NotFound();
    changed.push(path);
  });
  assertEquals(changed.slice(0, 2), ["/cg/x", "/cg/x/cgroup.procs"]);
  assertEquals(changed.includes("/cg/x/cgroup.subtree_control"), true);
  assertEquals(changed.some((path) => path.endsWith("memory.max")), false);
});
