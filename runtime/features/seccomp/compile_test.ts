/** Programs made by libseccomp, run in an interpreter and compared with what the profile says. */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { type Condition, SeccompFilter } from "../../../ffi/libseccomp.ts";
import { type SyscallName, syscallNames, syscallNumber } from "../../../ffi/syscalls.ts";
import type { LinuxSeccomp, LinuxSyscall } from "../../../spec/linux.ts";
import { SECCOMP_ARCHS, type SeccompArch } from "../../../spec/seccomp.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { compileProfile, nativeArch } from "./compile.ts";
import { planSeccomp, type SeccompPlan } from "./profile.ts";
import { allSyscallNames, hasLibseccomp, runFilter } from "./bpf_testing.ts";

const ALLOW = 0x7fff0000, KILL = 0, ERRNO = 0x50000, ENOSYS = 38;
const X32_BIT = 0x4000_0000;
/**
 * Architectures of these tests whose arguments are 32 bits wide to libseccomp: filters see the low halves.
 */
const NARROW: readonly SeccompArch[] = ["SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_ARM"];
const ARCHS: SeccompArch[] = [
  "SCMP_ARCH_X86_64",
  "SCMP_ARCH_X86",
  "SCMP_ARCH_X32",
  "SCMP_ARCH_AARCH64",
  "SCMP_ARCH_ARM",
];

function test(name: string, fn: () => void) {
  Deno.test({ name, ignore: !hasLibseccomp, sanitizeResources: false, fn });
}

function compile(profile: LinuxSeccomp): Uint8Array {
  return compileProfile(profile, () => {}).program;
}

/** What the kernel calls the architecture: x32 is x86-64 with a bit in the number. */
function auditArch(arch: SeccompArch): number {
  return arch === "SCMP_ARCH_X32" ? SECCOMP_ARCHS.SCMP_ARCH_X86_64 : SECCOMP_ARCHS[arch];
}

function args(...values: (number | bigint)[]): bigint[] {
  return Array.from({ length: 6 }, (_, i) => BigInt(values[i] ?? 0));
}

/** Whether a condition holds, by the words of seccomp_rule_add(3). */
function holds({ arg, op, a, b }: Condition, values: readonly bigint[]): boolean {
  const value = values[arg];
  return [value !== a, value < a, value <= a, value === a, value >= a, value > a, (value & a) === b][op - 1];
}

/** Numbers of a profile's calls on one architecture, and what it then says of any call. */
class Meaning {
  readonly #rules = new Map<number, SeccompPlan["rules"]>();
  readonly #largest: number;

  constructor(readonly plan: SeccompPlan, readonly arch: SeccompArch, readonly newer: number) {
    using filter = new SeccompFilter(ALLOW, plan.rules.map((rule) => rule.name));
    for (const rule of plan.rules) {
      const number = filter.resolve(rule.name, SECCOMP_ARCHS[arch]) ?? -1;
      this.#rules.set(number, [...this.#rules.get(number) ?? [], rule]);
    }
    this.#largest = Math.max(...this.#rules.keys());
  }

  of(nr: number, values: readonly bigint[]): number {
    const seen = NARROW.includes(this.arch) ? values.map((value) => value & 0xffff_ffffn) : values;
    const rule = this.#rules.get(nr)?.find(({ alternatives }) =>
      alternatives.some((conditions) => conditions.every((condition) => holds(condition, seen)))
    );
    return rule?.action ?? (nr > this.#largest ? this.newer : this.plan.defaultAction);
  }
}

/** Compares program and profile for every call of an architecture, with each set of arguments. */
function compare(
  profile: LinuxSeccomp,
  arch: SeccompArch,
  newer: number,
  argumentSets: bigint[][],
  except: number[] = [],
) {
  const program = compile(profile);
  const meaning = new Meaning(planSeccomp(profile), arch, newer);
  const base = arch === "SCMP_ARCH_X32" ? X32_BIT : 0;
  for (let i = 0; i < 600; i++) {
    const nr = base + i;
    if (except.includes(i)) continue;
    for (const values of argumentSets) {
      const answer = runFilter(program, { nr, arch: auditArch(arch), args: values });
      assertEquals(answer, meaning.of(nr, values), `${arch} ${nr} (${values})`);
    }
  }
}

