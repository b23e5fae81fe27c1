/** The program that waits for `start`, run by a real executor, and the reports that it writes. */
import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_FDCWD,
  O_CLOEXEC,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  PR_SET_DUMPABLE,
  PR_SET_NO_NEW_PRIVS,
  S_IFIFO,
  SECCOMP_SET_MODE_FILTER,
} from "../ffi/constants.ts";
import { EPERM } from "../ffi/errno.ts";
import { local } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import type { Hook } from "../spec/types.ts";
import { callsOf, names, scripted } from "../tests/lib/scripted.ts";
import { Arena, spawnExecutor } from "./executor.ts";
import { recordStart, type StartPlan } from "./start_program.ts";
import { decodeStartReport, REPORT_SIZE } from "./start_report.ts";

/** Return "allow", as a filter: one instruction. */
const ALLOW = new Uint8Array([6, 0, 0, 0, 0, 0, 0xff, 0x7f]);
/** An instruction that does not exist. */
const NONSENSE = new Uint8Array([0xff, 0xff, 0, 0, 0, 0, 0, 0]);

function sh(script: string): Hook {
  return { path: "/bin/sh", args: ["sh", "-c", script] };
}

function planOf(more: Partial<StartPlan> & { args?: string[] }): StartPlan {
  return {
    process: { args: more.args ?? ["/bin/true"], cwd: "/", user: { uid: 0, gid: 0 } },
    path: more.args?.[0] ?? "/bin/true",
    env: ["A=b"],
    procfs: 0,
    fifo: 0,
    channel: 202,
    hooks: [],
    hookSetting: { state: "{}", env: [] },
    filter: null,
    dropRights: undefined,
    ...more,
  };
}

/** What the reader of exec.fifo gets to know: "" for success. */
function start(
  directory: string,
  more: Parameters<typeof planOf>[0],
  before?: (k: RemoteKernel) => void,
): string {
  const path = `${directory}/fifo`;
  local().mknodat(AT_FDCWD, path, S_IFIFO | 0o600, 0);
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const { kernel: k } = executor;
  const fifo = k.open(path, O_PATH | O_NOFOLLOW), procfs = k.open("/proc", O_PATH | O_DIRECTORY);
  before?.(k);
  k.flush();
  recordStart(k, planOf({ ...more, fifo: fifo.wait(), procfs, channel: executor.channelFd }));
  k.release(k.program());
  const report = Deno.readFileSync(path);
  executor.reap();
  return report.length === 0 ? "" : decodeStartReport(report, more.hooks ?? []);
}

function inDirectory(name: string, test: (directory: string) => void) {
  Deno.test(`start program: ${name}`, () => {
    const directory = Deno.makeTempDirSync();
    try {
      test(directory);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  });
}

inDirectory(
  "an end of file tells that the program runs, with its arguments and its environment",
  (directory) => {
    const args = ["/bin/sh", "-c", `echo "$0 $1 $A" >${directory}/ran`, "zero", "one"];
    assertEquals(start(directory, { args }), "");
    assertEquals(Deno.readTextFileSync(`${directory}/ran`), "zero one b\n");
  },
);

inDirectory("what cannot be executed is reported", (directory) => {
  assertEquals(start(directory, { args: ["/no/such"] }), "exec /no/such: no such file or directory");
});

inDirectory("hooks run first, in order", (directory) => {
  const hooks = [sh(`echo 1 >>${directory}/order`), sh(`echo 2 >>${directory}/order`)];
  const args = ["/bin/sh", "-c", `echo 3 >>${directory}/order`];
  assertEquals(start(directory, { hooks, args }), "");
  assertEquals(Deno.readTextFileSync(`${directory}/order`), "1\n2\n3\n");
});

inDirectory("a failing hook ends it: reported with its number and its output", (directory) => {
  const hooks = [sh("true"), sh("echo why >&2; exit 4"), sh(`echo >${directory}/never`)];
  const args = ["/bin/sh", "-c", `echo >${directory}/never`];
  assertEquals(
    start(directory, { hooks, args }),
    "error running startContainer hook #1: exit status 4, stdout: , stderr: why",
  );
  assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["fifo"]);
});

