/** `explain` tells the calls that create, start, exec and delete then make, as their traces say. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compareWithTraces } from "../lib/explained.ts";
import { contractV2 } from "../lib/v2_host.ts";
import { HostDevice, lacksNetDevices } from "../lib/net_device.ts";
import { configOf } from "../../bench/configs.ts";
import type { Dict } from "../lib/bundle.ts";
import { assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

const OWN = { notOnReference: "runc explains nothing", timeout: 60_000 };
const PROGRAM = ["sleep", "1000"];

const HOOK = [{ path: "/bin/true" }];

contract("explain: the calls of a small container are those that are made", async (box) => {
  await compareWithTraces(box, box.container({ process: { args: PROGRAM } }));
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
      annotations: { "run.oci.hooks.stdout": `${box.dir}/hooks.out` },
      hooks: { prestart: HOOK, createContainer: HOOK, poststart: HOOK, poststop: HOOK },
    }));
    await compareWithTraces(box, container);
  },
  OWN,
);

contractV2(
  "explain: the calls of a container with limits and devices are those that are made",
  async (box) => {
    const devices = [{ allow: false, access: "rwm" }, { allow: true, type: "c", major: 10, access: "rw" }];
    await compareWithTraces(
      box,
      box.container({ process: { args: PROGRAM }, linux: { resources: { devices } } }),
    );
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
  await compareWithTraces(box, container);
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
    // Nor does it matter that the state root cannot be looked at.
    Deno.mkdirSync(box.root, { recursive: true, mode: 0o700 });
    for (const command of ["start", "exec", "delete"]) {
      const later = await run("--root", box.root, "explain", "-b", container.bundle.dir, command);
      assert(later.success, new TextDecoder().decode(later.stderr));
    }
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
  assertEquals([devices.code, devices.stderr.includes("link not found for interface eth7")], [1, true]);
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

contract("explain: the calls that move a network device are those that are made", async (box) => {
  await using device = await HostDevice.make(["up"]);
  for (const address of ["192.0.2.5/24", "2001:db8::5/64"]) await device.addAddress(address);
  const container = box.container({
    process: { args: PROGRAM },
    linux: { netDevices: { [device.name]: { name: "net0" } } },
  });
  const { create } = await compareWithTraces(box, container);
  const asked = create.filter(({ call }) => call.startsWith("sendto(")).map(({ call }) =>
    /\{(RTM_\w+).*?(IFLA_IFNAME="\w+"|IFA_ADDRESS=[^,}]*|IFF_UP)/.exec(call)!.slice(1).join(" ")
  );
  assertEquals(asked, [
    'RTM_NEWLINK IFLA_IFNAME="net0"',
    "RTM_NEWADDR IFA_ADDRESS=192.0.2.5",
    "RTM_NEWADDR IFA_ADDRESS=2001:db8:0:0:0:0:0:5",
    "RTM_NEWLINK IFF_UP",
  ]);
}, { ...OWN, skip: lacksNetDevices() });

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

contract("explain: the config that spec writes, which has a terminal, needs no socket", async (box) => {
  const container = box.container({ process: { args: PROGRAM, terminal: true } });
  for (const command of ["create", "start", "exec", "delete"]) {
    const { stdout } = assertOk(await box.cli(["explain", "-b", container.bundle.dir, command]));
    assertEquals(/\n +ioctl\(\d+, TIOCSCTTY, /.test(stdout), command === "create", command);
  }
}, OWN);
