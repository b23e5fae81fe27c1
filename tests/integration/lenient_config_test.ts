/** Configurations that leave things out or name them loosely, read as in Go, and the warnings about them. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, execOutput, sleeper, writeDocument } from "../lib/exec.ts";

/** A container whose configuration is the usual one after a change that may remove things. */
function changed(
  box: Box,
  overrides: Dict,
  change: (config: Dict & { process: Dict; linux: Dict }) => void,
): Container {
  const container = box.container();
  const config = box.config(container.id, overrides) as Dict & { process: Dict; linux: Dict };
  change(config);
  container.writeConfig(JSON.stringify(config));
  return container;
}

contract("absent values: no user is root, no version is any", async (box) => {
  const container = changed(box, { process: { args: sh("id -u; id -g") } }, (config) => {
    delete config.ociVersion;
    delete config.process.user;
  });
  assertEquals(await container.output(), "0\n0\n");
}, { notOnReference: "Debian's runc wants an ociVersion" });

contract("absent values: no gid is 0", async (box) => {
  const container = changed(box, { process: { args: sh("id -u; id -g") } }, (config) => {
    config.process.user = { uid: 1000 };
  });
  assertEquals(await container.output(), "1000\n0\n");
});

contract("absent values: a process document without a user", async (box) => {
  const container = await sleeper(box);
  const document = writeDocument(container, { args: sh("id -u; id -g"), env: ["PATH=/bin"], cwd: "/" });
  assertEquals(await execOutput(container, [], { flags: ["--process", document] }), "0\n0\n");
});

contract("absent values: devices, id mappings, seccomp's index and value", async (box) => {
  const container = changed(
    box,
    { process: { args: sh("stat -c %t:%T /dev/x; kill -0 $$ && ! kill -0 0") } },
    (config) => {
      config.linux.devices = [{ type: "c", path: "/dev/x" }];
      config.linux.seccomp = {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", args: [{ op: "SCMP_CMP_EQ" }] }],
      };
    },
  );
  assertEquals(assertOk(await container.run()).stdout, "0:0\n");
  const mapped = changed(box, { process: { args: sh("cat /proc/self/uid_map") } }, (config) => {
    (config.linux.namespaces as Dict[]).push({ type: "user" });
    for (const key of ["uidMappings", "gidMappings"]) config.linux[key] = [{ size: 65536 }];
  });
  assertMatch(await mapped.output(), /^ +0 +0 +65536\n$/);
});

contract("absent values: a rule for devices that does not allow denies", async (box) => {
  const script = "cat /dev/x 2>&1; head -c 1 /dev/y | od -An -tx1";
  const container = changed(box, { process: { args: sh(script) } }, (config) => {
    config.linux.devices = [
      { type: "b", path: "/dev/x", major: 7, minor: 0 },
      { type: "c", path: "/dev/y/", major: 1, minor: 5, fileMode: 438 },
    ];
    const resources = (config.linux.resources ??= {}) as Dict;
    resources.devices = [
      { allow: true, type: "b", major: 7, access: "rwm" },
      { type: "b", major: 7, access: "xrwmz" },
    ];
  });
  const { stdout } = await container.run();
  assertEquals(stdout, "cat: can't open '/dev/x': Operation not permitted\n 00\n");
});

contract("names of properties: in any case, where none is exact", async (box) => {
  const container = changed(box, { process: { args: sh("pwd; hostname") } }, (config) => {
    config.process.CWD = "/tmp";
    delete config.process.cwd;
    config.hostName = "loose";
    delete config.hostname;
  });
  assertEquals(await container.output(), "/tmp\nloose\n");
});

/** The records of a JSON log. */
function records(path: string): { level: string; msg: string }[] {
  return Deno.readTextFileSync(path).split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line)
  );
}

contract(
  "warnings: capabilities that are unknown or cannot be raised, a relative destination",
  async (box) => {
    const container = box.container({ process: { args: ["true"] } });
    const config = box.config(container.id, { process: { args: ["true"] } }) as Dict & {
      process: { capabilities: Dict };
    };
    const sets = config.process.capabilities as Record<string, string[]>;
    sets.bounding = [...sets.bounding, "CAP_BOGUS"];
    sets.ambient = ["CAP_CHOWN"];
    sets.inheritable = [];
    (config.mounts as Dict[]).push({ destination: "relative", type: "tmpfs", source: "tmpfs" });
    (config.linux as Dict).personality = { domain: "LINUX", flags: ["ODD"] };
    container.writeConfig(JSON.stringify(config));
    const { stderr } = assertOk(await container.run());
    for (
      const warning of [
        "ignoring unknown or unavailable capabilities: [CAP_BOGUS]",
        "can't raise ambient capability CAP_CHOWN: operation not permitted",
        "mount destination relative is not absolute",
        "ignoring unsupported personality flags: [ODD]",
      ]
    ) {
      assertMatch(stderr, new RegExp(`level=warning msg="${warning.replace(/[[\]]/g, "\\$&")}`));
    }
  },
  { notOnReference: "Debian's runc has other words" },
);

contract(
  "warnings: after a success in a log that clients parse, and with a failure no more than its record",
  async (box) => {
    const container = changed(
      box,
      {},
      (config) => (config.process.capabilities as Dict).bounding = ["CAP_BOGUS"],
    );
    const log = `${box.dir}/log.json`, flags = ["--log", log, "--log-format", "json"];
    const create = (...more: string[]) =>
      box.cli([...flags, "create", "--bundle", container.bundle.dir, ...more, container.id]);
    assertError(await create("--pid-file", `${box.dir}/no/such/dir`), /no such file or directory/);
    assertEquals(
      records(log).map(({ level }) => level),
      ["error"],
    );
    Deno.removeSync(log);
    assertOk(await create());
    assertEquals(records(log).map(({ level, msg }) => [level, msg]), [
      ["warning", "ignoring unknown or unavailable capabilities: [CAP_BOGUS]"],
    ]);
  },
  { notOnReference: "runc writes them at once" },
);

contract("warnings: exec --cap of a name that is no capability", async (box) => {
  const container = await sleeper(box);
  const result = assertOk(await exec(container, ["true"], { flags: ["--cap", "CAP_BOGUS"] }));
  assertStringIncludes(result.stderr, "ignoring unknown or unavailable capabilities: [CAP_BOGUS]");
});

contract(
  "warnings: an update that fails writes one record, and one that succeeds the warning",
  async (box) => {
    const container = await sleeper(box), file = `${box.dir}/log`;
    const update = (...flags: string[]) => {
      const globals = ["--log", file, "--log-format", "json"];
      return box.cli(["update", "--kernel-memory", "1048576", ...flags, container.id], { globals });
    };
    const levels = () => Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line).level);
    assertError(await update("--cpuset-cpus", "7000"), /./);
    assertEquals(levels(), ["error"]);
    assertOk(await update());
    assertEquals(levels(), ["error", "warning"]);
  },
  { notOnReference: "runc writes it at once" },
);
