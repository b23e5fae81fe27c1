import { assertEquals, assertThrows } from "@std/assert";
import type { LinuxSeccomp } from "../../../spec/linux.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { flagsOf, planSeccomp } from "./profile.ts";

/** A profile as it comes from JSON: with anything in it. */
function plan(profile: unknown) {
  return planSeccomp(profile as LinuxSeccomp);
}

function fails(profile: unknown, message: string) {
  assertThrows(() => plan(profile), RuntimeError, message);
}

function rule(rest: Record<string, unknown>) {
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO", ...rest }],
  };
}

Deno.test("every action has libseccomp's number", () => {
  const numbers = {
    SCMP_ACT_KILL: 0,
    SCMP_ACT_KILL_THREAD: 0,
    SCMP_ACT_KILL_PROCESS: 0x80000000,
    SCMP_ACT_TRAP: 0x30000,
    SCMP_ACT_ERRNO: 0x50001,
    SCMP_ACT_TRACE: 0x7ff00001,
    SCMP_ACT_ALLOW: 0x7fff0000,
    SCMP_ACT_LOG: 0x7ffc0000,
    SCMP_ACT_NOTIFY: 0x7fc00000,
  };
  for (const [action, number] of Object.entries(numbers)) {
    assertEquals(
      plan({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [{ names: ["mkdir"], action }] }).rules[0].action,
      number,
      action,
    );
  }
});

Deno.test("ERRNO and TRACE carry their error number, by default EPERM", () => {
  assertEquals(plan({ defaultAction: "SCMP_ACT_ERRNO" }).defaultAction, 0x50001);
  assertEquals(plan({ defaultAction: "SCMP_ACT_ERRNO", defaultErrnoRet: 38 }).defaultAction, 0x50026);
  assertEquals(plan({ defaultAction: "SCMP_ACT_TRACE", defaultErrnoRet: 0xffff }).defaultAction, 0x7ff0ffff);
  assertEquals(plan(rule({ errnoRet: 0 })).rules[0].action, 0x50000);
  assertEquals(plan(rule({ errnoRet: null })).rules[0].action, 0x50001);
  fails(
    rule({ errnoRet: 4095 }),
    "linux.seccomp.syscalls[0].action: error number 4095 of SCMP_ACT_ERRNO is not between 0 and 4094",
  );
  fails(
    { defaultAction: "SCMP_ACT_KILL", defaultErrnoRet: 1 },
    "defaultAction: SCMP_ACT_KILL takes no error number, but 1 is given",
  );
});

Deno.test("unknown names are told with their place", () => {
  fails(
    { defaultAction: "SCMP_ACT_FOO" },
    "linux.seccomp.defaultAction: string SCMP_ACT_FOO is not a valid action for seccomp",
  );
  fails({ defaultAction: "toString" }, "string toString is not a valid action for seccomp");
  fails(
    { defaultAction: "SCMP_ACT_KILL", architectures: ["SCMP_ARCH_VAX"] },
    "string SCMP_ARCH_VAX is not a valid arch for seccomp",
  );
  fails(
    rule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_NEAR" }] }),
    "args[0].op: string SCMP_CMP_NEAR is not a valid operator",
  );
  fails(
    rule({ args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] }),
    "args[0].index: syscall argument 6 is invalid",
  );
  fails(rule({ names: [""] }), "empty string is not a valid syscall");
});

Deno.test("values are exact to 64 bits, or refused", () => {
  const value = (value: unknown) =>
    plan(rule({ args: [{ index: 0, value, op: "SCMP_CMP_EQ" }] })).rules[0].alternatives[0][0].a;
  assertEquals(value(0xffff_ffff), 0xffff_ffffn);
  assertEquals(value(Number.MAX_SAFE_INTEGER), 0x1f_ffff_ffff_ffffn);
  assertEquals(value(0xffff_ffff_ffff_fffcn), 0xffff_ffff_ffff_fffcn);
  for (const wrong of [2 ** 53, 2 ** 64, 0x1_0000_0000_0000_0000n, -1, 0.5, NaN]) {
    assertThrows(() => value(wrong), RuntimeError, "is not an exact unsigned 64-bit integer");
  }
});

Deno.test("conditions on different arguments stay one rule, on the same argument they become several", () => {
  const equal = (index: number, value: number) => ({ index, value, op: "SCMP_CMP_EQ" });
  const of = (...args: unknown[]) =>
    plan(rule({ args })).rules[0].alternatives.map((set) => set.map(({ arg, a }) => [arg, a]));
  assertEquals(of(equal(0, 1), equal(1, 2)), [[[0, 1n], [1, 2n]]]);
  assertEquals(of(equal(0, 1), equal(1, 2), equal(0, 3)), [[[0, 1n]], [[1, 2n]], [[0, 3n]]]);
  assertEquals(of(), [[]]);
});

Deno.test("SCMP_ACT_NOTIFY is refused where the runtime itself would wait for the listener", () => {
  fails({ defaultAction: "SCMP_ACT_NOTIFY" }, "SCMP_ACT_NOTIFY cannot be used as default action");
  fails(
    rule({ names: ["read", "write"], action: "SCMP_ACT_NOTIFY" }),
    "SCMP_ACT_NOTIFY cannot be used for the write syscall",
  );
  assertEquals(plan(rule({ action: "SCMP_ACT_NOTIFY" })).listener, true);
  assertEquals(plan(rule({})).listener, false);
});

Deno.test("flags: absent, empty, named", () => {
  const all = () => true, none = () => false;
  assertEquals(flagsOf(undefined, false, all), 4);
  assertEquals(flagsOf(null, false, all), 4);
  assertEquals(flagsOf(undefined, false, none), 0);
  assertEquals(flagsOf([], false, all), 0);
  assertEquals(flagsOf(["SECCOMP_FILTER_FLAG_TSYNC"], false, none), 0);
  assertEquals(
    flagsOf(
      ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_LOG"],
      false,
      all,
    ),
    6,
  );
  assertEquals(flagsOf(undefined, true, all), 12);
  assertEquals(flagsOf(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], true, all), 40);
});

Deno.test("flags: unknown, unsupported, pointless", () => {
  const fails = (flags: string[], supported: boolean, message: string) =>
    assertThrows(() => flagsOf(flags, false, () => supported), RuntimeError, message);
  fails(["SECCOMP_FILTER_FLAG_FOO"], true, "seccomp flag SECCOMP_FILTER_FLAG_FOO is not known to tsrun");
  fails(
    ["SECCOMP_FILTER_FLAG_LOG"],
    false,
    "seccomp flag SECCOMP_FILTER_FLAG_LOG is not supported by this kernel",
  );
  fails(["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"], true, "needs a rule with the action SCMP_ACT_NOTIFY");
});
