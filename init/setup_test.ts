/** The order of the whole set-up, and what of it is left out when. */
import { assertEquals, assertThrows } from "@std/assert";
import * as constants from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import { EACCES, EEXIST, EINVAL, ENOENT, ENOTDIR } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import { MOUNT_ATTR_RDONLY } from "../spec/mount_options.ts";
import type { Spec } from "../spec/types.ts";
import { callsOf, lines, names, type Script, scripted, stat } from "../tests/lib/scripted.ts";
import { devicesToMake } from "./devices.ts";
import { planNamespaces } from "./namespaces.ts";
import { loadEarly } from "./seccomp_listener.ts";
import { setUp } from "./setup.ts";
import type { SetupPlan, SetupSteps } from "./setup_context.ts";

const FILTER = { program: new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]), flags: 0 };
const NAMESPACES = ["pid", "network", "ipc", "uts", "mount", "cgroup"] as const;

const SPEC: Spec = {
  ociVersion: "1.2.0",
  hostname: "höst",
  domainname: "dom",
  root: { path: "rootfs", readonly: true },
  process: {
    args: ["/bin/true"],
    cwd: "/work",
    user: { uid: 1000, gid: 1000 },
    env: ["PATH=/bin", "HOME=/h"],
    noNewPrivileges: true,
    capabilities: { bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"] },
  },
  mounts: [
    { destination: "/proc", type: "proc", source: "proc" },
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: ["mode=755", "ro"] },
  ],
  linux: {
    namespaces: NAMESPACES.map((type) => ({ type })),
    sysctl: { "kernel.msgmax": "8192" },
    maskedPaths: ["/proc/kcore"],
    readonlyPaths: ["/proc/sys"],
  },
};

function planOf(spec: Spec, more: Partial<SetupPlan> = {}): SetupPlan {
  return {
    spec,
    bundle: "/bundle",
    rootfs: "/bundle/rootfs",
    hostRoot: false,
    fifo: "/run/box/exec.fifo",
    namespaces: planNamespaces(spec.linux?.namespaces),
    noPivot: false,
    mountable: true,
    keyring: "_ses.box",
    host: { permitted: { low: 0xffffffff, high: 0x1ff }, last: 40 },
    hasKcore: false,
    mountPoints: ["/"],
    procAndSys: [],
    ...more,
  };
}

/** What the seccomp feature does. */
const filtered = (flags = 0): SetupSteps => ({
  filter: (setup) => void (setup.filter = { ...FILTER, flags }),
});

/** Answers of a kernel on which everything is well. */
const WELL: Script = {
  getcwd: (buffer) => {
    (buffer as { bytes: Uint8Array }).bytes.set(new TextEncoder().encode("/work"));
    return 6;
  },
  getpid: 1,
  statx: (...args: Arg[]) => stat(constants.S_IFREG | 0o755)(...args),
};

/** What the plan, and what features, have beside. */
interface More extends Partial<SetupPlan> {
  nullStdio?: readonly number[];
  features?: readonly SetupSteps[];
}

/** The spec with some of its parts replaced. */
interface Change extends Partial<Omit<Spec, "process">> {
  process?: Partial<Spec["process"]>;
}

function run(change: Change = {}, more: More = {}, script: Script = {}): DryKernel {
  // The masked file needs the null device.
  let opened = "";
  const k = scripted({
    ...WELL,
    openat2: (_dir, path) => void (opened = path as string),
    statx: (...args: Arg[]) =>
      opened === "/dev/null" && args[1] === ""
        ? stat(constants.S_IFCHR, 1, 3)(...args)
        : stat(constants.S_IFREG | 0o755)(...args),
    ...script,
  });
  const spec = { ...SPEC, ...change, process: { ...SPEC.process, ...change.process } } as Spec;
  setUpWith(k, spec, more);
  return k;
}

const TOOLS = { channel: 202, arena: 200, groupsDenied: () => false, hostProcfs: () => 9 };

function setUpWith(k: DryKernel, spec: Spec, more: More): void {
  const { nullStdio = [], features = [filtered()], ...rest } = more;
  setUp(k, planOf(spec, rest), { nullStdio, ...TOOLS }, features);
}

