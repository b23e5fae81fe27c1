/** Limits as low as a program can live with: nothing of the runtime counts against them. */
import { assert } from "@std/assert";
import type { Dict } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
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
