/**
 * `linux.intelRdt` without the hardware: the runtime runs in a mount namespace whose mountinfo shows a
 * directory of the test as resctrl. A tree of plain files has the schemata; a cgroup of a v1 hierarchy has
 * directories that the kernel fills and empties, and moves processes by `tasks`, as resctrl's do.
 */
import { assert, assertEquals } from "@std/assert";
import { Box } from "../lib/box.ts";
import type { Dict } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, until } from "../lib/process.ts";

const notOnReference = "runc 1.1.5 looks for resctrl by statfs, and knows an older specification";

/**
 * Runs a test with a runtime that takes a directory for resctrl; what the inner box leaves behind is a
 * failure.
 */
async function withResctrl(box: Box, root: string, test: (box: Box) => Promise<void>): Promise<void> {
  const path = `${box.dir}/wrapper`;
  const script = `cat /proc/$$/mountinfo >"$0.$$" &&
    echo "99999 1 0:99 / ${root} rw - resctrl resctrl rw" >>"$0.$$" &&
    mount --bind "$0.$$" /proc/$$/mountinfo && exec ${box.runtime.path} "$@"`;
  const outer = `#!/bin/sh\nexec unshare --mount --propagation private /bin/sh -c '${script}' "$0" "$@"\n`;
  Deno.writeTextFileSync(path, outer, { mode: 0o755 });
  const inner = new Box({ ...box.runtime, path });
  let leaks: string[] = [];
  try {
    await test(inner);
  } finally {
    leaks = await inner.close();
  }
  assertEquals(leaks, []);
}

/** Runs a test with a runtime that takes `<box>/resctrl` for resctrl. */
async function withFake(box: Box, test: (fake: Box, root: string) => Promise<void>): Promise<void> {
  const root = `${box.dir}/resctrl`;
  for (
    const directory of ["info/L3", "info/MB", "info/L3_MON", "gold/mon_groups", "gold/mon_data/mon_L3_00"]
  ) {
    Deno.mkdirSync(`${root}/${directory}`, { recursive: true });
  }
  const files = {
    "info/last_cmd_status": "ok",
    "info/L3/cbm_mask": "fffff",
    "info/L3/min_cbm_bits": "1",
    "info/L3/num_closids": "16",
    "info/MB/bandwidth_gran": "10",
    "info/MB/delay_linear": "1",
    "info/MB/min_bandwidth": "10",
    "info/MB/num_closids": "8",
    "info/L3_MON/mon_features": "llc_occupancy",
    "gold/mon_data/mon_L3_00/llc_occupancy": "12345",
    "schemata": "    L3:0=fffff;1=fffff\n    MB:0=100;1=100",
    "gold/schemata": "    L3:0=000f0;1=fffff\n    MB:0=30;1=100",
    "tasks": "1",
    "gold/tasks": "",
  };
  for (const [path, text] of Object.entries(files)) Deno.writeTextFileSync(`${root}/${path}`, `${text}\n`);
  await withResctrl(box, root, (fake) => test(fake, root));
}

const sleeping = (intelRdt: Dict): Dict => ({
  process: { args: ["/bin/sleep", "60"] },
  linux: { intelRdt },
});

function update(container: Container, flags: string[], stdin?: string) {
  return container.box.cli(["update", ...flags, container.id], { stdin });
}

contract(
  "resctrl: a container joins a class that fits, and leaves it there",
  (box) =>
    withFake(box, async (fake, root) => {
      const wanted = { closID: "gold", l3CacheSchema: "L3:0=f0", schemata: ["MB:0=23"] };
      const container = await fake.container(sleeping(wanted)).created();
      assertEquals(readText(`${root}/gold/tasks`), String(await container.pid()));
      assertOk(await container.start());
      assertOk(await container.box.cli(["exec", container.id, "/bin/true"]));
      const pids = readText(`${root}/gold/tasks`);
      assert(/^\d+$/.test(pids) && pids !== String(await container.pid()), pids);
      assertOk(await container.delete("--force"));
      assertEquals(exists(`${root}/gold/schemata`), true);
    }),
  { notOnReference },
);

contract(
  "resctrl: what does not fit, and what is not there, is refused and leaves nothing",
  (box) =>
    withFake(box, async (fake, root) => {
      const cases: [Dict, RegExp][] = [
        [
          { closID: "gold", l3CacheSchema: "L3:0=ff" },
          /schemata are other ones: L3:0=ff is asked for, 000f0 is there/,
        ],
        [{ closID: "silver" }, /intelRdt.closID "silver": there is no .*\/silver/],
        [{ closID: "a/b" }, /invalid intelRdt.ClosID "a\/b"/],
        [{ closID: "info" }, /not a class of service/],
      ];
      for (const [intelRdt, message] of cases) {
        const container = fake.container(sleeping(intelRdt));
        assertError(await container.create(), message);
      }
      await fake.assertNothingLeft();
      assertEquals([...Deno.readDirSync(root)].map(({ name }) => name).sort(), [
        "gold",
        "info",
        "schemata",
        "tasks",
      ]);
      assertEquals(readText(`${root}/gold/tasks`), "\n");
    }),
  { notOnReference },
);

