/** Default devices, `linux.devices`, and the links in /dev. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { exists } from "../lib/process.ts";

/** What `stat` prints of device nodes: type, major:minor (hexadecimal), mode, owner. */
const stat = (...paths: string[]) => sh(`stat -c '%n %F %t:%T %a %u:%g' ${paths.join(" ")}`);
const DEFAULTS = ["null 1:3", "zero 1:5", "full 1:7", "random 1:8", "urandom 1:9", "tty 5:0"];

contract("devices: the default ones", async (box) => {
  const container = box.container({
    process: { args: stat(...DEFAULTS.map((line) => `/dev/${line.split(" ")[0]}`)) },
  });
  const expected = DEFAULTS.map((line) => {
    const [name, number] = line.split(" ");
    return `/dev/${name} character special file ${number} 666 0:0\n`;
  });
  assertEquals(await container.output(), expected.join(""));
});

contract("devices: they work, and so does a pseudo-terminal", async (box) => {
  const script =
    "echo x >/dev/null; head -c 3 /dev/zero | od -An -tx1; head -c 8 /dev/urandom | wc -c; echo x >/dev/full; exec 3<>/dev/ptmx && ls /dev/pts";
  const { stdout } = await box.container({ process: { args: sh(script) } }).run();
  assertEquals(stdout.split("\n").map((line) => line.trim()), ["00 00 00", "8", "0", "ptmx", ""]);
});

contract("devices: the links", async (box) => {
  const names = ["fd", "stdin", "stdout", "stderr", "ptmx"];
  const container = box.container({
    process: { args: sh(`for n in ${names.join(" ")}; do readlink /dev/$n; done`) },
  });
  assertEquals(
    await container.output(),
    "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n",
  );
});

contract("devices: nothing else is in /dev", async (box) => {
  const output = await box.container({ process: { args: sh("ls /dev") } }).output();
  const allowed = "core fd full null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" ");
  assertEquals(output.trim().split("\n").filter((name) => !allowed.includes(name)), []);
});

contract("devices: the caller's /dev/null becomes the container's own", async (box) => {
  const container = box.container({ process: { args: PROBE } });
  assertEquals(parseFacts(await container.completed()).fds["0"], "/dev/null");
});

contract("linux.devices: type, number, mode and owner", async (box) => {
  const devices: Dict[] = [
    { type: "c", path: "/dev/chars", major: 1, minor: 3, fileMode: 0o640, uid: 1000, gid: 1001 },
    { type: "b", path: "/dev/block", major: 7, minor: 200, fileMode: 0o600 },
    { type: "u", path: "/dev/unbuffered", major: 1, minor: 5 },
    { type: "p", path: "/dev/pipe", fileMode: 0o622, uid: 5 },
    { type: "c", path: "/dev/sub/dir/node", major: 10, minor: 229, uid: 0, gid: 0 },
    { type: "c", path: "/opt/outside-dev", major: 1, minor: 8, fileMode: 0o444 },
  ];
  const args = stat(...devices.map((device) => String(device.path)));
  assertEquals(
    await box.container({ process: { args }, linux: { devices } }).output(),
    "/dev/chars character special file 1:3 640 1000:1001\n" +
      "/dev/block block special file 7:c8 600 0:0\n" +
      "/dev/unbuffered character special file 1:5 666 0:0\n" +
      "/dev/pipe fifo 0:0 622 5:0\n" +
      "/dev/sub/dir/node character special file a:e5 666 0:0\n" +
      "/opt/outside-dev character special file 1:8 444 0:0\n",
  );
});

contract("linux.devices: the umask of the caller has no say", async (box) => {
  const container = box.container({
    process: { args: stat("/dev/node", "/dev/null") },
    linux: { devices: [{ type: "c", path: "/dev/node", major: 1, minor: 3, fileMode: 0o666 }] },
  });
  const command = [
    box.runtime.path,
    "--root",
    box.root,
    "run",
    "--bundle",
    container.bundle.dir,
    container.id,
  ];
  const result = await box.command(["/bin/sh", "-c", 'umask 077; exec "$@"', "sh", ...command]);
  const line = (name: string) => `/dev/${name} character special file 1:3 666 0:0\n`;
  assertEquals(result.stdout, line("node") + line("null"), result.stderr);
});

contract("linux.devices: an entry of a default device replaces it", async (box) => {
  const devices = [{
    type: "c",
    path: "/dev/zero",
    major: 1,
    minor: 5,
    fileMode: 0o600,
    uid: 1000,
    gid: 1000,
  }];
  assertEquals(
    await box.container({ process: { args: stat("/dev/zero") }, linux: { devices } }).output(),
    "/dev/zero character special file 1:5 600 1000:1000\n",
  );
});