const EQ = "SCMP_CMP_EQ";
const CLONE_NEW = 0x7e02_0000;
/** Conditions like those of the container engines' default profiles: alternatives by rule, masks, ranges. */
const CONDITIONAL: LinuxSyscall[] = [
  ...[0, 8, 0x20000, 0x20008, 0xffff_ffff].map((value): LinuxSyscall => ({
    names: ["personality"],
    action: "SCMP_ACT_ALLOW",
    args: [{ index: 0, value, op: EQ }],
  })),
  {
    names: ["clone"],
    action: "SCMP_ACT_ALLOW",
    args: [{ index: 0, value: CLONE_NEW, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }],
  },
  { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS },
  { names: ["setns"], action: "SCMP_ACT_ALLOW", args: [{ index: 1, value: 38, op: "SCMP_CMP_LT" }] },
  { names: ["unshare"], action: "SCMP_ACT_ALLOW", args: [{ index: 0, value: 40, op: "SCMP_CMP_GT" }] },
  { names: ["no_such_call_at_all", "näme", "read\0"], action: "SCMP_ACT_ALLOW" },
];
const CONDITIONAL_NAMES = CONDITIONAL.flatMap((rule) => rule.names);
const INTERESTING = [
  0,
  8,
  9,
  37,
  38,
  39,
  40,
  41,
  0x20000,
  0x20008,
  0x2000_0000,
  CLONE_NEW,
  0x0001_0000,
  0xffff_ffff,
  0x1_0000_0008,
];
/**
 * On 32-bit x86 the socket and System V IPC calls have a number of their own and a place in socketcall or
 * ipc. libseccomp filters both, but resolves a name to the latter only: these numbers are left out.
 */
const MULTIPLEXED = [102, 117, 337, 345, ...range(359, 373), ...range(393, 402)];

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

/** A deny-by-default profile as large as the engines' own. */
function large(architectures: SeccompArch[]): LinuxSeccomp {
  const names = allSyscallNames(nativeArch).filter((name, i) =>
    i % 9 !== 4 && !CONDITIONAL_NAMES.includes(name)
  );
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    architectures,
    syscalls: [{ names, action: "SCMP_ACT_ALLOW" }, ...CONDITIONAL],
  };
}

for (const arch of ARCHS) {
  test(`a large profile means on ${arch} what it says`, () => {
    const sets = INTERESTING.flatMap((value) => [args(value), args(0, value)]);
    compare(large(ARCHS), arch, ERRNO + ENOSYS, sets, arch === "SCMP_ARCH_X86" ? MULTIPLEXED : []);
  });
}

test("the numbers of both our architectures are the kernel's", () => {
  const names = syscallNames();
  using filter = new SeccompFilter(ALLOW, names);
  const number = (name: SyscallName, token: number) => {
    const resolved = filter.resolve(name, token);
    // A libseccomp older than the call does not know it.
    return resolved === undefined ? "unknown" : resolved;
  };
  const known = names.filter((name) => number(name, nativeArch) !== "unknown");
  assertEquals(known.length > 80, true);
  for (const name of known) {
    assertEquals(number(name, SECCOMP_ARCHS.SCMP_ARCH_X86_64), syscallNumber(name, "x86_64"), name);
    assertEquals(number(name, SECCOMP_ARCHS.SCMP_ARCH_AARCH64), syscallNumber(name, "aarch64"), name);
  }
});

test("every operator compares all 64 bits", () => {
  const value = 0x1_0000_0005n;
  const around = [0n, 5n, value - 1n, value, value + 1n, 0x2_0000_0000n, 0xffff_ffff_ffff_ffffn].map((v) =>
    args(0, 0, v)
  );
  for (const op of ["NE", "LT", "LE", "EQ", "GE", "GT"] as const) {
    const profile: LinuxSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      syscalls: [{
        names: ["lseek"],
        action: "SCMP_ACT_ERRNO",
        errnoRet: 5,
        args: [{ index: 2, value, op: `SCMP_CMP_${op}` }],
      }],
    };
    compare(profile, "SCMP_ARCH_X86_64", ALLOW, around);
    compare(profile, "SCMP_ARCH_AARCH64", ALLOW, around);
  }
  const mask: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{
      names: ["lseek"],
      action: "SCMP_ACT_ERRNO",
      args: [{ index: 2, value: 0xffff_ffff_ffff_fffcn, valueTwo: 0x1_0000_0004n, op: "SCMP_CMP_MASKED_EQ" }],
    }],
  };
  compare(mask, nativeName(), ALLOW, around);
});

function nativeName(): SeccompArch {
  return Deno.build.arch === "aarch64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
}

test("conditions on several arguments must all hold, on one argument any of them", () => {
  const condition = (index: number, value: number) => ({ index, value, op: EQ } as const);
  const sets = [args(1, 2), args(1, 3), args(3, 2), args(3, 3), args(2, 1)];
  for (
    const conditions of [[condition(0, 1), condition(1, 2)], [condition(0, 1), condition(0, 3)], [
      condition(0, 1),
      condition(1, 2),
      condition(0, 3),
    ]]
  ) {
    const profile: LinuxSeccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["ioctl"], action: "SCMP_ACT_ERRNO", args: conditions }],
    };
    compare(profile, nativeName(), ALLOW, sets);
  }
});

