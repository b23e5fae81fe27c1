/**
 * `exec` into a full cgroup on cgroup v2; tests/integration/exec_full_test.ts has more cases, and cgroup v1.
 */
import { assertEquals } from "@std/assert";
import { contract } from "../lib/contract.ts";
import { execOutput, sleeper } from "../lib/exec.ts";
import { readText } from "../lib/process.ts";
import { lacksCgroupV2 } from "../lib/skip.ts";

contract("exec into a full cgroup of v2: the process is in it, with nothing of the host", async (box) => {
  const container = await sleeper(box, { linux: { resources: { pids: { limit: 1 } } } });
  const script = [
    "/bin/sh",
    "-c",
    "read -r line </proc/self/cgroup; echo $line; for fd in /proc/self/fd/*; do echo $fd; done",
  ];
  const [cgroup, ...fds] = (await execOutput(container, script)).trim().split("\n");
  assertEquals(cgroup, readText(`/proc/${await container.pid()}/cgroup`).trim());
  // 3 is the directory that the shell reads.
  assertEquals(fds.map((fd) => fd.split("/").at(-1)), ["0", "1", "2", "3"]);
}, {
  skip: lacksCgroupV2("pids"),
  timeout: 60_000,
  notOnReference: "runc gets in, but at times its own threads are one process too many",
});
