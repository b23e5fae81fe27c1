import { assert, assertEquals } from "@std/assert";
import { isPlainConfig } from "../plain.ts";
import { change, dockerConfig, fullConfig } from "../spec_testing.ts";
import { explainConfig, explainProcess } from "../validate.ts";

Deno.test("a whole reading of a configuration gives what it says", () => {
  const full = fullConfig();
  const { document } = explainConfig(full);
  Object.assign(full.linux.devices[1], { major: 0, minor: 0 });
  assertEquals(document, full);
  assertEquals(explainConfig({ ...dockerConfig(), windows: {} }).document, dockerConfig());
});

/** A property that is left out, and what is read in its place. */
const ABSENT: [path: string, pattern: string, zero: unknown][] = [
  ["ociVersion", "ociVersion", ""],
  ["process.user", "process.user", { uid: 0, gid: 0 }],
  ["process.user.gid", "process.user.gid", 0],
  ["process.rlimits[0].soft", "process.rlimits.0.soft", 0],
  ["linux.resources.devices[0].allow", "linux.resources.devices.0.allow", false],
  ["linux.seccomp.syscalls[1].args[0].index", "linux.seccomp.syscalls.1.args.0.index", 0],
  ["linux.seccomp.syscalls[1].args[0].value", "linux.seccomp.syscalls.1.args.0.value", 0],
];

Deno.test("Go's zero value stands for properties that are absent, and a note says so", () => {
  for (const [path, steps, zero] of ABSENT) {
    for (const absent of [undefined, null]) {
      const config = dockerConfig();
      change(config, path, absent);
      assert(!isPlainConfig(config), path);
      const { document, problems, notes } = explainConfig(config);
      const found = steps.split(".").reduce(
        (it: unknown, step) => (it as Record<string, unknown>)[step],
        document,
      );
      assertEquals([problems, found], [[], zero], path);
      assert(notes.length > 0 && notes.every((note) => note.path.startsWith(path)), path);
    }
  }
  const devices = { linux: { devices: [{ type: "c", path: "/dev/x" }], uidMappings: [{ size: 1 }] } };
  const { document } = explainConfig({ ...dockerConfig(), ...devices });
  assertEquals(document.linux!.devices, [{ type: "c", path: "/dev/x", major: 0, minor: 0 }]);
  assertEquals(document.linux!.uidMappings, [{ containerID: 0, hostID: 0, size: 1 }]);
  assertEquals(explainProcess({ args: ["a"], cwd: "/" }).document.user, { uid: 0, gid: 0 });
  const ioPriority = { class: "IOPRIO_CLASS_BE" };
  const process = explainProcess({ args: ["a"], cwd: "/", ioPriority }).document;
  assertEquals(process.ioPriority, { class: "IOPRIO_CLASS_BE", priority: 0 });
});

Deno.test("names of properties are read in any case where none is exact, as Go reads them", () => {
  const config = dockerConfig();
  config.linux.resources.hugepageLimits = [{ pagesize: "2MB", LIMIT: 5 }];
  config.Hostname = config.hostname;
  delete config.hostname;
  config.process.NOFILE = 1;
  config.Linux = { namespaces: "not this one: there is an exact name" };
  assert(!isPlainConfig(config));
  const { document, problems, notes } = explainConfig(config);
  assertEquals(problems, []);
  assertEquals(document.linux!.resources!.hugepageLimits, [{ pageSize: "2MB", limit: 5 }]);
  assertEquals(document.hostname, dockerConfig().hostname);
  assertEquals(notes, [
    { path: "Hostname", reason: "is read as hostname" },
    { path: "linux.resources.hugepageLimits[0].pagesize", reason: "is read as pageSize" },
    { path: "linux.resources.hugepageLimits[0].LIMIT", reason: "is read as limit" },
  ]);
  config.process.ARGS = [1];
  delete config.process.args;
  assertEquals(explainConfig(config).problems, [
    { path: "process.ARGS[0]", reason: "must be a string, not a number" },
  ]);
});

Deno.test("rules say nothing of what follows from a value that is wrong itself", () => {
  const config = dockerConfig();
  config.linux.resources.memory.limit = "64m";
  config.mounts[4] = 5;
  config.mounts[1].source = "a\0";
  assertEquals(explainConfig(config).problems.map(({ path }) => path), [
    "mounts[1].source",
    "mounts[4]",
    "linux.resources.memory.limit",
  ]);
});

Deno.test("a document may have any names, and those of the table of shapes are none", () => {
  const config = dockerConfig();
  Object.assign(config.process, { "!": ["args"], 0: ["user"], "*": 1 });
  Object.assign(config.annotations = {}, { "!": "a", 0: "b", "*": "c" });
  const odd = JSON.parse(
    JSON.stringify(config).replace('"annotations":{', '"annotations":{"__proto__":"d",'),
  );
  assert(!isPlainConfig(odd));
  const { document, problems } = explainConfig(odd);
  assertEquals(problems, []);
  assertEquals(Object.entries(document.annotations!).toSorted(), [["!", "a"], ["*", "c"], ["0", "b"], [
    "__proto__",
    "d",
  ]]);
});