contract("linux.devices: an unknown type is an error", async (box) => {
  const devices = [{ type: "x", path: "/dev/node", major: 1, minor: 3 }];
  assertEquals((await box.container({ linux: { devices } }).create()).code, 1);
  await box.assertNothingLeft();
});

contract("linux.devices: another file of that name is an error", async (box) => {
  const devices = [{ type: "c", path: "/opt/node", major: 1, minor: 3 }];
  const container = box.container({ linux: { devices } });
  Deno.mkdirSync(container.path("/opt"));
  Deno.writeTextFileSync(container.path("/opt/node"), "a file\n");
  assertError(await container.create(), /\/opt\/node/);
  assertEquals(Deno.readTextFileSync(container.path("/opt/node")), "a file\n");
}, { notOnReference: "runc 1.1.5 takes whatever is there for the device" });

contract("devices: made in the rootfs itself where nothing is mounted on /dev", async (box) => {
  const container = box.container({ process: { args: stat("/dev/null") }, mounts: [MOUNTS.proc] });
  assertEquals(await container.output(), "/dev/null character special file 1:3 666 0:0\n");
  assert(exists(container.path("/dev/zero")));
  // A second container on the same rootfs finds them there.
  const again = box.sibling(container, { process: { args: stat("/dev/null") }, mounts: [MOUNTS.proc] });
  assertEquals(await again.output(), "/dev/null character special file 1:3 666 0:0\n");
});

contract("devices: /dev read-only, with devices in it", async (box) => {
  const dev = { ...MOUNTS.dev, options: [...MOUNTS.dev.options, "ro"] };
  const container = box.container({
    process: { args: sh("touch /dev/x 2>&1; echo fine >/dev/null && ls -d /dev/null /dev/pts/ptmx") },
    mounts: [MOUNTS.proc, dev, MOUNTS.devpts],
  });
  assertEquals(await container.output(), "touch: /dev/x: Read-only file system\n/dev/null\n/dev/pts/ptmx\n");
});

/**
 * A /dev of the host's that may be spoiled, in a mount namespace of the test's own, listed before and after.
 */
const SPOILABLE = `set -e
mount -t tmpfs -o mode=755 tmpfs /dev
mknod -m 666 /dev/null c 1 3
mknod -m 620 /dev/tty c 5 0
mknod -m 666 /dev/ptmx c 5 2
mkdir /dev/pts
list() { find /dev -printf '%p %y %m %U:%G %l %T@\\n'; }
list >"$1/before"
dir=$1
shift
code=0
"$@" || code=$?
list >"$dir/after"
exit $code
`;

contract("devices: the host's own /dev stays as it is where the rootfs is the host's root", async (box) => {
  const container = box.container();
  const run = (overrides: Dict) => {
    container.configure({ root: { path: "/" }, process: { args: sh("ls -l /dev/ptmx") }, ...overrides });
    const command = [box.runtime.path, "--root", box.root, "run", "-b", container.bundle.dir, container.id];
    const within = [
      "/usr/bin/unshare",
      "--mount",
      "--propagation",
      "private",
      "/bin/sh",
      "-c",
      SPOILABLE,
      "sh",
    ];
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
    return box.command([...within, box.dir, ...command], { env });
  };
  const changes = () => {
    const [before, after] = ["before", "after"].map((name) => Deno.readTextFileSync(`${box.dir}/${name}`));
    return before === after ? "" : `${before}became\n${after}`;
  };
  const devices = (...list: Dict[]) => ({ mounts: [MOUNTS.proc], linux: { devices: list } });
  const tty = { type: "c", path: "/dev/tty", major: 5, minor: 0 };
  for (const overrides of [{ mounts: [] }, devices(tty)]) {
    assertOk(await run(overrides));
    assertEquals(changes(), "");
  }
  for (const device of [{ ...tty, minor: 1 }, { ...tty, path: "/dev/new" }]) {
    assertError(await run(devices(device)), new RegExp(`${device.path}".*(mount a /dev|something else)`));
    assertEquals(changes(), "");
  }
  // On a filesystem of the container's own there are the devices and links of every container.
  assertOk(await run({ mounts: [MOUNTS.proc, MOUNTS.dev] }));
  assertEquals(changes(), "");
}, { notOnReference: "runc replaces the host's /dev/ptmx" });

contract("linux.devices: a path that ends with a slash", async (box) => {
  const device = { type: "c", path: "/dev/made/", major: 1, minor: 3 };
  const container = box.container({ process: { args: stat("/dev/made") }, linux: { devices: [device] } });
  assertMatch(await container.output(), /^\/dev\/made character special file 1:3 /);
});
