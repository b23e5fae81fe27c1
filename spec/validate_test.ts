import { assert, assertEquals } from "@std/assert";
import { defaultSpec } from "./default.ts";
import { isPlainConfig, isPlainProcess } from "./plain.ts";
import {
  change,
  type Config,
  containerdConfig,
  dockerConfig,
  fullConfig,
  remappedConfig,
} from "./spec_testing.ts";
import {
  explainConfig,
  explainProcess,
  explainResources,
  formatProblems,
  validateConfig,
} from "./validate.ts";

const VALID: Record<string, () => Config> = {
  docker: dockerConfig,
  containerd: containerdConfig,
  remapped: remappedConfig,
  full: fullConfig,
  default: () => defaultSpec({ rootless: false, euid: 0, egid: 0, cgroup2: true }),
  rootless: () => defaultSpec({ rootless: true, euid: 1000, egid: 100, cgroup2: true }),
};

for (const [name, make] of Object.entries(VALID)) {
  Deno.test(`validateConfig finds nothing wrong with the ${name} configuration`, () => {
    assertEquals(validateConfig(make()), []);
    assertEquals(explainConfig(make()).warnings, []);
  });
}

Deno.test("the configurations of clients are plain, and so are their processes", () => {
  for (const make of [VALID.docker, VALID.containerd, VALID.remapped, VALID.default]) {
    assert(isPlainConfig(make()));
    assert(isPlainProcess(make().process));
  }
});

Deno.test("a configuration with a user namespace is plain only where everything it names is mapped", () => {
  const changes: [string, unknown][] = [
    ["linux.namespaces[5]", undefined],
    ["linux.gidMappings", undefined],
    ["linux.uidMappings", []],
    ["linux.uidMappings[0].containerID", 1],
    ["linux.uidMappings[1].containerID", 0],
    ["linux.uidMappings[1].hostID", 1000],
    ["linux.uidMappings[0].hostID", 100001],
    ["linux.uidMappings[1].size", 0],
    ["linux.uidMappings[1].hostID", 4294967290],
    ["process.user.uid", 65536],
    ["process.user.gid", 65536],
    ["process.user.additionalGids[0]", 65536],
    ["mounts[1].options[2]", "gid=65536"],
  ];
  for (const [path, value] of changes) {
    const config = remappedConfig();
    change(config, path, value);
    assert(!isPlainConfig(config), path);
    assert(value === undefined || validateConfig(config).length > 0, path);
  }
  const config = remappedConfig();
  change(config, "linux.uidMappings[1].containerID", 2);
  assertEquals(
    [validateConfig(config).length, isPlainConfig(config)],
    [0, true],
    "ids that do not follow are right",
  );
});

Deno.test("warnings of a configuration, whether it is plain or not", () => {
  const lost = "not in the permitted set, so they cannot be granted";
  const changes: [path: string, value: unknown, plain: boolean, reasons: string[]][] = [
    ["process.capabilities.permitted[0]", "CAP_KILL", true, [`${lost}: [CAP_CHOWN]`]],
    ["process.capabilities.ambient", ["CAP_KILL", "CAP_CHOWN"], true, [
      "can't raise ambient capability CAP_KILL: operation not permitted",
      "can't raise ambient capability CAP_CHOWN: operation not permitted",
    ]],
    ["process.capabilities.bounding[0]", "CAP_NOTHING", false, [
      "ignoring unknown or unavailable capabilities: [CAP_NOTHING]",
    ]],
    ["mounts[4].destination", "etc/hosts", false, [
      "mount destination etc/hosts is not absolute, using it as relative to /",
    ]],
    ["linux.personality", { domain: "LINUX", flags: ["X"] }, false, [
      "ignoring unsupported personality flags: [X]",
    ]],
    ["linux.resources.memory.kernel", 5, false, ["kernel memory settings are ignored"]],
  ];
  for (const [path, value, plain, reasons] of changes) {
    const config = dockerConfig();
    change(config, path, value);
    const seen: string[] = [];
    assertEquals(isPlainConfig(config, (_, reason) => seen.push(reason)), plain, path);
    if (plain) assertEquals(seen, reasons);
    assertEquals(validateConfig(config), [], path);
    assertEquals(explainConfig(config).warnings.map(({ reason }) => reason), reasons, path);
  }
});