inDirectory("a hook that a signal ends, and one that is not there", (directory) => {
  assertEquals(
    start(directory, { hooks: [sh("kill -9 $$")] }),
    "error running startContainer hook #0: signal: killed, stdout: , stderr: ",
  );
  Deno.removeSync(`${directory}/fifo`);
  assertEquals(
    start(directory, { hooks: [{ path: "/no/hook" }] }),
    "error running startContainer hook #0: fork/exec /no/hook: no such file or directory",
  );
});

inDirectory("a hook for which there is no process left is reported", (directory) => {
  // RLIMIT_NPROC binds every user but root, so the process runs as another user.
  if (Deno.uid() !== 0) return;
  Deno.chmodSync(directory, 0o755);
  const report = start(directory, { hooks: [sh("true")] }, (k) => {
    k.call("fchownat", [AT_FDCWD, `${directory}/fifo`, 54321, 54321, 0]);
    k.prlimit(0, 6, 0, 0);
    k.call("setresuid", [54321, 54321, 54321]);
    k.prctl(PR_SET_DUMPABLE, 1);
  });
  assertEquals(report, "start startContainer hook #0: resource temporarily unavailable");
});

inDirectory("a filter is loaded before the program", (directory) => {
  const args = ["/bin/sh", "-c", `/bin/grep Seccomp: /proc/self/status >${directory}/ran`];
  const filter = { program: ALLOW, flags: 0 };
  assertEquals(start(directory, { filter, args }, (k) => k.prctl(PR_SET_NO_NEW_PRIVS, 1)), "");
  assertEquals(Deno.readTextFileSync(`${directory}/ran`), "Seccomp:\t2\n");
});

inDirectory("a filter that the kernel refuses is reported, and nothing is executed", (directory) => {
  const args = ["/bin/sh", "-c", `echo >${directory}/never`];
  const report = start(directory, { filter: { program: NONSENSE, flags: 0 }, args }, (k) => {
    k.prctl(PR_SET_NO_NEW_PRIVS, 1);
  });
  assertEquals(report, "load the seccomp filter: invalid argument");
  assertThrows(() => Deno.statSync(`${directory}/never`));
});

inDirectory("capabilities that cannot be set are reported", (directory) => {
  const dropRights: StartPlan["dropRights"] = (k, branches) => k.call("capset", [0, 0], branches);
  assertEquals(start(directory, { dropRights }), "set the capabilities of the process: bad address");
});

Deno.test("start program: rights are dropped behind the filter, and nothing else is between it and execve", () => {
  const k = scripted();
  const filter = { program: ALLOW, flags: 5 };
  recordStart(k, planOf({ filter, dropRights: (k, branches) => k.call("capset", [], branches) }));
  const list = names(k), at = list.indexOf("seccomp");
  assertEquals(list.slice(0, at + 3), ["close", "openat", "seccomp", "capset", "execve"]);
  assertEquals(callsOf(k, "seccomp")[0].args.slice(0, 2), [SECCOMP_SET_MODE_FILTER, 5]);
  assertEquals((callsOf(k, "seccomp")[0].args[2] as number[])[0], 1);
});

Deno.test("start program: a filter that forbids exit does not keep a failed process alive", () => {
  const k = scripted({ execve: -EPERM });
  recordStart(k, planOf({}));
  assertEquals(names(k).slice(-2), ["exit_group", "branch"]);
});

Deno.test("start program: the fifo is reopened through the descriptor of it, for writing", () => {
  const k = scripted();
  recordStart(k, planOf({ procfs: 7, fifo: 9 }));
  assertEquals(callsOf(k, "openat")[0].args, [7, "self/fd/9", O_WRONLY | O_CLOEXEC, 0]);
});

Deno.test("start report: an errno and a text, however long", () => {
  const report = new Uint8Array(REPORT_SIZE + 100).fill(0x78);
  new DataView(report.buffer).setBigInt64(0, -13n, true);
  assertEquals(decodeStartReport(report, []).endsWith("xxx: permission denied"), true);
  assertEquals(decodeStartReport(report.slice(0, 8), []), ": permission denied");
});
