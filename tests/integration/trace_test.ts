/** What `--trace` and TSRUN_TRACE leave, and what they never do: fail a command, show up in a container. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Dict } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec } from "../lib/exec.ts";

const OWN = { notOnReference: "runc has no traces" };

interface Event {
  ph: string;
  pid: number;
  name: string;
  cat?: string;
  ts: number;
  dur?: number;
  args: { name?: string; call?: string; result?: number; errno?: string; stage?: string };
}

/** The events of the one trace of a command in a directory. */
function eventsOf(directory: string, command: string): Event[] {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const [name, ...more] = names.filter((name) => name.includes(`-${command}-`));
  assertEquals([more, name?.endsWith(".json")], [[], true], names.join(" "));
  return JSON.parse(Deno.readTextFileSync(`${directory}/${name}`)).traceEvents;
}

const LIFE = ["create 0", "start 0", "exec 0", "delete 0"];

contract("trace: a directory gets a file of each command, and merge puts them on one axis", async (box) => {
  const directory = `${box.dir}/traces`, globals = ["--trace", directory];
  const container = box.container({ process: { args: ["sleep", "1000"] } });
  await container.created({ globals });
  const pid = await container.pid();
  assertOk(await container.start({ env: { TSRUN_TRACE: directory } }));
  assertOk(await exec(container, ["true"], { globals }));
  assertOk(await box.cli(["delete", "--force", container.id], { globals }));
  const events = eventsOf(directory, "create");
  const tracks = events.filter(({ ph }) => ph === "M").map(({ args }) => args.name);
  assertEquals(tracks, ["tsrun create", "stage", "init"]);
  const init = events.filter((event) => event.pid === pid && event.cat === "call");
  const proc = init.find(({ args }) => args.call?.startsWith('fsopen("proc", FSOPEN_CLOEXEC)'));
  assert(proc?.args.stage === "mounts" && proc.args.result! > 0 && proc.dur! > 0, JSON.stringify(proc));
  const execve = init.find(({ name }) => name === "execve");
  assertMatch(execve?.args.call ?? "", /^execve\(".*\/sleep", \["sleep", "1000"\], \[\d+ variables\]\)$/);
  assertEquals([execve?.ph, execve?.dur], ["i", undefined]);
  const stages = events.filter((event) => event.pid === pid && event.cat === "stage").map(({ name }) => name);
  assertEquals(stages.filter((name) => ["session", "mounts", "root", "user"].includes(name)), [
    "session",
    "mounts",
    "root",
    "user",
  ]);
  const joiner = eventsOf(directory, "exec");
  assert(joiner.some(({ name, args }) => name === "setns" && args.stage === "namespaces"));
  assert(eventsOf(directory, "start").some(({ args }) => args.call?.includes("exec.fifo")));
  assert(eventsOf(directory, "delete").some(({ name }) => name === "pidfd_send_signal" || name === "kill"));
  Deno.mkdirSync(`${directory}/directory.json`);
  new Deno.Command("mkfifo", { args: [`${directory}/pipe.json`] }).outputSync();
  for (const suffix of ["svg", "txt", "json"]) {
    const file = `${box.dir}/all.${suffix}`;
    const told = assertOk(await box.cli(["trace", "merge", "--output", file, "--format", "json", directory]));
    const { output, id, commands } = JSON.parse(told.stdout);
    assertEquals([output, id], [file, container.id]);
    assertEquals(commands.map(({ command, status }: Dict) => `${command} ${status}`), LIFE);
    const text = Deno.readTextFileSync(file);
    const order = ["create", "start", "exec", "delete"].map((name) =>
      text.search(new RegExp(`(?:tsrun |>|"command":")${name}(?: |")`))
    );
    assertEquals([order, order.includes(-1)], [order.toSorted((a, b) => a - b), false], suffix);
  }
}, OWN);

contract("trace: files are for their owner only, and are none of the container's", async (box) => {
  const trace = `${box.dir}/trace.txt`;
  const list = () => box.container({ process: { args: ["ls", "/proc/self/fd"] } });
  const plain = await list().output();
  const traced = await list().output({ globals: ["--trace", trace] });
  assertEquals(traced, plain);
  assertEquals(Deno.statSync(trace).mode! & 0o777, 0o600);
  assertMatch(Deno.readTextFileSync(trace), /the costliest calls:\n(.*\n){11}\n/);
}, OWN);

contract("trace: a command that fails leaves one too, with its errors", async (box) => {
  const trace = `${box.dir}/trace.json`, log = `${box.dir}/log`;
  const mounts = [{ destination: "/x", type: "nofs", source: "no" }];
  const container = box.container({ process: { args: ["true"] }, mounts });
  const result = await container.create({
    globals: ["--trace", trace, "--log", log, "--log-format", "json"],
  });
  assertEquals(result.code, 1);
  assertEquals(Deno.readTextFileSync(log).trim().split("\n").length, 1);
  const { otherData: { tsrun: [head] }, traceEvents } = JSON.parse(Deno.readTextFileSync(trace));
  assertEquals([head.command, head.id, head.status], ["create", container.id, 1]);
  const failed = (traceEvents as Event[]).find(({ name, args }) => name === "fsopen" && args.errno);
  assertEquals(failed?.args.errno, "ENODEV");
}, OWN);

contract("trace: one that cannot be written does not fail the command", async (box) => {
  const container = box.container({ process: { args: ["true"] } });
  const missing = await container.run({ globals: ["--trace", `${box.dir}/no/trace.json`] });
  assertEquals(missing.code, 0);
  assertStringIncludes(missing.stderr, "level=warning");
  assertStringIncludes(missing.stderr, "the trace was not written: open ");
  const variable = await container.run({ env: { TSRUN_TRACE: `${box.dir}/trace.png` } });
  assertEquals(variable.code, 0);
  assertStringIncludes(variable.stderr, "TSRUN_TRACE: trace to ");
  const flag = await container.run({ globals: ["--trace", `${box.dir}/trace.png`] });
  assertEquals([flag.code, flag.stderr.includes("no format is known by .png")], [1, true]);
}, OWN);

contract("trace: as OTLP, below the span of the caller", async (box) => {
  const trace = `${box.dir}/spans.json`, parent = "b7ad6b7169203331";
  const env = { TRACEPARENT: `00-0af7651916cd43dd8448eb211c80319c-${parent}-01` };
  const container = box.container({ process: { args: ["true"] } });
  assertOk(await container.run({ globals: ["--trace", trace, "--trace-format", "otlp"], env }));
  const [{ scopeSpans: [{ spans }] }] = JSON.parse(Deno.readTextFileSync(trace)).resourceSpans;
  assertEquals([spans[0].name, spans[0].parentSpanId], ["tsrun run", parent]);
  const ids = new Set(spans.map(({ spanId }: { spanId: string }) => spanId));
  assertEquals(ids.size, spans.length);
  assert(spans.slice(1).every(({ parentSpanId }: { parentSpanId: string }) => ids.has(parentSpanId)));
}, OWN);

contract("trace: no clock is read under the container's filter", async (box) => {
  const globals = ["--trace", `${box.dir}/traces`];
  for (const noNewPrivileges of [true, false]) {
    const syscalls = [{ names: ["clock_gettime"], action: "SCMP_ACT_KILL_PROCESS" }];
    const container = box.container({
      process: { args: ["sleep", "1000"], noNewPrivileges },
      linux: { seccomp: { defaultAction: "SCMP_ACT_ALLOW", syscalls } },
    });
    await container.created({ globals });
    assertOk(await container.start({ globals }));
    assertOk(await exec(container, ["true"], { globals }));
  }
}, OWN);
