/** `exec` into a container that has all the processes it may have: the operator still gets in. */
import { assertEquals } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, execOutput, sleeper } from "../lib/exec.ts";
import { readText } from "../lib/process.ts";

const notOnReference = "runc gets in, but at times its own threads are one process too many";

const limits = (limit: number) => ({ linux: { resources: { pids: { limit } } } });

/** The line of the cgroup that counts processes: its own on v1, the one there is on v2. */
const counting = (text: string) => text.split("\n").filter((line) => /:pids:|^0::\/./.test(line));

contract("exec into a full cgroup: the process is in it, and is counted", async (box) => {
  for (const limit of [1, 2, 4]) {
    const container = await sleeper(box, limits(limit));
    const init = counting(readText(`/proc/${await container.pid()}/cgroup`));
    assertEquals(counting(await execOutput(container, ["cat", "/proc/self/cgroup"])), init);
    assertEquals(init.length > 0, true);
    const forked = await exec(container, sh("true; (true); echo forked"));
    // With room for three it would depend on whether the process that made this one is gone already.
    if (limit < 3) assertError(forked, /can't fork/, 2);
    else assertEquals(assertOk(forked).stdout, "forked\n");
  }
}, { notOnReference });

contract("exec into a full cgroup: nothing of the host stays open, with a filter or without", async (box) => {
  const syscalls = [{ names: ["sync"], action: "SCMP_ACT_ERRNO" }];
  for (const seccomp of [undefined, { defaultAction: "SCMP_ACT_ALLOW", syscalls }]) {
    for (const noNewPrivileges of [true, false]) {
      const container = await sleeper(box, {
        process: { noNewPrivileges },
        linux: { ...(seccomp && { seccomp }), resources: { pids: { limit: 1 } } },
      });
      const listing = await execOutput(container, ["ls", "-l", "/proc/self/fd"]);
      assertEquals(listing.match(/ (\d+) -> /g)?.map((match) => parseInt(match)), [0, 1, 2], listing);
      const own = await execOutput(container, ["grep", "^Cap", "/proc/self/status"]);
      const init = readText(`/proc/${await container.pid()}/status`);
      assertEquals(own, `${init.split("\n").filter((line) => line.startsWith("Cap")).join("\n")}\n`);
    }
  }
}, { notOnReference });