/** Asserts that calls come in this order; each is told by the beginning of its line. */
function assertOrder(k: DryKernel, ...beginnings: string[]): void {
  const lines = k.lines();
  let at = -1;
  for (const beginning of beginnings) {
    const next = lines.findIndex((line, i) => i > at && line.startsWith(beginning));
    if (next < 0) {
      throw new Error(`no ${JSON.stringify(beginning)} behind line ${at} of\n${lines.join("\n")}`);
    }
    at = next;
  }
}

const SET_PROPAGATION = `mount_setattr ${constants.AT_FDCWD} "/"`;

Deno.test("set-up: a session of its own comes before everything", () => {
  assertEquals(names(run())[0], "setsid");
});

Deno.test("set-up: the whole, from the session to execve", () => {
  assertOrder(
    run({ process: { noNewPrivileges: false } }),
    "setsid",
    "umask 0",
    `sched_setaffinity 0 1024 ${JSON.stringify(new TextDecoder().decode(new Uint8Array(1024).fill(0xff)))}`,
    `openat ${constants.AT_FDCWD} "/run/box/exec.fifo"`,
    'keyctl 1 "_ses.box"',
    "unshare",
    "socket",
    SET_PROPAGATION,
    'fsopen "proc"',
    'fsopen "tmpfs"',
    "mknodat",
    "pivot_root",
    "umount2",
    "sethostname",
    "setdomainname",
    'fsopen "proc"',
    "write",
    "openat2",
    "move_mount",
    'chdir "/work"',
    "umask 18",
    "mount_setattr",
    `prctl ${constants.PR_CAPBSET_DROP}`,
    "setgroups",
    "setresgid",
    "setresuid",
    "capset",
    "getcwd",
    "faccessat2",
    "openat",
    "seccomp",
    "capset",
    "execve",
  );
});

Deno.test("set-up: the fifo is opened while the host's paths are there", () => {
  const k = run();
  const flags = callsOf(k, "openat")[0].args[2] as number;
  assertEquals(flags & (constants.O_PATH | constants.O_NOFOLLOW), constants.O_PATH | constants.O_NOFOLLOW);
  assertOrder(k, "openat", "pivot_root");
});

Deno.test("set-up: with no-new-privileges, capabilities go first and the filter is the last but execve", () => {
  const k = run();
  assertOrder(k, `prctl ${constants.PR_SET_NO_NEW_PRIVS} 1`, "setresuid", "capset", "seccomp", "execve");
  const list = names(k);
  assertEquals(list[list.indexOf("seccomp") + 1], "execve");
  assertEquals(list.lastIndexOf("capset") < list.indexOf("seccomp"), true);
});

Deno.test("set-up: without no-new-privileges, the right to load the filter is dropped behind it", () => {
  const k = run({ process: { noNewPrivileges: false } });
  const list = names(k);
  assertEquals(list[list.indexOf("seccomp") + 1], "capset");
  const sets = callsOf(k, "capset").map(({ args }) => new DataView((args[1] as Uint8Array).buffer));
  const effective = sets.map((words) => words.getUint32(0, true));
  assertEquals(effective, [1 << 5 | 1 << 21, 1 << 5]);
  assertEquals(
    list.includes("prctl") && k.lines().includes(`prctl ${constants.PR_SET_NO_NEW_PRIVS} 1 0 0 0`),
    false,
  );
});

Deno.test("set-up: without a filter capabilities are set once", () => {
  const k = run({ process: { noNewPrivileges: false } }, { features: [] });
  assertEquals([callsOf(k, "capset").length, callsOf(k, "seccomp").length], [1, 0]);
});

Deno.test("set-up: a filter with a listener is loaded before the program is left alone", () => {
  const sent: number[] = [];
  const listener: SetupSteps = { listener: (setup) => loadEarly(setup, (fd) => sent.push(fd)) };
  const features = [filtered(constants.SECCOMP_FILTER_FLAG_NEW_LISTENER), listener];
  const k = run({}, { features }, { seccomp: 77 });
  assertEquals(sent, [77]);
  assertEquals(callsOf(k, "seccomp").length, 1);
  assertOrder(k, "seccomp", "close 77", "openat", "execve");
});

