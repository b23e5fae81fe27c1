/** Time namespaces: `linux.timeOffsets`, new and joined, for the container's process and for `exec`. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { execOutput, sleeper } from "../lib/exec.ts";
import { exists, readText } from "../lib/process.ts";
import { missingForRootless, RootlessContainer } from "../lib/rootless.ts";

const options = {
  notOnReference: "time namespaces came with runc 1.2",
  skip: exists("/proc/self/ns/time") ? undefined : "the kernel has no time namespaces",
};

const REST: Dict[] = namespaces("pid", "network", "ipc", "uts", "mount");
const DAY = 86_400;

/** A time namespace of its own, with offsets. */
const offset = (timeOffsets?: Dict) => ({
  linux: { namespaces: [...REST, { type: "time" }], ...(timeOffsets && { timeOffsets }) },
});

/** Seconds since boot, by the clock of the process that reads them. */
const uptime = (text: string) => Number(text.split(" ")[0]);
const LOOK = sh("readlink /proc/self/ns/time; cat /proc/uptime; cat /proc/self/timens_offsets");

contract("time namespace: a new one, with the host's clocks where no offset is given", async (box) => {
  const container = box.container({ ...offset(), process: { args: LOOK } });
  const [link, up, ...offsets] = (await container.output()).trim().split("\n");
  assertNotEquals(link, Deno.readLinkSync("/proc/self/ns/time"));
  assert(Math.abs(uptime(up) - uptime(readText("/proc/uptime"))) < 60, up);
  assertEquals(offsets.map((line) => line.split(/ +/)), [["monotonic", "0", "0"], ["boottime", "0", "0"]]);
}, options);

contract("time namespace: offsets of both clocks hold for the process and for exec", async (box) => {
  const before = uptime(readText("/proc/uptime"));
  const timeOffsets = { boottime: { secs: 7 * DAY, nanosecs: 5 }, monotonic: { secs: DAY } };
  const container = await sleeper(box, offset(timeOffsets));
  const link = Deno.readLinkSync(`/proc/${await container.pid()}/ns/time`);
  assertNotEquals(link, Deno.readLinkSync("/proc/self/ns/time"));
  const [inside, up, ...offsets] = (await execOutput(container, LOOK)).trim().split("\n");
  assertEquals(inside, link);
  assert(Math.abs(uptime(up) - before - 7 * DAY) < 60, `${up} at ${before}`);
  const expected = [["monotonic", `${DAY}`, "0"], ["boottime", `${7 * DAY}`, "5"]];
  assertEquals(offsets.map((line) => line.split(/ +/)), expected);
}, options);

contract("time namespace: the first process is in it itself, not only its children", async (box) => {
  const process = { args: ["/bin/cat", "/proc/uptime"] };
  const container = box.container({ ...offset({ boottime: { secs: 7 * DAY } }), process });
  assert(uptime(await container.output()) > 7 * DAY);
}, options);

contract("time namespace: joined by path", async (box) => {
  const target = await sleeper(box, offset({ boottime: { secs: 9 * DAY } }));
  const path = `/proc/${await target.pid()}/ns/time`;
  const linux = { namespaces: [...REST, { type: "time", path }] };
  const [link, up] = (await box.container({ process: { args: LOOK }, linux }).output()).split("\n");
  assertEquals(link, Deno.readLinkSync(path));
  assert(uptime(up) > 9 * DAY, up);
}, options);

contract("time namespace: of a user without root's rights, and for exec", async (box) => {
  const types = ["user", "pid", "ipc", "uts", "mount", "time"];
  await using container = await RootlessContainer.make(box, {
    process: { terminal: false, args: ["sleep", "1000"] },
    linux: { namespaces: namespaces(...types), timeOffsets: { boottime: { secs: 7 * DAY } } },
  });
  assertOk(await container.start("--detach"));
  const { pid } = JSON.parse((await container.run("state", container.id)).stdout);
  const link = Deno.readLinkSync(`/proc/${pid}/ns/time`);
  assertNotEquals(link, Deno.readLinkSync("/proc/self/ns/time"));
  const result = assertOk(await container.run("exec", container.id, ...LOOK));
  const [inside, up] = result.stdout.split("\n");
  assertEquals(inside, link);
  assert(uptime(up) > 7 * DAY, up);
}, { ...options, skip: options.skip ?? missingForRootless() });

contract("time namespace: what cannot be is refused, and leaves nothing behind", async (box) => {
  const refused = async (linux: Dict, pattern: RegExp) =>
    assertError(await box.container({ linux }).create(), pattern);
  const timeOffsets = { boottime: { secs: 1 } };
  await refused({ namespaces: REST, timeOffsets }, /time namespace isn't enabled in the config/);
  const joined = [...REST, { type: "time", path: "/proc/self/ns/time" }];
  await refused({ namespaces: joined, timeOffsets }, /both namespace path and time offsets/);
  await refused(offset({ boottime: { nanosecs: 1_000_000_000 } }).linux, /nanosecs/);
  await refused(offset({ boottime: { secs: -1_000_000_000 } }).linux, /boottime -1000000000 0.*out of range/);
  await box.assertNothingLeft();
}, options);
