import { type Row, testRules, testValid } from "./validate_testing.ts";

const S = "linux.seccomp";
const rule = (more: object) => ({
  [`${S}.syscalls[4]`]: { names: ["mknod"], action: "SCMP_ACT_ALLOW", ...more },
});
const argument = (more: object) => rule({ args: [{ index: 0, value: 1, op: "SCMP_CMP_EQ", ...more }] });

const ROWS: Row[] = [
  [{ [S]: "default" }, S, "must be an object, not a string"],
  [{ [`${S}.defaultAction`]: undefined }, `${S}.defaultAction`, "string  is not a valid action for seccomp"],
  [{ [`${S}.defaultAction`]: "DENY" }, `${S}.defaultAction`, "string DENY is not a valid action for seccomp"],
  [
    { [`${S}.defaultAction`]: "SCMP_ACT_NOTIFY", [`${S}.defaultErrnoRet`]: undefined },
    `${S}.defaultAction`,
    "SCMP_ACT_NOTIFY cannot be used as default action",
  ],
  [
    { [`${S}.defaultAction`]: "SCMP_ACT_KILL" },
    `${S}.defaultErrnoRet`,
    "action SCMP_ACT_KILL has no error number",
  ],
  [{ [`${S}.defaultErrnoRet`]: -1 }, `${S}.defaultErrnoRet`, "must be an integer from 0 to 65535, not -1"],
  [
    { [`${S}.architectures[2]`]: "SCMP_ARCH_VAX" },
    `${S}.architectures[2]`,
    "string SCMP_ARCH_VAX is not a valid arch for seccomp",
  ],
  [
    { [`${S}.flags`]: ["SECCOMP_FILTER_FLAG_NEW_LISTENER"] },
    `${S}.flags[0]`,
    "seccomp flag SECCOMP_FILTER_FLAG_NEW_LISTENER is not known to runc",
  ],
  [{ [`${S}.listenerMetadata`]: "text" }, `${S}.listenerMetadata`, "must not be set without listenerPath"],
  [rule({ action: "SCMP_ACT_NOTIFY" }), `${S}.listenerPath`, "seccomp listenerPath is not set"],
  [
    { ...rule({ action: "SCMP_ACT_NOTIFY", names: ["write"] }), [`${S}.listenerPath`]: "/run/agent.sock" },
    `${S}.syscalls[4].names`,
    "SCMP_ACT_NOTIFY cannot be used for the write syscall",
  ],
  [rule({ names: undefined }), `${S}.syscalls[4].names`, "is required"],
  [rule({ names: [] }), `${S}.syscalls[4].names`, "must contain at least one name"],
  [rule({ names: [""] }), `${S}.syscalls[4].names[0]`, "empty string is not a valid syscall"],
  [rule({ names: ["read", 3] }), `${S}.syscalls[4].names[1]`, "must be a string, not a number"],
  [rule({ action: undefined }), `${S}.syscalls[4].action`, "is required"],
  [rule({ action: "ALLOW" }), `${S}.syscalls[4].action`, "string ALLOW is not a valid action for seccomp"],
  [rule({ errnoRet: 1 }), `${S}.syscalls[4].errnoRet`, "action SCMP_ACT_ALLOW has no error number"],
  [argument({ index: 6 }), `${S}.syscalls[4].args[0].index`, "must be an integer from 0 to 5, not 6"],
  [argument({ op: undefined }), `${S}.syscalls[4].args[0].op`, "is required"],
  [argument({ value: "1" }), `${S}.syscalls[4].args[0].value`, "must be an integer, not a string"],
  [
    argument({ valueTwo: -1 }),
    `${S}.syscalls[4].args[0].valueTwo`,
    "must be an unsigned 64-bit integer, not -1",
  ],
  [
    argument({ op: "==" }),
    `${S}.syscalls[4].args[0].op`,
    "string == is not a valid operator for seccomp",
  ],
];

testRules("seccomp", ROWS);

testValid("seccomp", [
  { [S]: {} },
  { [S]: { defaultAction: "", syscalls: [] } },
  { [`${S}.flags`]: [] },
  rule({ action: "SCMP_ACT_TRACE", errnoRet: 7 }),
  argument({ value: 2n ** 64n - 1n }),
  argument({ index: undefined, value: undefined }),
  { ...rule({ action: "SCMP_ACT_NOTIFY" }), [`${S}.listenerPath`]: "/run/agent.sock" },
]);