Deno.test("set-up: the runtime's hooks find all mounted, and the root not yet changed", () => {
  let before: string[] = [];
  const k = scripted(WELL);
  const spec = { ...SPEC, linux: { ...SPEC.linux, maskedPaths: [] } };
  setUpWith(k, spec, { features: [{ "runtime hooks": () => before = names(k) }] });
  assertEquals([before.includes("mknodat"), before.includes("pivot_root")], [true, false]);
});

Deno.test("set-up: the terminal is made in the new root, before users change", () => {
  let at = -1;
  const k = scripted(WELL);
  const spec = { ...SPEC, linux: { ...SPEC.linux, maskedPaths: [] } };
  setUpWith(k, spec, { features: [{ terminal: () => void (at = k.calls.length) }] });
  const list = names(k);
  assertEquals(list.indexOf("pivot_root") < at && at < list.indexOf("setresuid"), true);
});

Deno.test("set-up: the root, and what is mounted read-only, become so when nothing more is made", () => {
  const k = run({}, {}, {
    chdir: (() => {
      let first = true;
      return (path: Arg) => path === "/work" && first ? (first = false, -ENOENT) : 0;
    })(),
    openat2: (_dir, path) => path === "/work" ? -ENOENT : undefined,
    statx: (...args: Arg[]) =>
      stat((args[1] === "" ? constants.S_IFDIR : constants.S_IFREG) | 0o755)(...args),
  });
  const readonly = k.lines().map((line, i) => line.includes(`[${MOUNT_ATTR_RDONLY},0,0,0]`) ? i : -1);
  const late = readonly.filter((i) => i >= 0).slice(-2);
  // The directory is made and entered again first.
  const made = k.lines().findLastIndex((line) => line.startsWith("mkdirat") && line.includes('"work"'));
  const entered = k.lines().findLastIndex((line) => line.startsWith('chdir "/work"'));
  assertEquals(made > 0 && made < entered && entered < late[0] && late.length === 2, true);
});

Deno.test("set-up: a working directory that root may not enter is entered as the user", () => {
  let first = true;
  const k = run({}, {}, { chdir: (path) => path === "/work" && first ? (first = false, -EACCES) : 0 });
  assertOrder(k, 'chdir "/work"', "setresuid", 'chdir "/work"', "getcwd");
});

Deno.test("set-up: a working directory that cannot be is told in runc's words", () => {
  assertThrows(
    () => run({}, {}, { chdir: (path) => path === "/work" ? -ENOTDIR : 0 }),
    OperationError,
    'chdir to cwd ("/work") set in config.json failed: not a directory',
  );
});

Deno.test("set-up: what is joined or shared is left as it is", () => {
  const linux = {
    ...SPEC.linux,
    namespaces: [{ type: "mount" as const }, { type: "network" as const, path: "/n" }],
  };
  const list = names(run({ linux }));
  assertEquals([list.includes("unshare"), list.includes("socket")], [false, false]);
});

Deno.test("set-up: no new keyring where none is wanted, and none needed where there are none", () => {
  assertEquals(names(run({}, { keyring: undefined })).includes("keyctl"), false);
  run({}, {}, { keyctl: -38 });
});

Deno.test("set-up: without a mount namespace nothing is mounted, the root changes by chroot", () => {
  const linux = { namespaces: [{ type: "pid" as const }] };
  const list = names(run({ linux, mounts: [], root: { path: "rootfs" } }));
  assertEquals(list.includes("move_mount") || list.includes("pivot_root"), false);
  assertEquals(list.includes("chroot"), true);
});

Deno.test("set-up: where pivot_root may be refused the rootfs can be moved", () => {
  assertEquals(names(run({}, { noPivot: true })).includes("chroot"), true);
  assertEquals(names(run()).includes("chroot"), false);
});

Deno.test("set-up: a /dev that is bound keeps its own devices", () => {
  const mounts = [{ destination: "/dev/", type: "bind", source: "/dev", options: ["rbind"] }];
  assertEquals(names(run({ mounts })).includes("mknodat"), false);
  assertEquals(names(run()).includes("mknodat"), true);
});

Deno.test("set-up: names are given their length in bytes, and only where there are any", () => {
  const k = run();
  assertEquals(callsOf(k, "sethostname")[0].args, ["höst", 5]);
  assertEquals(callsOf(k, "setdomainname")[0].args, ["dom", 3]);
  assertEquals(
    names(run({ hostname: undefined, domainname: "" })).some((name) => name.startsWith("setd")),
    false,
  );
});

