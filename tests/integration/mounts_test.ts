/** `mounts`: each type, its options, and where destinations are made. */
import { assert, assertEquals } from "@std/assert";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { type Mount, mountAt } from "../lib/mountinfo.ts";
import { exists, host } from "../lib/process.ts";
import { lacksCgroupV1 } from "../lib/skip.ts";

const BASE = [MOUNTS.proc, MOUNTS.dev, MOUNTS.devpts, MOUNTS.shm, MOUNTS.sysfs];

/** The mounts that a container with these extra mounts sees. */
async function mountsWith(container: Container, ...extra: Dict[]): Promise<Mount[]> {
  return (await container.probe({ mounts: [...BASE, ...extra] })).mounts;
}

/** The flags among a mount's options that tests set. */
function flags(mount: Mount | undefined): string {
  const known = ["ro", "rw", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"];
  return mount ? mount.options.filter((option) => known.includes(option)).sort().join(",") : "not mounted";
}

contract("mounts: the usual ones, with their types, flags and data", async (box) => {
  const mounts = await mountsWith(box.container(), {
    ...{
      destination: "/dev/mqueue",
      type: "mqueue",
      source: "mqueue",
      options: ["nosuid", "noexec", "nodev"],
    },
  });
  const seen = Object.fromEntries(mounts.map((mount) => [mount.target, `${mount.type} ${flags(mount)}`]));
  assertEquals(seen, {
    "/": "ext4 rw".replace("ext4", mounts[0].type),
    "/proc": "proc nodev,noexec,nosuid,rw",
    "/dev": "tmpfs nosuid,rw",
    "/dev/pts": "devpts noexec,nosuid,rw",
    "/dev/shm": "tmpfs nodev,noexec,nosuid,rw",
    "/dev/mqueue": "mqueue nodev,noexec,nosuid,rw",
    "/sys": "sysfs nodev,noexec,nosuid,ro",
  });
  const options = (target: string) => mountAt(mounts, target)?.superOptions ?? [];
  assert(
    options("/dev").includes("mode=755") && options("/dev").includes("size=65536k"),
    options("/dev").join(),
  );
  for (const option of ["gid=5", "mode=620", "ptmxmode=666"]) {
    assert(options("/dev/pts").includes(option), options("/dev/pts").join());
  }
  assertEquals(mountAt(mounts, "/dev/shm")?.source, "shm");
});

contract("mounts: they are this namespace's only, and nothing of the host is visible", async (box) => {
  const { mounts } = await box.container().probe();
  assertEquals(mounts.filter((mount) => mount.target.includes(box.token)), []);
  assertEquals(mounts.length, 6);
});

contract("tmpfs: options are flags or data", async (box) => {
  const mount = { destination: "/t", type: "tmpfs", source: "some name" };
  const options = [
    "size=64k",
    "mode=1750",
    "uid=1000",
    "gid=1001",
    "nr_inodes=20",
    "noexec",
    "noatime",
    "nodev",
  ];
  const container = box.container();
  const mounts = await mountsWith(container, { ...mount, options });
  const found = mountAt(mounts, "/t");
  assertEquals(flags(found), "noatime,nodev,noexec,rw");
  assertEquals(found?.source, "some name");
  const data = ["size=64k", "nr_inodes=20", "mode=1750", "uid=1000", "gid=1001"];
  for (const option of data) assert(found?.superOptions.includes(option), found?.superOptions.join());
});

contract("tmpfs: the mode of the directory below stays", async (box) => {
  const container = box.container({
    process: { args: ["/bin/stat", "-c", "%a", "/kept"] },
    mounts: [...BASE, { destination: "/kept", type: "tmpfs", source: "tmpfs" }],
  });
  Deno.mkdirSync(container.path("/kept"));
  Deno.chmodSync(container.path("/kept"), 0o1751);
  assertEquals(await container.output(), "1751\n");
});

contract("tmpfs: mode= goes before the mode of the directory below", async (box) => {
  const container = box.container({
    process: { args: ["/bin/stat", "-c", "%a", "/given"] },
    mounts: [...BASE, { destination: "/given", type: "tmpfs", source: "tmpfs", options: ["mode=700"] }],
  });
  Deno.mkdirSync(container.path("/given"));
  Deno.chmodSync(container.path("/given"), 0o751);
  assertEquals(await container.output(), "700\n");
}, { notOnReference: "runc 1.1.5 sets the directory's mode after the mount; later versions let mode= win" });

contract("tmpfs: ro is set after the mounts inside it are made", async (box) => {
  const container = box.container({
    process: { args: sh("touch /t/x 2>&1; touch /t/inner/y && ls /t/inner") },
    mounts: [
      ...BASE,
      { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["ro"] },
      { destination: "/t/inner", type: "tmpfs", source: "tmpfs" },
    ],
  });
  assertEquals(await container.output(), "touch: /t/x: Read-only file system\ny\n");
});

contract("tmpfs: tmpcopyup brings the directory's content along", async (box) => {
  const script =
    "cat /data/file; stat -c '%a %u:%g %n' /data/file /data/sub; readlink /data/link; touch /data/new; ls /data";
  const container = box.container({
    process: { args: sh(script) },
    mounts: [...BASE, {
      destination: "/data",
      type: "tmpfs",
      source: "tmpfs",
      options: ["tmpcopyup", "nosuid"],
    }],
  });
  Deno.mkdirSync(container.path("/data/sub"), { recursive: true });
  Deno.writeTextFileSync(container.path("/data/file"), "content\n");
  Deno.chmodSync(container.path("/data/file"), 0o640);
  Deno.chownSync(container.path("/data/file"), 1000, 1001);
  Deno.symlinkSync("/etc/passwd", container.path("/data/link"));
  assertEquals(
    await container.output(),
    "content\n640 1000:1001 /data/file\n755 0:0 /data/sub\n/etc/passwd\nfile\nlink\nnew\nsub\n",
  );
  assert(!exists(container.path("/data/new")), "the directory itself was written to");
});

contract("mounts: unknown data is an error that shows the mount", async (box) => {
  const result = await box.container({
    mounts: [...BASE, { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["nonsense=1"] }],
  }).create();
  assertError(result, /mount.*tmpfs.*\/t.*invalid argument/);
  await box.assertNothingLeft();
});

contract("mounts: a filesystem type that does not exist is an error", async (box) => {
  const result = await box.container({
    mounts: [...BASE, { destination: "/t", type: "nonsensefs", source: "x" }],
  }).create();
  assertError(result, /\/t.*no such device/);
  await box.assertNothingLeft();
});

contract("mounts: `defaults` is no option", async (box) => {
  const mounts = await mountsWith(box.container(), {
    ...{ destination: "/t", type: "tmpfs", source: "tmpfs", options: ["defaults", "nosuid"] },
  });
  assertEquals(flags(mountAt(mounts, "/t")), "nosuid,rw");
}, { notOnReference: "runc hands `defaults` to the filesystem as data, and tmpfs refuses it" });

contract(
  "mounts: on a destination that does not exist, directories are made, with mode 0755",
  async (box) => {
    const container = box.container();
    const mounts = await mountsWith(container, { destination: "/a/b/c", type: "tmpfs", source: "tmpfs" });
    assertEquals(mountAt(mounts, "/a/b/c")?.type, "tmpfs");
    for (const path of ["/a", "/a/b", "/a/b/c"]) {
      assertEquals((Deno.statSync(container.path(path)).mode ?? 0) & 0o7777, 0o755, path);
    }
  },
);

contract("mounts: a relative destination counts from the root", async (box) => {
  const mounts = await mountsWith(box.container(), {
    destination: "rel/dir",
    type: "tmpfs",
    source: "tmpfs",
  });
  assertEquals(mountAt(mounts, "/rel/dir")?.type, "tmpfs");
});

contract("mounts: later ones cover earlier ones, in the order of the list", async (box) => {
  const container = box.container();
  const mounts = await mountsWith(
    container,
    { destination: "/x", type: "tmpfs", source: "one", options: ["size=64k"] },
    { destination: "/x/y", type: "tmpfs", source: "two" },
    { destination: "/x", type: "tmpfs", source: "three", options: ["size=64k"] },
  );
  assertEquals(mounts.filter((mount) => mount.target.startsWith("/x")).map((mount) => mount.source), [
    "one",
    "two",
    "three",
  ]);
});

contract("proc: on another place, and with options", async (box) => {
  const container = box.container({
    process: { args: sh("ls /other/proc | grep -c ^1$; cat /other/proc/self/comm") },
    mounts: [...BASE, { destination: "/other/proc", type: "proc", source: "proc", options: ["hidepid=2"] }],
  });
  assertEquals(await container.output(), "1\ncat\n");
});

contract("proc: nothing may be mounted inside it, except what lxcfs brings", async (box) => {
  const file = `${box.dir}/file`;
  Deno.writeTextFileSync(file, "from the host\n");
  const bind = (destination: string) => ({ destination, type: "bind", source: file, options: ["bind"] });
  for (const path of ["/proc/version", "/proc/sys/kernel/hostname", "/proc/1/comm"]) {
    const result = await box.container({ mounts: [...BASE, bind(path)] }).create();
    assertError(result, new RegExp(`"?[^ ]*${path}"? cannot be mounted because it is inside /proc`));
  }
  const container = box.container({
    process: { args: ["/bin/cat", "/proc/uptime", "/proc/meminfo"] },
    mounts: [...BASE, bind("/proc/uptime"), bind("/proc/meminfo")],
  });
  assertEquals(await container.output(), "from the host\nfrom the host\n");
});

contract("proc: nothing else may be mounted over it", async (box) => {
  const over = (mount: Dict) =>
    box.container({ mounts: [MOUNTS.dev, { destination: "/proc", ...mount }] }).create();
  const bind = await over({ type: "bind", source: "/etc", options: ["bind"] });
  assertError(bind, /"?[^ ]*\/proc"? cannot be mounted because it is not of type proc/);
  assertEquals((await over({ type: "tmpfs", source: "tmpfs" })).code, 1);
  await box.assertNothingLeft();
});

contract("mqueue, sysfs and proc: in a container that shares the host's namespaces", async (box) => {
  const facts = await box.container().probe({
    mounts: [MOUNTS.proc, { destination: "/dev/mqueue", type: "mqueue", source: "mqueue" }],
    linux: { namespaces: namespaces("mount", "pid") },
  });
  assertEquals(mountAt(facts.mounts, "/dev/mqueue")?.type, "mqueue");
});

contract("cgroup: a tmpfs with one directory per hierarchy, read-only", async (box) => {
  for (
    const types of [["pid", "mount", "uts", "ipc", "network"], [
      "pid",
      "mount",
      "uts",
      "ipc",
      "network",
      "cgroup",
    ]]
  ) {
    const container = box.container();
    const facts = await container.probe({
      mounts: [
        ...BASE,
        {
          destination: "/sys/fs/cgroup",
          type: "cgroup",
          source: "cgroup",
          options: ["nosuid", "noexec", "nodev", "relatime", "ro"],
        },
      ],
      linux: { namespaces: namespaces(...types), cgroupsPath: `/${container.id}` },
    });
    assertEquals(mountAt(facts.mounts, "/sys/fs/cgroup")?.type, "tmpfs");
    const memory = mountAt(facts.mounts, "/sys/fs/cgroup/memory");
    assertEquals(memory?.type, "cgroup");
    assertEquals(flags(memory), "nodev,noexec,nosuid,ro");
    assertEquals(
      facts.cgroup.filter((line) => line.includes(box.token)).length > 0,
      !types.includes("cgroup"),
    );
  }
}, { skip: lacksCgroupV1() });

contract("cgroup: the container finds its own limits in it", async (box) => {
  for (const types of [["pid", "mount", "uts", "ipc"], ["pid", "mount", "uts", "ipc", "cgroup"]]) {
    const container = box.container();
    container.configure({
      process: { args: sh("cat /sys/fs/cgroup/pids/pids.max; mkdir /sys/fs/cgroup/pids/x 2>&1") },
      mounts: [MOUNTS.proc, {
        destination: "/sys/fs/cgroup",
        type: "cgroup",
        source: "cgroup",
        options: ["ro"],
      }],
      linux: { namespaces: namespaces(...types), resources: { pids: { limit: 77 } } },
    });
    const { stdout } = await container.run();
    assertEquals(
      stdout,
      "77\nmkdir: can't create directory '/sys/fs/cgroup/pids/x': Read-only file system\n",
    );
  }
}, { skip: lacksCgroupV1() });

contract("cgroup: the directory of the hierarchies is read-only as well", async (box) => {
  const container = box.container({
    process: { args: sh("mkdir /sys/fs/cgroup/x 2>&1") },
    mounts: [...BASE, { destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["ro"] }],
  });
  const { stdout } = await container.run();
  assertEquals(stdout, "mkdir: can't create directory '/sys/fs/cgroup/x': Read-only file system\n");
}, { skip: lacksCgroupV1(), notOnReference: "runc 1.1.5 leaves the tmpfs writable" });

contract("root.readonly: the rootfs cannot be written, the mounts on it can", async (box) => {
  const script = "touch /x 2>&1; touch /t/y && ls /t; touch /dev/z && ls /dev/z";
  const container = box.container({
    process: { args: sh(script) },
    root: { readonly: true },
    mounts: [...BASE, { destination: "/t", type: "tmpfs", source: "tmpfs" }],
  });
  const { stdout } = await container.run();
  assertEquals(stdout, "touch: /x: Read-only file system\ny\n/dev/z\n");
  assert(!exists(container.path("/x")));
});

contract("--no-pivot: the root is the container's all the same", async (box) => {
  const container = box.container();
  Deno.writeTextFileSync(container.path("/marker"), "here\n");
  const script =
    "cat /marker; ls / | tr '\\n' ' '; cd /..; pwd; cat ../../marker; grep -c tsrun-test /proc/mounts";
  container.configure({ process: { args: sh(script) } });
  const { stdout, stderr } = await container.run({ flags: ["--no-pivot"] });
  assertEquals(stdout, "here\nbin dev etc home marker proc root run sys tmp var /\nhere\n0\n", stderr);
});

contract("mounts: a bundle on a path with spaces and other characters", async (box) => {
  const dir = `${box.dir}/a b\\c "d" ü`;
  const container = box.container({ process: { args: sh("echo fine") } });
  await host("cp", "-a", container.bundle.dir, dir);
  const result = await box.cli(["run", "--bundle", dir, container.id]);
  assertEquals({ code: result.code, stdout: result.stdout }, { code: 0, stdout: "fine\n" }, result.stderr);
});

contract(
  "mounts: a destination that begins with the rootfs's path on the host is one inside",
  async (box) => {
    const container = box.container();
    const { rootfs } = container.bundle;
    const tmpfs = (destination: string) => ({ destination, type: "tmpfs", source: "tmpfs" });
    Deno.writeTextFileSync(`${box.dir}/file`, "x");
    const mounts = await mountsWith(
      container,
      ...[tmpfs(`${rootfs}/inside`), tmpfs(`${rootfs}x/other`)],
      { destination: `${rootfs}/etc/file`, type: "bind", source: `${box.dir}/file`, options: ["bind"] },
    );
    const there = ["/inside", `${rootfs}x/other`, "/etc/file"];
    assertEquals(there.filter((target) => mountAt(mounts, target) === undefined), []);
    assertEquals(exists(container.path(rootfs)), false);
    const top = box.container();
    top.configure({ mounts: [...BASE, tmpfs(top.bundle.rootfs)] });
    assertError(await top.create(), /is on the top of rootfs/);
  },
  { notOnReference: "1.1.5 takes the path as one inside of the rootfs, and then does not find it" },
);

contract("devices: a path that begins with the rootfs's path on the host is one inside", async (box) => {
  const container = box.container();
  const device = { type: "c", path: `${container.bundle.rootfs}/dev/own`, major: 1, minor: 3 };
  container.configure({
    process: { args: ["/bin/stat", "-c", "%F", "/dev/own"] },
    linux: { devices: [device] },
  });
  assertEquals(await container.output(), "character special file\n");
}, { notOnReference: "1.1.5 takes the path as one inside of the rootfs" });
