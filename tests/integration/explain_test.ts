/** `explain` tells the calls that create, start, exec and delete then make, as their traces say. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { callsByProcess, callsOfExplanation, callsOfTrace, type ToldCall } from "../lib/calls.ts";
import { configOf } from "../../bench/configs.ts";
import type { Box } from "../lib/box.ts";
import type { Dict } from "../lib/bundle.ts";
import { assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec } from "../lib/exec.ts";

const OWN = { notOnReference: "runc explains nothing", timeout: 60_000 };
const COMMANDS = ["create", "start", "exec", "delete"] as const;
const PROGRAM = ["sleep", "1000"];

/** The explanation of each command of a container. */
async function explained(box: Box, container: Container): Promise<Record<string, ToldCall[]>> {
  const told: Record<string, ToldCall[]> = {};
  for (const command of COMMANDS) {
    const flags = ["-b", container.bundle.dir, "--id", container.id, "--format", "json"];
    const args = command === "exec" ? ["/bin/true"] : [];
    const before = listing(box);
    const { stdout } = assertOk(await box.cli(["explain", ...flags, command, ...args]));
    assertEquals(listing(box), before);
    told[command] = callsOfExplanation(stdout);
    // A step without words has the name of its call.
    const bare = JSON.parse(stdout).steps.filter(({ step }: { step: string }) => /^[a-z]\w*$/.test(step));
    assertEquals(bare, []);
  }
  return told;
}

/** What there is of a test's files, and of the container's cgroups. */
function listing(box: Box): string[] {
  const found: string[] = [];
  const walk = (directory: string, depth: number) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      // The output of commands is written to files of the test.
      if (!/^(?:stdout|stderr|command)/.test(name)) found.push(`${directory}/${name}`);
      if (isDirectory && depth > 0) walk(`${directory}/${name}`, depth - 1);
    }
  };
  walk(box.dir, 3);
  walk("/sys/fs/cgroup", 1);
  return found.filter((path) => !path.includes("/rootfs/")).filter((path) =>
    path.startsWith("/sys") ? path.includes(box.token) : !/\/\d+\.(?:out|err)$/.test(path)
  ).sort();
}

/** The trace of each command of a container's life. */
async function traced(box: Box, container: Container): Promise<Record<string, ToldCall[]>> {
  const globals = (command: string) => ["--trace", `${box.dir}/${command}.json`];
  await container.created({ globals: globals("create") });
  assertOk(await container.start({ globals: globals("start") }));
  assertOk(await exec(container, ["/bin/true"], { globals: globals("exec"), flags: ["--detach"] }));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertOk(await box.cli(["delete", container.id], { globals: globals("delete") }));
  const read = (command: string) => callsOfTrace(Deno.readTextFileSync(`${box.dir}/${command}.json`));
  return Object.fromEntries(COMMANDS.map((command) => [command, read(command)]));
}

/** Compares both. The init that waits for `start` goes on without tsrun: the trace of create has it all. */
async function compare(box: Box, container: Container): Promise<void> {
  const said = await explained(box, container), done = await traced(box, container);
  for (const life of [["create", "start"], ["exec"], ["delete"]] as const) {
    const calls = (of: Record<string, ToldCall[]>) => callsByProcess(life.flatMap((command) => of[command]));
    const [expected, told] = [calls(done), calls(said)];
    assert(life[0] === "delete" || Object.keys(expected).length > 2, Object.keys(expected).join(" "));
    for (const process of new Set([...Object.keys(expected), ...Object.keys(told)])) {
      assertEquals(told[process], expected[process], `${life.join(", ")}: ${process}`);
    }
  }
}

const HOOK = [{ path: "/bin/true" }];

contract("explain: the calls of a small container are those that are made", async (box) => {
  await compare(box, box.container({ process: { args: PROGRAM } }));
}, OWN);

