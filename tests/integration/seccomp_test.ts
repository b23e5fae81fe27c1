/** `linux.seccomp`: actions, arguments, errno, flags, and when the filter is loaded. */
import { assert, assertEquals } from "@std/assert";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

const ALLOW = { defaultAction: "SCMP_ACT_ALLOW", architectures: [architecture()] };

/** A profile that allows everything but one system call. */
function except(name: string, action: string, more: Dict = {}): Dict {
  return { ...ALLOW, syscalls: [{ names: [name], action, ...more }] };
}

contract("seccomp: a filter is loaded, and only then", async (box) => {
  const seccomp = except("mkdir", "SCMP_ACT_ERRNO");
  assertEquals((await box.container().probe()).status.Seccomp, "0");
  assertEquals((await box.container().probe({ linux: { seccomp } })).status.Seccomp, "2");
  assertEquals(
    (await box.container().probe({ linux: { seccomp }, process: { noNewPrivileges: false } })).status.Seccomp,
    "2",
  );
});

contract("seccomp: ERRNO is EPERM unless errnoRet says otherwise", async (box) => {
  const attempt = async (more: Dict) => {
    const seccomp = {
      ...ALLOW,
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", ...more }],
    };
    return (await box.container({ process: { args: sh("mkdir /x 2>&1") }, linux: { seccomp } }).run()).stdout;
  };
  const message = (reason: string) => `mkdir: can't create directory '/x': ${reason}\n`;
  assertEquals(await attempt({}), message("Operation not permitted"));
  assertEquals(await attempt({ errnoRet: 38 }), message("Function not implemented"));
  assertEquals(await attempt({ errnoRet: 28 }), message("No space left on device"));
});

contract("seccomp: an errno for an action that has none is an error", async (box) => {
  const profiles = [
    { ...except("mkdir", "SCMP_ACT_ERRNO"), defaultErrnoRet: 1 },
    except("mkdir", "SCMP_ACT_LOG", { errnoRet: 1 }),
  ];
  for (const seccomp of profiles) {
    assertError(await box.container({ linux: { seccomp } }).create(), /[eE]rrnoRet/);
  }
  await box.assertNothingLeft();
}, { notOnReference: "runc ignores it, against the runtime-spec" });

contract("seccomp: a list of what is allowed, with a default errno", async (box) => {
  // All that busybox needs for this script, and no mkdir.
  const names =
    ("access arch_prctl brk chdir clone close dup dup2 dup3 epoll_ctl epoll_pwait execve exit exit_group fchown fcntl " +
      "fstat fstatfs futex getcwd getdents64 getegid geteuid getgid getpgrp getpid getppid getrandom gettid getuid ioctl lseek lstat " +
      "madvise mmap mprotect munmap nanosleep newfstatat open openat pipe2 poll prctl pread64 prlimit64 read readlink readlinkat rseq rt_sigaction " +
      "rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield set_robust_list set_tid_address setgid setgroups setuid sigaltstack stat " +
      "statx sysinfo tgkill uname wait4 write writev capset capget faccessat faccessat2 close_range statfs fchdir openat2")
      .split(" ");
  const seccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 95,
    architectures: [architecture()],
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
  };
  const { stdout, stderr } = await box.container({
    process: { args: sh("mkdir /x 2>&1; echo still here") },
    linux: { seccomp },
  }).run();
  assertEquals(stdout, "mkdir: can't create directory '/x': Operation not supported\nstill here\n", stderr);
});

