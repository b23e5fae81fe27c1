import { assertEquals, assertThrows } from "@std/assert";
import { config, merge } from "./bundle.ts";
import { findProcesses } from "./leaks.ts";
import { mountAt, parseMountinfo } from "./mountinfo.ts";
import { capabilityBits, parseFacts } from "./probe.ts";
import { until } from "./process.ts";

Deno.test("merge: objects by key, arrays and scalars replaced, undefined removes", () => {
  const base = { a: { b: 1, c: [1, 2] }, d: "x" };
  assertEquals(merge(base, { a: { c: [3] }, d: undefined, e: 1 }), { a: { b: 1, c: [3] }, e: 1 });
  assertEquals(base, { a: { b: 1, c: [1, 2] }, d: "x" });
});

Deno.test("config: no hostname without a UTS namespace", () => {
  assertEquals(config().hostname, "box");
  assertEquals(config({ linux: { namespaces: [{ type: "mount" }] } }).hostname, undefined);
});

Deno.test("mountinfo: optional fields, escapes, the last mount of a target", () => {
  const mounts = parseMountinfo(
    "36 35 98:0 /a\\040b /mnt\\011x rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue\n" +
      "37 36 0:5 / /x ro - tmpfs first rw\n38 37 0:6 / /x rw - tmpfs second rw,size=4k\n",
  );
  assertEquals(mounts[0], {
    target: "/mnt\tx",
    root: "/a b",
    options: ["rw", "noatime"],
    propagation: ["master:1", "shared:2"],
    type: "ext3",
    source: "/dev/root",
    superOptions: ["rw", "errors=continue"],
  });
  assertEquals(mountAt(mounts, "/x")?.source, "second");
  assertEquals(mountAt(mounts, "/y"), undefined);
});

Deno.test("probe: sections of its output", () => {
  const limits = "Limit                     Soft Limit           Hard Limit           Units\n" +
    "Max open files            512                  1024                 files";
  const facts = parseFacts(
    `@@status\nUid:\t0\t0\t0\t0\n@@ns\npid pid:[1]\n@@limits\n${limits}\n` +
      "@@fds\ntotal 0\nlrwx------ 1 0 0 64 Jan 1 00:00 0 -> /dev/null\n@@env\nA=1\n\n@@cwd\n/\n" +
      "@@interfaces\n1: lo: <LOOPBACK,UP> mtu\n2: eth0@if3: <BROADCAST> mtu\n@@end\n",
  );
  assertEquals(facts.status.Uid, "0\t0\t0\t0");
  assertEquals([facts.ns.pid, facts.limits["Max open files"], facts.fds["0"]], [
    "pid:[1]",
    ["512", "1024"],
    "/dev/null",
  ]);
  assertEquals([facts.env, facts.interfaces], [["A=1"], { lo: "up", eth0: "down" }]);
  assertThrows(() => parseFacts("sh: not found\n"), Error, "did not finish");
});

Deno.test("capabilityBits: of a mask of 64 bits", () => {
  assertEquals(capabilityBits("8000000000002001"), [0, 13, 63]);
});

Deno.test("leaks: a name finds a process by its command line, and nobody by what all processes share", async () => {
  const token = crypto.randomUUID();
  const child = new Deno.Command("/bin/sh", { args: ["-c", "read never", token], stdin: "piped" }).spawn();
  try {
    // A child has its own command line once it is the program.
    await until("the child's command line", () => findProcesses(token).length > 0);
    assertEquals(findProcesses(token), [child.pid]);
    for (const line of Deno.readTextFileSync("/proc/self/cgroup").trim().split("\n")) {
      const hierarchy = line.slice(0, line.indexOf(":", line.indexOf(":") + 1) + 1);
      assertEquals(findProcesses(hierarchy).includes(child.pid), false, hierarchy);
    }
  } finally {
    await child.stdin.close();
    await child.status;
  }
});
