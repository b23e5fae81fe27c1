/** The command line itself: `--version`, `--help`, flags in every form, `features`, `spec`. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

/** Every command of runc's. */
const COMMANDS = [
  ...["checkpoint", "create", "delete", "events", "exec", "features", "kill", "list", "pause", "ps"],
  ...["restore", "resume", "run", "spec", "start", "state", "update"],
];
/** What both `checkpoint` and `restore` take. */
const CRIU_FLAGS = [
  ...["image-path", "work-path", "tcp-established", "ext-unix-sk", "shell-job", "lazy-pages", "file-locks"],
  ...["manage-cgroups-mode", "empty-ns", "auto-dedup"],
];
const FLAGS: Readonly<Record<string, readonly string[]>> = {
  checkpoint: ["parent-path", "leave-running", "status-fd", "page-server", "pre-dump", ...CRIU_FLAGS],
  restore: [
    ...["bundle", "console-socket", "detach", "pid-file", "no-subreaper", "no-pivot", "lsm-profile"],
    ...["lsm-mount-context", ...CRIU_FLAGS],
  ],
};

contract("--version: lines that clients parse", async (box) => {
  const { code, stdout, stderr } = await box.command([box.runtime.path, "--version"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const lines = stdout.trimEnd().split("\n");
  assertMatch(lines[0], /^\w+ version \d+\.\d+\.\d+\S*$/);
  assert(lines.some((line) => /^spec: \d+\.\d+\.\d+/.test(line)), stdout);
  // dockerd takes the last line with this word for the version.
  assertEquals(lines.filter((line) => line.includes("version")).length, 1, stdout);
  assertEquals((await box.command([box.runtime.path, "-v"])).stdout, stdout);
});

contract("--help: of the program and of every command", async (box) => {
  const whole = await box.command([box.runtime.path, "--help"]);
  assertEquals(whole.code, 0);
  for (const command of COMMANDS) assertMatch(whole.stdout, new RegExp(`^\\s+${command}\\b`, "m"));
  assertEquals((await box.command([box.runtime.path, "-h"])).stdout, whole.stdout);
  for (const command of COMMANDS) {
    const texts: string[] = [];
    for (const flag of ["--help", "-h"]) {
      const { code, stdout, stderr } = await box.command([box.runtime.path, command, flag]);
      assertEquals({ code, stderr }, { code: 0, stderr: "" }, command);
      assertMatch(stdout, new RegExp(`^NAME:\\n\\s+\\w+ ${command} - \\w`));
      texts.push(stdout);
    }
    assertEquals(texts[0], texts[1]);
    for (const flag of FLAGS[command] ?? []) assertMatch(texts[0], new RegExp(`^\\s+--${flag}\\b`, "m"));
  }
});

contract("--help: of checkpoint has what runc has since 1.1", async (box) => {
  const { stdout } = await box.command([box.runtime.path, "checkpoint", "-h"]);
  for (const flag of ["tcp-skip-in-flight", "link-remap"]) {
    assertMatch(stdout, new RegExp(`^\\s+--${flag}\\b`, "m"));
  }
}, { notOnReference: "these flags came after runc 1.1" });

contract("flags: with one dash or two, with = or a space", async (box) => {
  const dir = (name: string) => box.containers[0].bundle.dir + name;
  const container = box.container({ process: { args: sh("echo fine") } });
  const forms = [
    ["run", "--bundle", dir(""), container.id],
    ["run", `--bundle=${dir("")}`, container.id],
    ["run", "-bundle", dir(""), container.id],
    ["run", `-bundle=${dir("")}`, "-no-subreaper", container.id],
    ["run", "-b", dir(""), "--keep=false", "--no-new-keyring", "--", container.id],
  ];
  for (const args of forms) {
    const result = await box.cli(args);
    assertEquals(result.stdout, "fine\n", `${args.join(" ")}: ${result.stderr}`);
  }
});

contract("flags: after the container's id too", async (box) => {
  const container = box.container({ process: { args: sh("echo fine") } });
  const result = await box.cli(["run", container.id, "--bundle", container.bundle.dir]);
  assertEquals(result.stdout, "fine\n", result.stderr);
});

contract("global flags: all that clients send", async (box) => {
  const container = box.container({ process: { args: sh("echo fine") } });
  const globals = [
    "--debug",
    "--log",
    `${box.dir}/log`,
    "--log-format",
    "json",
    "--rootless=false",
    "--criu",
    "/usr/sbin/criu",
  ];
  const result = await container.run({ globals });
  assertEquals({ code: result.code, stdout: result.stdout }, { code: 0, stdout: "fine\n" }, result.stderr);
  for (const line of Deno.readTextFileSync(`${box.dir}/log`).trimEnd().split("\n")) {
    const record = JSON.parse(line);
    assert(["debug", "info", "warning"].includes(record.level), line);
  }
});

contract("--log: appended to, never truncated", async (box) => {
  const log = `${box.dir}/log`;
  Deno.writeTextFileSync(log, "before\n");
  await box.cli(["state", `${box.token}-none`], { globals: ["--log", log] });
  const lines = Deno.readTextFileSync(log).trimEnd().split("\n");
  assertEquals(lines[0], "before");
  assertMatch(lines[1], /^time="[^"]+" level=error msg="container does not exist"$/);
});

contract("features: JSON on standard output and nothing else", async (box) => {
  const { code, stdout, stderr } = await box.command([box.runtime.path, "features"]);
  assertEquals({ code, stderr }, { code: 0, stderr: "" });
  const features = JSON.parse(stdout);
  assertMatch(features.ociVersionMin, /^1\.0\.0/);
  assertMatch(features.ociVersionMax, /^1\.\d/);
  assertEquals([...features.hooks].sort(), [
    ...["createContainer", "createRuntime", "poststart", "poststop", "prestart", "startContainer"],
  ]);
  for (const option of ["ro", "rbind", "rslave", "nosuid", "rro", "tmpcopyup"]) {
    assert(features.mountOptions.includes(option), option);
  }
  for (const namespace of ["pid", "network", "mount", "ipc", "uts", "cgroup"]) {
    assert(features.linux.namespaces.includes(namespace), namespace);
  }
  assert(features.linux.capabilities.includes("CAP_SYS_ADMIN"));
  assertEquals([features.linux.cgroup.v1, features.linux.seccomp.enabled], [true, true]);
  assert(features.linux.seccomp.actions.includes("SCMP_ACT_ERRNO"));
});

contract("spec: a config that runs", async (box) => {
  const container = box.container();
  Deno.removeSync(`${container.bundle.dir}/config.json`);
  assertOk(await box.cli(["spec"], { cwd: container.bundle.dir }));
  const text = Deno.readTextFileSync(`${container.bundle.dir}/config.json`);
  const document = JSON.parse(text);
  assertEquals(text.trimEnd(), JSON.stringify(document, null, "\t"));
  assertEquals(document.process.args, ["sh"]);
  assertEquals([document.process.cwd, document.process.terminal, document.root.readonly], ["/", true, true]);

  assertError(
    await box.cli(["spec", "--bundle", container.bundle.dir]),
    /File config.json exists. Remove it first/,
  );

  document.process.terminal = false;
  document.process.args = ["sh", "-c", "hostname; id -u"];
  document.linux.cgroupsPath = `/${container.id}`;
  container.writeConfig(JSON.stringify(document));
  assertEquals(await container.output(), `${document.hostname}\n0\n`);
});

contract("spec --rootless: mappings of the caller, and no network namespace", async (box) => {
  Deno.mkdirSync(`${box.dir}/spec`);
  assertOk(await box.cli(["spec", "--rootless", "--bundle", `${box.dir}/spec`]));
  const { linux } = JSON.parse(Deno.readTextFileSync(`${box.dir}/spec/config.json`));
  const types = linux.namespaces.map((namespace: { type: string }) => namespace.type);
  assert(types.includes("user") && !types.includes("network"), types.join());
  assertEquals(linux.uidMappings, [{ containerID: 0, hostID: 0, size: 1 }]);
  assertEquals(linux.resources, undefined);
});

contract("the caller's directory may be one that has been removed", async (box) => {
  const container = box.container({ process: { args: sh("echo fine") } });
  const command = [
    box.runtime.path,
    "--root",
    box.root,
    "run",
    "--bundle",
    container.bundle.dir,
    container.id,
  ];
  const script = `mkdir ${box.dir}/gone; cd ${box.dir}/gone; rmdir ${box.dir}/gone; exec "$@"`;
  const result = await box.command(["/bin/sh", "-c", script, "sh", ...command]);
  assertEquals(result.stdout, "fine\n", result.stderr);
});
