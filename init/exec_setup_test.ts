import { Buffer } from "../ffi/memory.ts";
import { EACCES, EINVAL, ENOENT, EPERM } from "../ffi/errno.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Answer, DryKernel } from "../ffi/dry.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import type { Process } from "../spec/types.ts";
import type { ExecPlan, ExecSteps, ExecTools } from "./exec_context.ts";
import { setUpExec } from "./exec_setup.ts";

const ALLOW = Uint8Array.from([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
const KILL = Uint8Array.from([6, 0, 0, 0, 0, 0, 0, 0]);
/**
 * STATX_SIZE bytes are what statx(2) fills; a dry kernel leaves them zero, so programs are told by number of
 * calls.
 */
const PROCESS: Process = { user: { uid: 1000, gid: 1000 }, args: ["/bin/true"], cwd: "/", env: ["HOME=/h"] };

function plan(changes: Partial<ExecPlan> = {}): ExecPlan {
  return {
    process: PROCESS,
    pid: 42,
    timeNamespace: false,
    foreignRoot: false,
    keyring: "_ses.x",
    host: { permitted: { low: 0xffffffff, high: 0x1ff }, last: 40 },
    umask: undefined,
    resetAffinity: false,
    limits: [],
    ...changes,
  };
}

const TOOLS: ExecTools = {
  nullStdio: [],
  pidfd: 201,
  report: 202,
  channel: 204,
  arena: 200,
  otherNamespaces: () => 0,
  groupsDenied: () => false,
};

/** Records a whole exec; the program is found, and is executable. */
function record(changes: Partial<ExecPlan> = {}, ...features: ExecSteps[]): DryKernel {
  return recordWith({ features }, changes);
}

/** What is otherwise than usual. */
interface Otherwise extends Partial<ExecTools> {
  features?: readonly ExecSteps[];
  answer?: Answer;
}

function recordWith(otherwise: Otherwise, changes: Partial<ExecPlan> = {}): DryKernel {
  const { features = [], answer = () => undefined, ...tools } = otherwise;
  const kernel: DryKernel = new DryKernel((name, args) => {
    const answered = answer(name, args);
    if (answered !== undefined) return answered;
    const into = args.find((arg) => typeof arg === "object" && arg !== null && "bytes" in arg) as
      | { bytes: Uint8Array }
      | undefined;
    // A regular file of mode 0755, and a working directory that is one.
    if (name === "statx") into!.bytes.set([0xed, 0x81], 28);
    if (name === "getcwd") into!.bytes[0] = 0x2f;
    return undefined;
  });
  setUpExec(kernel, plan(changes), { ...TOOLS, ...tools }, features).release();
  return kernel;
}

/** What the seccomp feature does. */
const filtered = (program: Uint8Array, flags = 0): ExecSteps => ({
  filter: (setup) => void (setup.filter = { program, flags }),
});

const names = (kernel: DryKernel) => kernel.calls.map(({ name }) => name);

Deno.test("exec: every right is gone before the process is cloned, and it makes few calls of its own", () => {
  const all = names(record());
  const clone = all.indexOf("clone");
  for (const name of ["setns", "keyctl", "setgroups", "setresgid", "setresuid", "capset", "close"] as const) {
    assert(all.lastIndexOf(name) < clone && all.includes(name), name);
  }
  assertEquals(all.slice(clone + 1, clone + 3), ["setsid", "execve"]);
});

Deno.test("exec: the process shares neither memory nor a line with tsrun", () => {
  const lines = record().lines();
  const clone = lines.findIndex((line) => line.startsWith("clone "));
  const before = lines.slice(clone - 3, clone);
  assert(before[0].startsWith("mmap "), before[0]);
  assertEquals(before.slice(1), ["close 200", "close 204"]);
});

Deno.test("exec: a user namespace is joined together with what differs from the runtime's, and its root is become", () => {
  const flags = 0x10000000 + 0x20000000 + 0x00020000;
  for (const groupsDenied of [false, true]) {
    const host: ExecSteps["host"] = (setup) => {
      setup.joined = flags;
      setup.groupsDenied = groupsDenied;
    };
    const identity: ExecSteps["identity"] = ({ k }) => void k.call("setresuid", [0, 0, 0]);
    const kernel = record({ timeNamespace: true }, { host, identity });
    assertEquals(kernel.lines().filter((line) => line.startsWith("setns ")), [`setns 201 ${flags}`]);
    const ids = kernel.lines().filter((line) => /^set(groups|resuid) /.test(line));
    const users = ["setresuid 0 0 0", "setresuid 1000 1000 1000"];
    assertEquals(ids.filter((line) => line.startsWith("setresuid")), users);
    assertEquals(ids.length, groupsDenied ? 2 : 3);
  }
});

Deno.test("exec: a root that is no namespace's is entered by chroot", () => {
  const all = names(record({ foreignRoot: true }));
  assert(all.indexOf("openat") < all.indexOf("setns") && all.indexOf("setns") < all.indexOf("chroot"));
});

Deno.test("exec: a filter is loaded by the process with no-new-privileges, else by the joiner", () => {
  const filter = filtered(ALLOW);
  const own = names(record({ process: { ...PROCESS, noNewPrivileges: true } }, filter));
  assert(own.indexOf("clone") < own.indexOf("seccomp") && own.indexOf("seccomp") < own.indexOf("execve"));
  const joiners = names(record({}, filter));
  const order = ["mmap", "seccomp", "capset", "clone", "setsid", "execve"] as const;
  assertEquals(
    order.map((name) => joiners.lastIndexOf(name)),
    order.map((name) => joiners.lastIndexOf(name)).sort((a, b) => a - b),
  );
});

Deno.test("exec: a filter that would stop the joiner is loaded by the process, which drops the right afterwards", () => {
  const all = names(record({}, filtered(KILL)));
  assert(all.indexOf("clone") < all.indexOf("seccomp"));
  assert(
    all.indexOf("seccomp") < all.lastIndexOf("capset") && all.lastIndexOf("capset") < all.indexOf("execve"),
  );
});

Deno.test("exec: a filter that asks must not ask about the joiner", () => {
  const asks: ExecSteps = { filter: (setup) => void (setup.asks = true) };
  assertThrows(
    () => record({}, filtered(KILL, 8), asks),
    Error,
    "exec under a filter that asks: it must allow read",
  );
  const all = names(record({}, filtered(ALLOW, 8), asks));
  assert(!all.includes("seccomp"));
});

Deno.test("exec: limits are the process's last step before its filter", () => {
  const limits = [{ resource: 7, soft: 1, hard: 2, doing: "set RLIMIT_NOFILE" }];
  const lines = record({ limits }).lines();
  const at = lines.findIndex((line) => line.startsWith("prlimit64 "));
  assertEquals(lines[at], "prlimit64 0 7 [1,2] 0");
  assert(lines[at + 1].startsWith('execve "/bin/true"'));
});

Deno.test("exec: a missing working directory is not made", () => {
  const kernel = new DryKernel((name) => name === "chdir" ? -2 : undefined);
  assertThrows(
    () => setUpExec(kernel, plan({ process: { ...PROCESS, cwd: "/nope" } }), TOOLS, []),
    Error,
    'chdir to cwd ("/nope") set in config.json failed: no such file or directory',
  );
});

Deno.test("exec: a working directory that only the user may enter has to lie in the root, too", () => {
  for (const [second, outside] of [["/home", false], ["(unreachable)/home", true], ["", true]] as const) {
    let entered = 0, asked = 0;
    const kernel = new DryKernel((name, args) => {
      const bytes = args.flatMap((arg) => arg instanceof Buffer ? [arg.bytes] : [])[0];
      if (name === "statx") bytes.set([0xed, 0x81], 28);
      if (name === "chdir") return entered++ === 0 ? -EACCES : 0;
      if (name === "getcwd") bytes.set(new TextEncoder().encode(asked++ === 0 ? "/" : second));
      return name === "getcwd" && asked === 2 && second === "" ? -ENOENT : undefined;
    });
    const setUp = () =>
      setUpExec(kernel, plan({ process: { ...PROCESS, cwd: "/home" } }), TOOLS, []).release();
    if (outside) assertThrows(setUp, Error, "outside of container mount namespace root");
    else setUp();
    assertEquals([entered, asked], [2, 2]);
    assertEquals(names(kernel).includes("execve"), !outside);
  }
});

Deno.test("exec: where joining all namespaces is refused, those are joined that are other than the runtime's", () => {
  const { pid, mount } = NAMESPACES;
  const all = pid.flag | mount.flag;
  const refuse = (errno: number): Answer => (name, [, flags]) =>
    name === "setns" && flags !== all ? -errno : undefined;
  const setns = (kernel: DryKernel) =>
    kernel.calls.filter(({ name }) => name === "setns").map(({ args }) => args[1]);
  const kernel = recordWith({ otherNamespaces: () => all, answer: refuse(EPERM) });
  assertEquals(setns(kernel).slice(1), [all]);
  assertEquals(setns(recordWith({ answer: refuse(EPERM) })).length, 1);
  assertThrows(
    () => recordWith({ otherNamespaces: () => all, answer: refuse(EINVAL) }),
    Error,
    "join the namespaces",
  );
});

Deno.test("exec: groups are left where the runtime's user namespace denies them, and only there", () => {
  const answer: Answer = (name) => name === "setgroups" ? -EPERM : undefined;
  assert(names(recordWith({ groupsDenied: () => true, answer })).includes("execve"));
  assertThrows(() => recordWith({ answer }), Error, "set the additional groups: operation not permitted");
});