Deno.test("validateConfig reports every problem at once", () => {
  const config = dockerConfig();
  config.process.args = [];
  config.process.cwd = "tmp";
  config.process.user.uid = "root";
  config.process.env.push("NOTHING");
  config.mounts[5].options.push("mode=755");
  config.hooks.prestart[0].timeout = 0;
  config.linux.namespaces = [{ type: "mount" }, { type: "mount" }, { type: "nett" }];
  config.linux.resources.memory.swap = 1;
  config.linux.seccomp.syscalls[0].action = "SCMP_ACT_MAYBE";
  delete config.root;
  const paths = validateConfig(config).map((it) => it.path);
  assertEquals(paths.toSorted(), [
    "hooks.prestart[0].timeout",
    "hostname",
    "linux.namespaces[1].type",
    "linux.namespaces[2].type",
    "linux.resources.memory.swap",
    "linux.seccomp.syscalls[0].action",
    'linux.sysctl["net.ipv4.ip_unprivileged_port_start"]',
    "mounts[5].options",
    "process.args",
    "process.cwd",
    "process.env[2]",
    "process.user.uid",
    "root",
  ]);
});

Deno.test("validateConfig reports a document that is no configuration", () => {
  assertEquals(validateConfig(null), [{ path: "", reason: "config cannot be null" }]);
  for (const document of [[], "text", 1, true]) {
    assertEquals(validateConfig(document), [{ path: "", reason: "must be a JSON object" }]);
  }
  assertEquals(validateConfig({}).map((it) => it.path), ["process", "root"]);
});

Deno.test("validateConfig ignores unknown properties and takes null for absent", () => {
  const config = dockerConfig();
  config.process.favourite = 1;
  config.linux.resources.gravity = { limit: "low" };
  config.windows = { layerFolders: [] };
  config.process.capabilities.ambient = null;
  config.hooks = null;
  config.linux.seccomp = null;
  assertEquals(validateConfig(config), []);
  config.process.args = null;
  assertEquals(validateConfig(config).map((it) => it.reason), ["args must not be empty"]);
});

Deno.test("formatProblems writes one line with the reasons verbatim", () => {
  const empty = { path: "process.args", reason: "args must not be empty" };
  const root = { path: "root", reason: "root must be specified", fix: "name a directory" };
  assertEquals(formatProblems([empty], "config.json"), "config.json: process.args: args must not be empty");
  assertEquals(
    formatProblems([empty, root, { path: "", reason: "config cannot be null" }], "config.json"),
    "config.json: 3 problems: process.args: args must not be empty; root: root must be specified (name a directory); config cannot be null",
  );
  const long = formatProblems([{ path: "a", reason: "x".repeat(5000) }], "config.json");
  assertEquals(long.length < 700 && long.endsWith("x…"), true);
  const many = formatProblems(Array(300).fill(empty), "config.json");
  assertEquals(many.match(/args must not be empty/g)?.length, 20);
  assertEquals(many.startsWith("config.json: 300 problems: ") && many.endsWith("; and 280 more"), true);
});

Deno.test("processes and resources are read as documents of their own", () => {
  const validateProcess = (process: unknown) => explainProcess(process).problems;
  const validateResources = (resources: unknown) => explainResources(resources).problems;
  assertEquals(validateProcess(dockerConfig().process), []);
  assertEquals(validateProcess({ cwd: "/" }).map((it) => it.path), ["args"]);
  assertEquals(validateProcess(undefined)[0].reason, "process property must not be empty");
  assertEquals(validateResources({ memory: { swap: 5 } }), []);
  assertEquals(validateResources({ memory: { swap: 5, limit: 6 } }).map((it) => it.path), ["memory.swap"]);
  assertEquals(validateResources(null)[0].reason, "resources cannot be null");
});

Deno.test("warnings tell of what is dropped, deprecated or obsolete", () => {
  const config = fullConfig();
  config.process.capabilities.bounding.push("CAP_TIME_TRAVEL");
  config.process.capabilities.effective.push("CAP_SYS_ADMIN");
  config.process.capabilities.ambient.push("CAP_CHOWN");
  config.mounts[4].destination = "etc/hosts";
  config.linux.personality.flags = ["ADDR_NO_RANDOMIZE"];
  config.linux.resources.memory.kernel = 5;
  config.linux.intelRdt.enableCMT = true;
  config.linux.namespaces.find((it: Config) => it.type === "user").path = "/proc/7/ns/user";
  assertEquals(validateConfig(config), []);
  assertEquals(explainConfig(config).warnings.map((it) => it.path), [
    "process.capabilities.bounding",
    "process.capabilities.effective",
    "process.capabilities.ambient",
    "mounts[4].destination",
    "linux.uidMappings",
    "linux.personality.flags",
    "linux.resources.memory.kernel",
    "linux.intelRdt.enableCMT",
  ]);
  assertEquals(explainConfig(null).warnings, []);
});
