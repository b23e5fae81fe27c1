/**
 * Containers of a user that has subordinate ids and a service manager with all controllers delegated to it.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, readText, until } from "../lib/process.ts";
import { asUser, RootlessContainer, type Who } from "../lib/rootless.ts";
import { lacksCgroupV2, lacksSystemd } from "../lib/skip.ts";
import { cgroupOf } from "./scopes.ts";

const TESTER: Who = { uid: 1000, runtimeDir: "/run/user/1000" };
const MIB = 1 << 20;
const skip = lacksSystemd() ?? lacksCgroupV2("memory") ??
  (exists(`${TESTER.runtimeDir}/bus`) ? undefined : "needs a user 1000 with a bus of its own");

/** The user's subordinate ids, as the test machine gives them. */
const MAPS = [{ containerID: 0, hostID: 1000, size: 1 }, { containerID: 1, hostID: 100_000, size: 65_535 }];

function process(args: string[], more: Dict = {}): Dict {
  return { process: { terminal: false, args, ...more }, root: { path: "rootfs", readonly: false } };
}

contract("rootless, session: without cgroups; run, exec, ps, kill, delete", async (box) => {
  await using container = await RootlessContainer.make(box, process(["sleep", "600"]), TESTER);
  const { id } = container;
  assertOk(await container.start("--detach"));
  assertEquals(assertOk(await container.run("exec", id, "id", "-u")).stdout, "0\n");
  assertMatch(assertOk(await container.run("ps", id, "-eo", "pid,args")).stdout, /\d+ sleep 600\n$/);
  assertOk(await container.run("kill", id, "KILL"));
  await until(
    "the end",
    async () => JSON.parse((await container.run("state", id)).stdout).status === "stopped",
  );
  assertOk(await container.run("delete", id));
}, { skip, timeout: 60_000, notOnReference: "runc lists no processes without a cgroup" });

contract("rootless, session: a limit without a cgroup is refused", async (box) => {
  await using container = await RootlessContainer.make(box, process(["true"]), TESTER);
  container.configure({ linux: { resources: { memory: { limit: 64 * MIB } } } });
  assertError(
    await container.start(),
    /rootless needs no limits \+ no cgrouppath when no permission is granted for cgroups: .*--systemd-cgroup/,
  );
}, { skip, notOnReference: "runc has other words" });

contract("rootless, session: limits by the user's systemd", async (box) => {
  await using container = await RootlessContainer.make(box, process(["sleep", "600"]), TESTER);
  container.configure({ linux: { resources: { memory: { limit: 64 * MIB }, pids: { limit: 30 } } } });
  const { id, bundle } = container;
  const systemd = (...args: string[]) => container.run("--systemd-cgroup", ...args);
  assertOk(await systemd("run", "--detach", "--bundle", bundle.dir, id));
  const { pid } = JSON.parse(assertOk(await systemd("state", id)).stdout);
  const cgroup = cgroupOf(pid);
  assertMatch(cgroup, /\/user@1000\.service\//);
  const value = (file: string) => readText(`${cgroup}/${file}`).trim();
  assertEquals([value("memory.max"), value("pids.max")], [String(64 * MIB), "30"]);
  assertOk(await systemd("update", "--memory", String(48 * MIB), id));
  assertEquals(value("memory.max"), String(48 * MIB));
  assertOk(await systemd("exec", id, "true"));
  assertOk(await systemd("pause", id));
  assertEquals(value("cgroup.freeze"), "1");
  assertOk(await systemd("resume", id));
  assertMatch(assertOk(await systemd("ps", "--format", "json", id)).stdout, new RegExp(`^\\[${pid}\\]`));
  assertOk(await systemd("delete", "--force", id));
  assert(!exists(cgroup), "the cgroup is still there");
}, { skip, timeout: 90_000, notOnReference: "runc 1.1.5 is started by its own user's session only" });

contract("rootless, session: the subordinate ids of the machine's own files", async (box) => {
  const script = "cat /proc/self/uid_map; touch /tmp/a; chown 1000:1000 /tmp/a; id -G";
  const capabilities = ["CAP_CHOWN"];
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  const changes = process(sh(script), { capabilities: sets, user: { uid: 0, gid: 0, additionalGids: [7] } });
  await using container = await RootlessContainer.make(box, changes, TESTER);
  container.configure({ linux: { uidMappings: MAPS, gidMappings: MAPS } });
  const words = assertOk(await container.start()).stdout.trim().split(/\s+/);
  assertEquals(words, ["0", "1000", "1", "1", "100000", "65535", "0", "7"]);
  assertEquals(Deno.statSync(`${container.bundle.rootfs}/tmp/a`).uid, 100_999);
}, { skip, notOnReference: "runc refuses groups where they are granted" });

contract("rootless, session: podman", async (box, runtime) => {
  await using container = await RootlessContainer.make(box, {}, TESTER);
  const { dir, rootfs } = container.bundle;
  const env = {
    PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
    HOME: dir,
    XDG_RUNTIME_DIR: TESTER.runtimeDir!,
    DBUS_SESSION_BUS_ADDRESS: `unix:path=${TESTER.runtimeDir}/bus`,
  };
  const as = (...argv: string[]) =>
    box.command(["/usr/bin/setpriv", ...asUser(TESTER.uid), ...argv], { env, cwd: dir, timeout: 90_000 });
  const podman = (...args: string[]) => as("/usr/bin/podman", "--runtime", runtime.path, ...args);
  const image = `${dir}/image.tar`, name = box.token;
  assertOk(await as("/bin/tar", "-C", rootfs, "-cf", image, "."));
  assertOk(await podman("import", image, name));
  try {
    assertOk(
      await podman("run", "-d", "--name", name, "--network", "none", "-m", "64m", name, "sleep", "600"),
    );
    const maps = assertOk(await podman("exec", name, "cat", "/proc/self/uid_map")).stdout;
    assertMatch(maps, /^\s+0\s+1000\s+1\n\s+1\s+100000\s+6553\d\n$/);
  } finally {
    assertOk(await podman("rm", "-f", "-t", "0", name));
    assertOk(await podman("rmi", name));
    assertOk(await podman("unshare", "rm", "-rf", `${dir}/.local`));
  }
}, {
  skip: skip ?? (exists("/usr/bin/podman") ? undefined : "podman is not installed"),
  timeout: 200_000,
  notOnReference: "podman's own tests are of it",
});