test("every action reaches the program", () => {
  const actions = {
    SCMP_ACT_KILL: 0,
    SCMP_ACT_KILL_THREAD: 0,
    SCMP_ACT_KILL_PROCESS: 0x80000000,
    SCMP_ACT_TRAP: 0x30000,
    SCMP_ACT_ERRNO: 0x50001,
    SCMP_ACT_TRACE: 0x7ff00001,
    SCMP_ACT_LOG: 0x7ffc0000,
    SCMP_ACT_NOTIFY: 0x7fc00000,
  } as const;
  for (const [action, answer] of Object.entries(actions) as [keyof typeof actions, number][]) {
    const rule = compile({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdirat"], action }] });
    const run = (program: Uint8Array, name: SyscallName) =>
      runFilter(program, { nr: syscallNumber(name), arch: nativeArch, args: args() });
    assertEquals([run(rule, "mkdirat"), run(rule, "openat")], [answer, ALLOW], action);
    if (action === "SCMP_ACT_NOTIFY") continue;
    const fallback = compile({
      defaultAction: action,
      syscalls: [{ names: ["openat", "mount_setattr"], action: "SCMP_ACT_ALLOW" }],
    });
    assertEquals([run(fallback, "mkdirat"), run(fallback, "openat")], [answer, ALLOW], action);
  }
});

test("a rule that says what the default says is no rule, one with another error number is", () => {
  const profile: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    syscalls: [
      { names: ["mkdirat"], action: "SCMP_ACT_ERRNO" },
      { names: ["openat"], action: "SCMP_ACT_ERRNO", errnoRet: 5 },
    ],
  };
  compare(profile, nativeName(), ERRNO + ENOSYS, [args()]);
});

test("architectures that the profile does not name are killed", () => {
  const program = compile({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO" }],
  });
  const foreign = ARCHS.filter((arch) =>
    SECCOMP_ARCHS[arch] !== nativeArch && auditArch(arch) !== nativeArch
  );
  for (const arch of foreign) {
    assertEquals(runFilter(program, { nr: 1, arch: auditArch(arch), args: args() }), KILL, arch);
  }
});

test("a profile that knows no call leaves unknown calls to its default", () => {
  const program = compile({
    defaultAction: "SCMP_ACT_ERRNO",
    syscalls: [{ names: ["no_such_call_at_all"], action: "SCMP_ACT_ALLOW" }],
  });
  assertEquals(runFilter(program, { nr: 5000, arch: nativeArch, args: args() }), ERRNO + 1);
});

test("what libseccomp refuses is told in one line with the call's name", () => {
  const args = [{ index: 0, value: 1, op: EQ } as const];
  const contradiction: LinuxSeccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [
      { names: ["mkdirat"], action: "SCMP_ACT_ERRNO", args },
      { names: ["mkdirat"], action: "SCMP_ACT_KILL", args },
    ],
  };
  assertThrows(
    () => compile(contradiction),
    RuntimeError,
    "error adding seccomp filter rule for syscall mkdirat: ",
  );
  const bigEndian: LinuxSeccomp = { defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_S390X"] };
  assertThrows(
    () => compile(bigEndian),
    RuntimeError,
    "error adding architecture SCMP_ARCH_S390X to seccomp filter: seccomp_arch_add(0x80000016): ",
  );
});

test("ignored names are told", () => {
  const lines: string[] = [];
  compileProfile(large([]), (line) => lines.push(line));
  assertEquals(
    lines,
    ["no_such_call_at_all", "näme", "read\0"].map((name) =>
      `unknown seccomp syscall ${JSON.stringify(name)} ignored`
    ),
  );
});

test("compile: every architecture has a filter, or the library's refusal names it", () => {
  let taken = 0;
  for (const arch of Object.keys(SECCOMP_ARCHS) as SeccompArch[]) {
    const syscalls: LinuxSyscall[] = [{ names: ["acct"], action: "SCMP_ACT_ERRNO" }];
    try {
      const program = compile({ defaultAction: "SCMP_ACT_ALLOW", architectures: [arch], syscalls });
      assertEquals(program.length > 0, true);
      taken++;
    } catch (error) {
      // An older library does not know all of them, and none mixes byte orders.
      const why = "(?:invalid argument|numerical argument out of domain)";
      assertMatch(`${error}`, new RegExp(`error adding architecture ${arch} to seccomp filter: .*: ${why}$`));
    }
  }
  assertEquals(taken >= ARCHS.length, true);
});