contract(
  "explain: the calls of docker's container are those that are made, with hooks of each kind",
  async (box) => {
    const container = box.container();
    const files = `${box.dir}/files`;
    Deno.mkdirSync(files);
    for (const name of ["hostname", "hosts", "resolv.conf"]) Deno.writeTextFileSync(`${files}/${name}`, "");
    const paths = { rootfs: container.bundle.rootfs, files, cgroup: `/${box.token}` };
    const config = structuredClone(configOf("docker", paths)) as { process: Dict; linux: Dict; hooks: Dict };
    container.writeConfig(JSON.stringify({
      ...config,
      process: {
        ...config.process,
        args: ["/bin/sleep", "1000"],
        user: { uid: 1000, gid: 1000 },
        cwd: "/new/place",
      },
      hooks: { prestart: HOOK, createContainer: HOOK, poststart: HOOK, poststop: HOOK },
    }));
    await compare(box, container);
  },
  OWN,
);

const MAPS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];

contract("explain: the calls of a container with a user namespace are those that are made", async (box) => {
  const container = box.container({
    process: { args: PROGRAM },
    linux: { uidMappings: MAPS, gidMappings: MAPS },
  });
  const config = JSON.parse(Deno.readTextFileSync(`${container.bundle.dir}/config.json`));
  config.linux.namespaces.push({ type: "user" }, { type: "cgroup" });
  container.writeConfig(JSON.stringify(config));
  await compare(box, container);
}, OWN);

contract(
  "explain: a user without rights sees what root would do, each step with what asks for it",
  async (box) => {
    const container = box.container({ process: { args: PROGRAM }, hostname: "explained" });
    Deno.chmodSync(box.dir, 0o755);
    const argv = ["--reuid", "1234", "--regid", "1234", "--clear-groups", box.runtime.path];
    const run = (...args: string[]) =>
      new Deno.Command("setpriv", { args: [...argv, ...args], clearEnv: true }).output();
    const { success, stdout, stderr } = await run("explain", "-b", container.bundle.dir);
    const text = new TextDecoder().decode(stdout);
    assert(success, new TextDecoder().decode(stderr));
    assertStringIncludes(text, "\ninit: names\n  set the hostname ");
    assertStringIncludes(text, ' hostname\n      sethostname("explained", 9)\n');
    assert(/\n {2}mount "proc" to "\/proc".* mounts\[\d\]\n/.test(text), text);
    assert(!text.includes("\x1b"));
  },
  OWN,
);

contract("explain: what cannot be known is said, and what can be is explained", async (box) => {
  const container = box.container({ process: { args: PROGRAM } });
  const plain = JSON.parse(Deno.readTextFileSync(`${container.bundle.dir}/config.json`));
  const explainOf = (linux: Dict, ...flags: string[]) => {
    container.writeConfig(JSON.stringify({ ...plain, linux: { ...plain.linux, ...linux } }));
    return box.cli(["explain", ...flags, "-b", container.bundle.dir, "exec"]);
  };
  const devices = await explainOf({ netDevices: { eth7: {} } });
  assertEquals([devices.code, devices.stderr.includes("linux.netDevices")], [1, true], devices.stderr);
  const syscalls = [{ names: ["uname"], action: "SCMP_ACT_NOTIFY" }];
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW", listenerPath: "/nowhere.sock", syscalls };
  assertStringIncludes(assertOk(await explainOf({ seccomp })).stdout, "SECCOMP_FILTER_FLAG_NEW_LISTENER");
  const host = plain.linux.namespaces.filter(({ type }: { type: string }) => type !== "mount");
  const shared = await explainOf({ namespaces: host, maskedPaths: [], readonlyPaths: [] });
  assertStringIncludes(assertOk(shared).stdout, 'chroot(".")');
  const joined = plain.linux.namespaces.map((it: Dict) =>
    it.type === "ipc" ? { ...it, path: "/proc/self/ns/ipc" } : it
  );
  assertOk(await explainOf({ namespaces: joined }));
}, OWN);

contract("explain: a config that create would refuse is refused in the same words", async (box) => {
  const container = box.container({ process: { args: PROGRAM, cwd: "relative" } });
  const refused = await box.cli(["explain", "-b", container.bundle.dir]);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, "Cwd must be an absolute path");
  for (
    const [args, reason] of [[["stop"], "want one of create, start"], [
      ["start", "x"],
      "only exec takes",
    ]] as const
  ) {
    const wrong = await box.cli(["explain", "-b", container.bundle.dir, ...args]);
    assertEquals([wrong.code, wrong.stdout], [1, ""]);
    assertStringIncludes(wrong.stderr, reason);
  }
}, OWN);
