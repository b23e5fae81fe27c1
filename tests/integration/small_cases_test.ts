/** Single cases of runc's that no other file is about: see tests/conformance/CASES.md. */
import { assertEquals, assertMatch } from "@std/assert";
import { MOUNTS, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { sleeper } from "../lib/exec.ts";
import { exists } from "../lib/process.ts";

const v1 = exists("/sys/fs/cgroup/memory") ? undefined : "this machine has no cgroup v1";

contract("maskedPaths: a path that is named twice is covered once", async (box) => {
  const container = box.container({
    process: { args: sh('for path in /etc /data; do grep -c " $path " /proc/self/mountinfo; done') },
    linux: { maskedPaths: ["/etc", "/data", "/etc", "/data"] },
  });
  Deno.writeTextFileSync(container.path("/data"), "");
  assertEquals((await container.run()).stdout, "1\n1\n");
}, { notOnReference: "runc covers it once since 1.4" });

contract("maskedPaths: directories of a container with a read-only root", async (box) => {
  const container = box.container({
    process: { args: sh("ls -A /etc /var | grep -c .; touch /etc/x 2>&1") },
    root: { path: "rootfs", readonly: true },
    linux: { maskedPaths: ["/etc", "/var"] },
  });
  // The two names are all that is there.
  assertEquals((await container.run()).stdout, "2\ntouch: /etc/x: Read-only file system\n");
});

contract("maskedPaths: directories share one file system", async (box) => {
  const container = box.container({
    process: { args: sh("stat -c %d /etc /var /usr") },
    linux: { maskedPaths: ["/etc", "/var", "/usr"] },
  });
  Deno.mkdirSync(container.path("/usr"), { recursive: true });
  const devices = (await container.run()).stdout.trim().split("\n");
  assertEquals([devices.length, new Set(devices).size], [3, 1]);
}, { notOnReference: "they do since runc 1.4" });

contract("mounts: below a directory with the set-group-ID bit the way is made all the same", async (box) => {
  const mount = { destination: "/setgid/a/b/c", type: "tmpfs", source: "tmpfs", options: ["ro", "nodev"] };
  const container = box.container({
    process: { args: sh("stat -f -c %T /setgid/a/b/c; stat -c %a /setgid/a") },
    mounts: [MOUNTS.proc, mount],
  });
  Deno.mkdirSync(container.path("/setgid"));
  Deno.chmodSync(container.path("/setgid"), 0o7755);
  const { stdout } = assertOk(await container.run());
  assertMatch(stdout, /^tmpfs\n2?755\n$/);
});

contract("mounts: one whose source another mount of the container brings", async (box) => {
  const outer = `${box.dir}/outer`;
  Deno.mkdirSync(`${outer}/inner`, { recursive: true });
  Deno.writeTextFileSync(`${outer}/inner/file`, "inner\n");
  const bind = (source: string, destination: string) => ({
    type: "bind",
    source,
    destination,
    options: ["rbind"],
  });
  const container = box.container({
    process: { args: sh("cat /first/inner/file /second/file") },
    mounts: [MOUNTS.proc, bind(outer, "/first"), bind(`${outer}/inner`, "/second")],
  });
  assertEquals((await container.run()).stdout, "inner\ninner\n");
});

contract("root: the bundle itself, as a dot", async (box) => {
  const container = box.container({ process: { args: sh("ls /config.json") } });
  container.configure({
    root: { path: "." },
    process: { args: ["/rootfs/bin/busybox", "ls", "/config.json"] },
  });
  assertEquals((await container.run()).stdout, "/config.json\n");
});

contract("args: without the bit to execute, for a user who may override modes", async (box) => {
  const capabilities = Object.fromEntries(
    ["bounding", "effective", "permitted", "inheritable", "ambient"].map((
      set,
    ) => [set, ["CAP_DAC_OVERRIDE"]]),
  );
  const container = box.container({
    process: { args: ["/closed/echo", "fine"], user: { uid: 1000, gid: 1000 }, capabilities },
  });
  Deno.mkdirSync(container.path("/closed"));
  Deno.linkSync(container.path("/bin/busybox"), container.path("/closed/echo"));
  Deno.chmodSync(container.path("/closed"), 0o700);
  assertEquals((await container.run()).stdout, "fine\n");
});

contract("exec: the file that a pid is written to is relative to the caller's directory", async (box) => {
  const container = await sleeper(box);
  const directory = `${box.dir}/elsewhere`;
  Deno.mkdirSync(directory);
  assertOk(
    await box.cli(["exec", "--detach", "--pid-file", "pid", container.id, "/bin/sleep", "1000"], {
      cwd: directory,
    }),
  );
  assertMatch(Deno.readTextFileSync(`${directory}/pid`), /^\d+$/);
});

contract("exec: HOME is that of the user's entry, or /", async (box) => {
  const container = await sleeper(box);
  Deno.writeTextFileSync(
    container.path("/etc/passwd"),
    "root:x:0:0:root:/root:/bin/sh\nsomebody:x:1000:1000::/home/somebody:/bin/sh\n",
  );
  const home = async (user: string) =>
    assertOk(await box.cli(["exec", "--user", user, container.id, "sh", "-c", "echo $HOME"])).stdout.trim();
  assertEquals([await home("0"), await home("1000"), await home("2000")], ["/root", "/home/somebody", "/"]);
});

contract("seccomp: the same rule twice", async (box) => {
  const rule = { names: ["bdflush"], action: "SCMP_ACT_ERRNO" };
  const seccomp = { defaultAction: "SCMP_ACT_ERRNO", syscalls: [rule] };
  const container = box.container({
    process: { args: ["/bin/true"] },
    linux: { seccomp: { ...seccomp, defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule, rule] } },
  });
  assertOk(await container.run());
});

