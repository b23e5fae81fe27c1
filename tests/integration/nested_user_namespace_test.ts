/**
 * A runtime that is root of a user namespace it did not make, as rootless podman's is: no more rights than
 * that gives.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { config as configOf, type Dict, makeBundle, merge, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists, host, readText, type Result } from "../lib/process.ts";
import { asUser, missingForRootless, RootlessContainer, SUBORDINATE, USER } from "../lib/rootless.ts";
import { lacksCgroupV1 } from "../lib/skip.ts";

const skip = missingForRootless();

/**
 * Runs a script as root of a user namespace that a user without rights has made. `$R` is the runtime with its
 * state root, `$B` the bundle, `$I` the id.
 *
 * @param map Flags of unshare(1): who is in the namespace.
 * @param session The user has the directory of a session.
 */
async function inUserNamespace(
  box: Box,
  map: "--map-root-user" | "--map-auto",
  config: Dict,
  script: string,
  session = true,
): Promise<Result> {
  const bundle = makeBundle(box.dir);
  Deno.mkdirSync(box.root);
  const base = configOf({
    linux: { namespaces: namespaces("pid", "mount", "ipc", "uts") },
    mounts: [MOUNTS.proc, MOUNTS.dev],
    process: { args: ["/bin/sleep", "1000"] },
  });
  Deno.writeTextFileSync(`${bundle.dir}/config.json`, JSON.stringify(merge(base, config)));
  for (const path of [bundle.dir, box.root]) await host("/bin/chown", "-hR", `${USER}:${USER}`, path);
  const databases: Record<string, string> = {
    subuid: `tsrun-test:${SUBORDINATE}:65536\n`,
    subgid: `tsrun-test:${SUBORDINATE}:65536\n`,
    passwd: `root:x:0:0::/root:/bin/sh\ntsrun-test:x:${USER}:${USER}::/:/bin/sh\n`,
  };
  for (const [name, text] of Object.entries(databases)) Deno.writeTextFileSync(`${box.dir}/${name}`, text);
  const bind = Object.keys(databases).map((name) => `mount --bind ${box.dir}/${name} /etc/${name} || exit 1`);
  const names = `R="${box.runtime.path} --root ${box.root}" B=${bundle.dir} I=${box.token}`;
  const outer = `${bind.join("\n")}\nexec "$@"`;
  const unshare = ["/usr/bin/unshare", map, ...(map === "--map-auto" ? ["--map-root-user"] : [])];
  const inner = [...unshare, "/bin/sh", "-c", `${names}\n${script}`];
  const argv = ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", outer, "sh"];
  return await box.command([...argv, "/usr/bin/setpriv", ...asUser(), ...inner], {
    env: {
      PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
      ...(session ? { XDG_RUNTIME_DIR: `${bundle.dir}/runtime` } : {}),
    },
  });
}

const LIFE = [
  "$R run -d -b $B $I </dev/null >$B/out 2>&1 || { cat $B/out; exit 1; }",
  "$R exec $I /bin/id",
  "$R exec -u 5 --cwd /tmp $I /bin/sh -c 'id; pwd'",
  "$R delete --force $I",
].join("\n");

contract(
  "nested user namespace: exec where the container has the host's cgroup and network namespaces",
  async (box) => {
    const { stdout } = assertOk(await inUserNamespace(box, "--map-auto", {}, LIFE));
    assertEquals(stdout, "uid=0(root) gid=0(root)\nuid=5 gid=0(root)\n/tmp\n");
  },
  { skip },
);

const ECHO: Dict = { process: { args: ["/bin/echo", "fine"] } };

contract("nested user namespace: without a session, too, cgroups are left out", async (box) => {
  const { stdout } = assertOk(await inUserNamespace(box, "--map-root-user", ECHO, "$R run -b $B $I", false));
  assertEquals(stdout, "fine\n");
}, { skip });

contract(
  "nested user namespace: exec where the container shares all namespaces but its mounts",
  async (box) => {
    const proc = { destination: "/proc", type: "bind", source: "/proc", options: ["rbind"] };
    const linux = { namespaces: namespaces("mount") };
    const config = { linux, hostname: undefined, mounts: [proc, MOUNTS.dev] };
    const { stdout } = assertOk(await inUserNamespace(box, "--map-auto", config, LIFE));
    assertEquals(stdout, "uid=0(root) gid=0(root)\nuid=5 gid=0(root)\n/tmp\n");
  },
  { skip, notOnReference: "1.1.5 joins namespaces that are its own" },
);

contract("nested user namespace: with the PID namespace of the host, through its /proc", async (box) => {
  const proc = { destination: "/proc", type: "bind", source: "/proc", options: ["rbind", "nosuid", "nodev"] };
  const config = {
    process: { args: sh("cat /proc/sys/kernel/msgmax; ls /proc | grep -c '^1$'") },
    mounts: [proc, MOUNTS.dev],
    linux: { namespaces: namespaces("mount", "ipc", "uts"), sysctl: { "kernel.msgmax": "4242" } },
  };
  const { stdout } = assertOk(await inUserNamespace(box, "--map-auto", config, "$R run -b $B $I"));
  assertEquals(stdout, "4242\n1\n");
}, { skip, notOnReference: "1.1.5 writes through the container's own /proc" });

contract("nested user namespace: groups are left where setgroups is denied", async (box) => {
  const config = { process: { user: { uid: 0, gid: 0, additionalGids: [5, 6] } } };
  const lines = LIFE.split("\n").filter((line) => !line.includes("-u 5")).join("\n");
  const { stdout } = assertOk(await inUserNamespace(box, "--map-root-user", config, lines));
  assertMatch(stdout, /^uid=0\(root\) gid=0\(root\)/);
}, { skip });

contract("rootless: a cgroup of its name that is the host's is neither entered nor removed", async (box) => {
  const container = await RootlessContainer.make(box, {
    process: { terminal: false, args: sh("cat /proc/self/cgroup") },
  });
  const own = /^\d+:devices:(.*)$/m.exec(readText("/proc/self/cgroup"))![1].replace(/\/$/, "");
  const taken = ["devices", "pids"].map((name) => `/sys/fs/cgroup/${name}${own}/${container.id}`);
  for (const path of taken) Deno.mkdirSync(path);
  try {
    const { stdout } = assertOk(await container.start());
    assertEquals(stdout.split("\n").filter((line) => line.includes(container.id)), []);
    assertEquals(taken.filter(exists), taken);
  } finally {
    await container[Symbol.asyncDispose]();
    for (const path of taken) Deno.removeSync(path);
  }
}, { skip: skip ?? lacksCgroupV1() });
