/** `events`: samples as runc writes them, at intervals, and notifications of a lack of memory. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, type Result, until } from "../lib/process.ts";
import { referencePath } from "../lib/runtime.ts";

const MIB = 1 << 20;
const v1 = exists("/sys/fs/cgroup/memory") ? undefined : "this machine has no cgroup v1";
const SLEEP = { args: ["/bin/sleep", "60"] };

interface Event {
  type: string;
  id: string;
  data?: Dict;
}

function decode({ stdout }: Result): Event[] {
  return stdout.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

/** Names of all fields that are always there, in order, as paths. */
function shape(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([key, item]) => shape(item, `${path}.${key}`));
}

contract("events --stats: one sample, whose figures are those of the cgroup", async (box) => {
  const resources = {
    memory: { limit: 64 * MIB },
    pids: { limit: 9 },
    cpu: { quota: 50_000, period: 100_000 },
  };
  const container = await box.container({ process: SLEEP, linux: { resources } }).started();
  const result = assertOk(await box.cli(["events", "--stats", container.id]));
  assertMatch(result.stdout, /^\{.*\}\n$/);
  const [{ type, id, data }] = decode(result);
  assertEquals([type, id], ["stats", container.id]);
  // deno-lint-ignore no-explicit-any -- the document's shape is what is tested
  const { cpu, memory, pids, cpuset, network_interfaces } = data as any;
  assertEquals(pids, { current: 1, limit: 9 });
  assertEquals(memory.usage.limit, 64 * MIB);
  assertEquals(memory.raw.hierarchical_memory_limit, 64 * MIB);
  assert(memory.usage.usage > 0 && memory.usage.usage <= memory.usage.max, JSON.stringify(memory.usage));
  assert(cpu.usage.total > 0 && cpu.usage.percpu.length > 0, JSON.stringify(cpu));
  assertEquals(cpuset.mems, [0]);
  assertEquals(network_interfaces, null);
  // An integer beyond 2^53, of which every digit counts.
  if (memory.swap.limit !== 0) assertMatch(result.stdout, /"swap":\{"limit":9223372036854771712,/);
}, { skip: v1 });

contract("events --stats: a created container", async (box) => {
  const container = await box.container({ process: SLEEP }).created();
  const [event] = decode(assertOk(await box.cli(["events", "--stats", container.id])));
  const { current } = event.data?.pids as { current: number };
  // runc's init is a Go program with threads.
  assert(box.runtime.reference ? current >= 1 : current === 1, `${current} tasks`);
}, { skip: v1 });

contract("events: samples at intervals until the container ends", async (box) => {
  const container = await box.container({ process: SLEEP }).started();
  const files = `${box.dir}/stream`;
  const stream = box.cli(["events", "--interval", "100ms", container.id], { files });
  await until("three samples", () => readText(`${files}.out`).split("\n").length > 3);
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  // runc goes on until the cgroup is gone.
  if (box.runtime.reference) assertOk(await container.delete());
  assert(decode(assertOk(await stream)).every((event) => event.type === "stats"));
}, { skip: v1 });

contract("events: memory that ran out is told once each time", async (box) => {
  // The reader of oom_control has to be there first.
  const hog = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null";
  const container = box.container();
  const swap = exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes");
  const limit = { limit: 16 * MIB, ...(swap ? { swap: 16 * MIB } : {}) };
  container.configure({
    process: { args: sh(`while [ ! -e /tmp/go ]; do sleep .02; done; ${hog}; sleep .3; ${hog}; sleep .3`) },
    linux: { resources: { memory: limit } },
  });
  await container.started();
  const files = `${box.dir}/stream`;
  const stream = box.cli(["events", "--interval", "100ms", container.id], { files });
  await until("a first event", () => readText(`${files}.out`) !== "");
  Deno.writeTextFileSync(container.path("/tmp/go"), "");
  await container.wait("stopped");
  if (box.runtime.reference) assertOk(await container.delete());
  const types = decode(assertOk(await stream)).map((event) => event.type);
  // The kernel tells it again where the process that it has killed is slow to go.
  const times = types.filter((type, i) => type === "oom" && types[i - 1] !== "oom").length;
  assertEquals(times, 2, types.join(" "));
  assert(types.filter((type) => type === "oom").length <= 6, types.join(" "));
  assertEquals(decode(await stream).find((event) => event.type === "oom"), { type: "oom", id: container.id });
}, { skip: v1 });

contract("events: an init that ran out of memory is told before the end", async (box) => {
  const container = box.container({
    process: {
      args: sh(
        "while [ ! -e /tmp/go ]; do sleep .02; done; exec dd if=/dev/zero of=/dev/null bs=64M count=1",
      ),
    },
    linux: { resources: { memory: { limit: 16 * MIB } } },
  });
  await container.started();
  const stream = box.cli(["events", "--interval", "50ms", container.id], { files: `${box.dir}/stream` });
  await until("a first event", () => readText(`${box.dir}/stream.out`) !== "");
  Deno.writeTextFileSync(container.path("/tmp/go"), "");
  const types = decode(assertOk(await stream)).map((event) => event.type);
  assert(types.includes("oom"), types.join(" "));
}, { skip: v1, notOnReference: "runc does not end with the container" });

contract("events: what it refuses", async (box) => {
  const container = await box.container({ process: { args: ["/bin/true"] } }).started();
  await container.wait("stopped");
  assertError(await box.cli(["events", container.id]), /container with id .* is not running/);
  for (const interval of ["0", "-5s", "0s"]) {
    const result = await box.cli(["events", "--interval", interval, container.id]);
    assertError(result, /duration interval must be greater than 0/);
  }
  assertError(
    await box.cli(["events", "--interval", "5", container.id]),
    /invalid value "5" for flag -interval: parse/,
  );
  assertError(await box.cli(["events", `${box.token}-none`]), /container does not exist/);
});

contract("events --stats: the fields are runc's, in its order", async (box) => {
  const container = await box.container({ process: SLEEP }).started();
  const ours = decode(assertOk(await box.cli(["events", "--stats", container.id])))[0];
  const theirs = decode(await asReference(container))[0];
  // What is zero is left out, and a little time lies between the samples.
  const vary = /blkio|\.cache$|throttling|\.percpu|max$|usage$/;
  const fixed = (event: Event) => shape(event).filter((path) => !vary.test(path));
  assertEquals(fixed(ours), fixed(theirs));
}, { skip: v1 ?? (referencePath() ? undefined : "runc is not installed") });

/** What runc says of a container of its own in the same cgroup setup. */
async function asReference(container: Container): Promise<Result> {
  const { box } = container;
  const runc = [referencePath()!, "--root", `${box.dir}/reference`];
  const twin = box.container({ process: SLEEP });
  const files = `${box.dir}/reference`;
  assertOk(
    await box.command([...runc, "run", "-d", "--bundle", twin.bundle.dir, twin.id], {
      files: `${files}-run`,
    }),
  );
  try {
    return assertOk(await box.command([...runc, "events", "--stats", twin.id], { files }));
  } finally {
    assertOk(await box.command([...runc, "delete", "--force", twin.id], { files: `${files}-delete` }));
  }
}