contract("memory policy: what cannot be is refused, and what is empty is none", async (box) => {
  const run = (memoryPolicy: unknown) =>
    box.container({ process: { args: ["/bin/true"] }, linux: { memoryPolicy } }).run();
  assertError(await run({ mode: "MPOL_NONE", nodes: "0" }), /invalid memory policy mode/);
  assertError(
    await run({ mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_NONE"] }),
    /invalid memory policy flag/,
  );
  assertError(await run({ mode: "MPOL_BIND", nodes: "0-9999999" }), /node/);
  assertError(await run({ nodes: "0" }), /invalid memory policy/);
  assertOk(await run({ mode: "MPOL_DEFAULT" }));
}, { notOnReference: "memory policies came with runc 1.5" });

contract("time namespace: offsets without one are an error", async (box) => {
  const container = box.container({
    process: { args: ["/bin/true"] },
    linux: { timeOffsets: { boottime: { secs: 1 } } },
  });
  assertError(await container.run(), /time.*namespace/i);
}, { notOnReference: "time namespaces came with runc 1.2" });

contract("ociVersion: another major version, or none that is a version, is an error", async (box) => {
  for (
    const [ociVersion, error] of [["2.0.0", /ociVersion: version 2\.0\.0 is not supported/], [
      "junk",
      /SemVer/,
    ]]
  ) {
    const container = box.container();
    const config = { ...box.config(container.id, { process: { args: ["/bin/true"] } }), ociVersion };
    Deno.writeTextFileSync(`${container.bundle.dir}/config.json`, JSON.stringify(config));
    assertError(await container.run(), error as RegExp);
  }
}, { notOnReference: "runc does not look at the version" });

contract("cgroups: a rule for devices whose letters all mean nothing is an error", async (box) => {
  const devices = [{ allow: false, access: "rwm" }, {
    allow: true,
    type: "c",
    major: 1,
    minor: 7,
    access: "RWM",
  }];
  const container = box.container({ process: { args: ["/bin/true"] }, linux: { resources: { devices } } });
  assertError(await container.run(), /devices\[1\]\.access: invalid device access "RWM"/);
}, { notOnReference: "runc makes it a rule without any access" });

contract("names of properties: an exact one goes before one in another case", async (box) => {
  const container = box.container();
  const user = { uid: 3, UID: 5, gid: 0 };
  const config = box.config(container.id, { process: { args: sh("id -u"), user } });
  Deno.writeTextFileSync(`${container.bundle.dir}/config.json`, JSON.stringify(config));
  assertEquals((await container.run()).stdout, "3\n");
}, { notOnReference: "Go's decoder takes the last of them" });

contract("kill: real-time signals by their distance from the first and the last", async (box) => {
  for (const signal of ["RTMIN+3", "SIGRTMAX-2"]) {
    const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
    assertOk(await container.kill(signal));
    await container.wait("stopped");
  }
}, { notOnReference: "runc knows their numbers only" });

contract("user: a umask with more than the bits of permissions is an error", async (box) => {
  const container = box.container({
    process: { args: ["/bin/true"], user: { uid: 0, gid: 0, umask: 0o10000 } },
  });
  assertError(await container.run(), /process\.user\.umask: must be an integer from 0 to 511/);
}, { notOnReference: "runc cuts it" });

contract("cgroups: a limit of no process at all is one of one", async (box) => {
  const container = await box.container({
    process: { args: ["/bin/sleep", "1000"] },
    linux: { resources: { pids: { limit: 0 } } },
  }).created();
  assertEquals(container.cgroup("pids", "pids.max"), "1");
}, { skip: v1, notOnReference: "runc 1.1 takes 0 for no limit" });