contract("seccomp: KILL actions end the process with SIGSYS", async (box) => {
  for (const action of ["SCMP_ACT_KILL", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS"]) {
    const seccomp = { ...ALLOW, syscalls: [{ names: ["mkdir", "mkdirat"], action }] };
    const direct = box.container({ process: { args: ["/bin/mkdir", "/x"] }, linux: { seccomp } });
    assertEquals((await direct.run()).code, 128 + 31, action);
    const child = box.container({ process: { args: sh("mkdir /x; echo $?") }, linux: { seccomp } });
    assertEquals((await child.run()).stdout, "159\n", action);
  }
});

contract("seccomp: TRAP sends SIGSYS, LOG lets the call through", async (box) => {
  const attempt = (action: string) => {
    const seccomp = { ...ALLOW, syscalls: [{ names: ["mkdir", "mkdirat"], action }] };
    return box.container({ process: { args: sh("mkdir /x; echo $?") }, linux: { seccomp } }).output();
  };
  assertEquals(await attempt("SCMP_ACT_TRAP"), "159\n");
  assertEquals(await attempt("SCMP_ACT_LOG"), "0\n");
});

contract("seccomp: arguments are compared by each operator", async (box) => {
  // kill(2) with signal numbers that a shell can send to itself harmlessly: 0, and ignored ones.
  const attempt = async (op: string, value: number, valueTwo = 0) => {
    const args = [{ index: 1, value, valueTwo, op }];
    const seccomp = { ...ALLOW, syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", args }] };
    const script =
      "trap '' HUP USR1 USR2 TERM; for s in 0 1 10 12 15; do kill -$s $$ 2>/dev/null && echo -n $s,; done; true";
    return await box.container({ process: { args: sh(script) }, linux: { seccomp } }).output();
  };
  assertEquals(await attempt("SCMP_CMP_EQ", 10), "0,1,12,15,");
  assertEquals(await attempt("SCMP_CMP_NE", 10), "10,");
  assertEquals(await attempt("SCMP_CMP_LT", 10), "10,12,15,");
  assertEquals(await attempt("SCMP_CMP_LE", 10), "12,15,");
  assertEquals(await attempt("SCMP_CMP_GT", 10), "0,1,10,");
  assertEquals(await attempt("SCMP_CMP_GE", 10), "0,1,");
  assertEquals(await attempt("SCMP_CMP_MASKED_EQ", 8, 8), "0,1,");
});

contract("seccomp: several arguments must all match, two of one index either", async (box) => {
  const attempt = async (...args: Dict[]) => {
    const seccomp = { ...ALLOW, syscalls: [{ names: ["kill"], action: "SCMP_ACT_ERRNO", args }] };
    const script = "trap '' HUP USR1; for s in 0 1 10; do kill -$s 1 2>/dev/null && echo -n $s,; done; true";
    return await box.container({ process: { args: sh(script) }, linux: { seccomp } }).output();
  };
  const equal = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_EQ" });
  assertEquals(await attempt(equal(0, 1), equal(1, 10)), "0,1,");
  assertEquals(await attempt(equal(0, 2), equal(1, 10)), "0,1,10,");
  assertEquals(await attempt(equal(1, 1), equal(1, 10)), "0,");
});

contract("seccomp: names that this kernel or library does not know are left out", async (box) => {
  const syscalls = [{ names: ["not_a_system_call", "mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }];
  const container = box.container({
    process: { args: sh("mkdir /x 2>/dev/null || echo refused") },
    linux: { seccomp: { ...ALLOW, syscalls } },
  });
  assertEquals(await container.output(), "refused\n");
});

contract("seccomp: flags", async (box) => {
  const flagged = (...flags: string[]) => ({
    linux: { seccomp: { ...except("mkdir", "SCMP_ACT_ERRNO"), flags } },
  });
  for (
    const flag of ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_TSYNC"]
  ) {
    assertOk(await box.container(flagged(flag)).run());
  }
  assertError(
    await box.container(flagged("SECCOMP_FILTER_FLAG_NONSENSE")).run(),
    /SECCOMP_FILTER_FLAG_NONSENSE/,
  );
}, { notOnReference: "runc 1.1.5 supports no flags" });

contract("seccomp: nonsense is an error", async (box) => {
  const attempt = (seccomp: Dict) => box.container({ linux: { seccomp } }).create();
  assertError(await attempt({ defaultAction: "SCMP_ACT_NONSENSE" }), /SCMP_ACT_NONSENSE|seccomp/);
  assertError(await attempt(except("mkdir", "SCMP_ACT_NONSENSE")), /SCMP_ACT_NONSENSE|seccomp/);
  assertError(
    await attempt({ ...ALLOW, architectures: ["SCMP_ARCH_NONSENSE"], syscalls: [] }),
    /SCMP_ARCH_NONSENSE|seccomp|arch/,
  );
  const args = [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }];
  assert((await attempt(except("mkdir", "SCMP_ACT_ERRNO", { args }))).code !== 0);
  await box.assertNothingLeft();
});

contract(
  "seccomp: the runtime's own last calls are not caught by a filter that is loaded late",
  async (box) => {
    const names = [
      "mount",
      "umount2",
      "pivot_root",
      "setns",
      "unshare",
      "sethostname",
      "clone3",
      "openat2",
      "fsopen",
      "move_mount",
    ];
    const seccomp = { ...ALLOW, syscalls: [{ names, action: "SCMP_ACT_KILL_PROCESS" }] };
    for (const noNewPrivileges of [true, false]) {
      const container = box.container({
        process: { args: sh("echo fine"), noNewPrivileges },
        linux: { seccomp },
      });
      assertEquals(await container.output(), "fine\n");
    }
  },
);

contract("seccomp: with noNewPrivileges only the last steps are under the filter", async (box) => {
  const names = ["setgroups", "capset", "chdir", "fchown"]; // busybox itself calls setuid and prctl
  const seccomp = { ...ALLOW, syscalls: [{ names, action: "SCMP_ACT_KILL_PROCESS" }] };
  const process = { args: ["/bin/echo", "fine"], noNewPrivileges: true, user: { uid: 0, gid: 0 } };
  const container = box.container({ process, linux: { seccomp } });
  assertEquals((await container.run()).code, 0, container.stderr());
});

contract("seccomp: programs compiled for two architectures in one filter", async (box) => {
  const both = architecture() === "SCMP_ARCH_X86_64"
    ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    : ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"];
  const seccomp = {
    ...ALLOW,
    architectures: both,
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
  };
  const args = sh("mkdir /x 2>/dev/null || echo refused");
  for (let run = 0; run < 2; run++) {
    assertEquals(await box.container({ process: { args }, linux: { seccomp } }).output(), "refused\n");
  }
});

function architecture(): string {
  return Deno.build.arch === "aarch64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
}