Deno.test("set-up: standard descriptors that are the host's null device become the container's", () => {
  const k = run({}, { nullStdio: [0, 2] });
  assertEquals(callsOf(k, "dup3").map(({ args }) => args.slice(1)), [[0, 0], [2, 0]]);
  assertOrder(k, "pivot_root", "dup3", "execve");
});

Deno.test("set-up: the umask is the config's, or 022", () => {
  const last = (k: DryKernel) => callsOf(k, "umask").at(-1)?.args[0];
  assertEquals(last(run()), 0o022);
  assertEquals(last(run({ process: { user: { uid: 0, gid: 0, umask: 0o77 } } })), 0o77);
});

Deno.test("set-up: HOME comes from the container's passwd where the config has none", () => {
  assertEquals(callsOf(run({ process: { env: ["HOME=/h"] } }), "execve")[0].args[2], ["HOME=/h"]);
  assertEquals(callsOf(run({ process: { env: ["A=b"] } }), "execve")[0].args[2], ["A=b", "HOME=/"]);
});

Deno.test("set-up: a working directory outside of the root stops it before there is anything to start", () => {
  const outside: Script = {
    getcwd: (buffer) => {
      (buffer as { bytes: Uint8Array }).bytes.set(new TextEncoder().encode("(unreachable)/x\0"));
      return 16;
    },
  };
  assertThrows(() => run({}, {}, outside), Error, "possible container breakout");
});

Deno.test("set-up: failures of steps without an object name the step", () => {
  for (
    const [call, text] of [
      ["sethostname", "set the hostname"],
      ["pivot_root", "pivot_root into the rootfs"],
      ["setresuid", "set the user id 1000"],
      ["capset", "set the capabilities of the process"],
      ["keyctl", "join a new session keyring"],
    ]
  ) {
    assertThrows(() => run({}, {}, { [call]: -EINVAL }), OperationError, text);
  }
});

Deno.test("set-up: links in /dev that the image has are no failure", () => {
  run({}, {}, { symlinkat: (_target, _dir, name) => name === "ptmx" ? 0 : -EEXIST });
});

/** A host with the default devices; other files are programs. */
function hostDevices(): Script {
  const numbers: Record<string, [number, number]> = {};
  for (const { path, major, minor } of devicesToMake(undefined)) numbers[path] = [major!, minor!];
  let opened = "";
  const note = (_dir: Arg, path: Arg) => void (opened = path as string);
  return {
    openat2: note,
    open_tree: note,
    statx(...args: Arg[]) {
      const [major, minor] = numbers[opened] ?? [];
      return stat(major === undefined ? constants.S_IFREG | 0o755 : constants.S_IFCHR, major, minor)(...args);
    },
  };
}

Deno.test("set-up: in a user namespace, maps come first, and root of it makes all but the first descriptor", () => {
  const user: SetupSteps = {
    birth(setup) {
      setup.k.call("getpid", []);
      setup.groupsDenied = setup.bindDevices = true;
      setup.openHost = (path, flags) => setup.k.open(path, flags | constants.O_NOCTTY);
    },
    identity: ({ k }) => void k.call("setresuid", [0, 0, 0]),
    namespaces: (setup) => void (setup.procfs = setup.openProcfs()),
    shown: ({ k }) => void k.prctl(constants.PR_SET_DUMPABLE, 1),
  };
  const k = run({}, { features: [user] }, hostDevices());
  assertOrder(
    k,
    "getpid",
    "setsid",
    `openat ${constants.AT_FDCWD} "/run/box/exec.fifo"`,
    "setresuid 0 0 0",
    "keyctl",
    'fsopen "proc"',
    `openat ${constants.AT_FDCWD} "/bundle/rootfs"`,
    "pivot_root",
  );
  // Groups cannot change there, and nodes of devices cannot be made.
  assertEquals(names(k).includes("setgroups"), false);
  assertEquals(callsOf(k, "mknodat"), []);
  assertEquals(lines(k, "fsopen").filter((line) => line.includes("proc")).length, 2);
  assertOrder(k, "setresuid 1000", "capset", `prctl ${constants.PR_SET_DUMPABLE} 1`, "openat ");
});