contract(
  "resctrl: update writes schemata, and gives them back when a limit is refused",
  (box) =>
    withFake(box, async (fake, root) => {
      const container = await fake.container(sleeping({ closID: "gold" })).started();
      const schemata = `${root}/gold/schemata`;
      assertOk(await update(container, ["--l3-cache-schema", "L3:0=3"]));
      assertEquals(readText(schemata), "L3:0=3\n");
      assertOk(await update(container, ["--resources", "-", "--mem-bw-schema", "MB:0=50"], "{}"));
      assertEquals(readText(schemata), "MB:0=50\n");
      const bad = ["--resources", "-", "--l3-cache-schema", "L3:0=1"];
      assertError(await update(container, bad, '{"pids":{"limit":"many"}}'), /pids.limit/);
      assertEquals(readText(schemata), "MB:0=50\n");
      assertError(await update(container, ["--mem-bw-schema", "L3:0=1"]), /must start with "MB:"/);
    }),
  { notOnReference },
);

contract(
  "resctrl: events tell what the class has and what is counted",
  (box) =>
    withFake(box, async (fake) => {
      const container = await fake.container(sleeping({ closID: "gold" })).started();
      const event = JSON.parse(assertOk(await fake.cli(["events", "--stats", container.id])).stdout);
      assertEquals(event.data.intel_rdt, {
        l3_cache_info: { cbm_mask: "fffff", min_cbm_bits: 1, num_closids: 16 },
        l3_cache_schema_root: "L3:0=fffff;1=fffff",
        l3_cache_schema: "L3:0=000f0;1=fffff",
        mem_bw_info: { bandwidth_gran: 10, delay_linear: 1, min_bandwidth: 10, num_closids: 8 },
        mem_bw_schema_root: "MB:0=100;1=100",
        mem_bw_schema: "MB:0=30;1=100",
        schemata: ["L3:0=000f0;1=fffff", "    MB:0=30;1=100"],
        cmt_stats: [{ llc_occupancy: 12345 }],
      });
    }),
  { notOnReference },
);

contract("resctrl: not mounted", async (box) => {
  const container = box.container(sleeping({}));
  assertError(await container.create(), /intelRdt is specified in config, but Intel RDT is not enabled/);
  await box.assertNothingLeft();
  const plain = await box.container({ process: { args: ["/bin/sleep", "60"] } }).started();
  assertError(await update(plain, ["--l3-cache-schema", "L3:0=f"]), /l3 cache schema is not enabled/);
}, {
  notOnReference,
  skip: / - resctrl /.test(readText("/proc/self/mountinfo")) ? "this machine has resctrl" : undefined,
});

const V1 = "/sys/fs/cgroup/cpuacct";

contract(
  "resctrl: a group of the container's own comes and goes with it, and holds all its processes",
  async (box) => {
    const root = `${V1}/${box.token}-resctrl`;
    Deno.mkdirSync(root);
    const list = (group: string) => readText(`${root}/${group}/tasks`).trim().split("\n");
    await withResctrl(box, root, async (fake) => {
      const container = await fake.container(sleeping({})).created();
      const pid = String(await container.pid());
      assertEquals(list(container.id), [pid]);
      assertOk(await container.start());
      assertOk(await fake.cli(["exec", "--detach", container.id, "/bin/sh", "-c", "sleep 61; true"]));
      await until("the shell and its sleep", () => list(container.id).length === 3);
      assert(list(container.id).includes(pid));
      assertOk(await container.delete("--force"));
      assertEquals(exists(`${root}/${container.id}`), false);
      const hook = { path: "/bin/sh", args: ["sh", "-c", `cat ${root}/*/tasks >${fake.dir}/seen; exit 1`] };
      const failing = fake.container({ ...sleeping({}), hooks: { createRuntime: [hook] } });
      assertError(await failing.create(), /createRuntime/);
      assert(/^\d+\n$/.test(readText(`${fake.dir}/seen`)), "the init is in its group before hooks are run");
      assertEquals(exists(`${root}/${failing.id}`), false);
    });
    Deno.removeSync(root);
  },
  { notOnReference, skip: exists(V1) ? undefined : "this machine has no cgroup v1 to play resctrl" },
);
