/** Limits as low as a program can live with: nothing of the runtime counts against them. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Dict } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText } from "../lib/process.ts";
import { lacksCgroupV2 } from "../lib/skip.ts";

const v1 = exists("/sys/fs/cgroup/memory");
const lacking = v1 ? undefined : lacksCgroupV2("memory");

const LOW: Record<string, Dict> = {
  "512 KiB of memory": { memory: { limit: 512 << 10 } },
  "one task": { pids: { limit: 1 } },
  "one percent of a CPU": { cpu: { quota: 1000, period: 100_000 } },
  "all of these": { memory: { limit: 512 << 10 }, pids: { limit: 1 }, cpu: { quota: 1000, period: 100_000 } },
};

for (const [name, resources] of Object.entries(LOW)) {
  contract(`low limits: ${name} start /bin/true`, async (box) => {
    const container = box.container({ process: { args: ["/bin/true"] }, linux: { resources } });
    assertOk(await container.run());
    await box.assertNothingLeft();
  }, { skip: lacking, notOnReference: "runc's own init, a Go program, runs within the limits" });
}

contract("low limits: a created container is charged for next to nothing", async (box) => {
  const container = await box.container({ process: { args: ["/bin/true"] } }).created();
  const bytes = v1
    ? Number(container.cgroup("memory", "memory.usage_in_bytes"))
    : Number(readText(`/sys/fs/cgroup/${container.id}/memory.current`));
  // The kernel charges in advance, 64 pages for each CPU, so the figure is coarse.
  assert(bytes > 0 && bytes < 1 << 20, `${bytes} bytes`);
}, { skip: lacking, notOnReference: "runc's own init, a Go program, waits in the container" });

contract("low limits: the init of a created container has less than 64 KiB for itself", async (box) => {
  const container = await box.container({ process: { args: ["/bin/true"] } }).created();
  const pid = await container.pid();
  const [, pss] = /^Pss:\s+(\d+) kB$/m.exec(readText(`/proc/${pid}/smaps_rollup`)) ?? [];
  assert(Number(pss) < 64, `${pss} KiB`);
}, { notOnReference: "runc's own init, a Go program, waits in the container" });

/** As many open files as the process has, so that there is no room for one more. */
const FULL: Record<string, { limit: number; flags: string[]; redirect?: string }> = {
  "standard descriptors": { limit: 3, flags: [] },
  "one more": { limit: 4, flags: [] },
  "preserved ones": {
    limit: 6,
    flags: ["--preserve-fds", "3"],
    redirect: "3</dev/null 4</dev/null 5</dev/null",
  },
};

for (const [name, { limit, flags, redirect }] of Object.entries(FULL)) {
  const title =
    `low limits: RLIMIT_NOFILE ${limit} with ${name} leaves no room to wait for start: create says so`;
  contract(title, async (box) => {
    const rlimits = [{ type: "RLIMIT_NOFILE", soft: limit, hard: limit }];
    const container = box.container({ process: { args: ["/bin/sh", "-c", "echo ran >/ran"], rlimits } });
    assertError(await container.create({ flags, redirect }), /exec\.fifo.*too many open files/);
    assertEquals(exists(container.path("/ran")), false);
    await box.assertNothingLeft();
  }, {
    notOnReference: "runc's init, a Go program, has more descriptors open than it shows, and other words",
  });
}

contract("low limits: RLIMIT_NOFILE with room for one more is enough", async (box) => {
  const rlimits = [{ type: "RLIMIT_NOFILE", soft: 5, hard: 5 }];
  const container = box.container({ process: { args: ["/bin/sh", "-c", "ulimit -n"], rlimits } });
  assertStringIncludes(await container.output(), "5");
}, { notOnReference: "runc's init, a Go program, has more descriptors open than it shows" });

contract("low limits: RLIMIT_DATA and RLIMIT_AS bar nothing of the runtime's own", async (box) => {
  const rlimits = [{ type: "RLIMIT_DATA", soft: 65536, hard: 65536 }, {
    type: "RLIMIT_AS",
    soft: 12 << 20,
    hard: 12 << 20,
  }];
  const container = box.container({ process: { args: ["/bin/true"], rlimits } });
  assertOk(await container.create());
  assertEquals(await container.status(), "created");
}, { notOnReference: "runc's init, a Go program, does not fit" });
