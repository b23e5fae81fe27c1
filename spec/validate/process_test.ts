import { type Row, testRules, testValid } from "./validate_testing.ts";

const P = "process";

const COMMAND: Row[] = [
  [{ process: undefined }, "process", "process property must not be empty"],
  [{ process: 7 }, "process", "must be an object, not a number"],
  [{ "process.cwd": undefined }, "process.cwd", "Cwd property must not be empty"],
  [{ "process.cwd": "" }, "process.cwd", "Cwd property must not be empty"],
  [{ "process.cwd": "tmp" }, "process.cwd", "Cwd must be an absolute path"],
  [{ "process.cwd": "/a\0b" }, "process.cwd", "must not contain a NUL byte"],
  [{ "process.args": undefined }, "process.args", "args must not be empty"],
  [{ "process.args": [] }, "process.args", "args must not be empty"],
  [{ "process.args": "sh" }, "process.args", "must be an array, not a string"],
  [{ "process.args[1]": 5 }, "process.args[1]", "must be a string, not a number"],
  [{ "process.args[1]": "a\0" }, "process.args[1]", "must not contain a NUL byte"],
  [{ "process.env[1]": "PATH" }, "process.env[1]", "invalid environment variable: missing '='"],
  [{ "process.env[1]": "=x" }, "process.env[1]", "invalid environment variable: name cannot be empty"],
  [
    { "process.env[1]": "A=\0" },
    "process.env[1]",
    'invalid environment variable "A": contains nul byte (\\x00)',
  ],
  [{ "process.env[1]": null }, "process.env[1]", "must be a string, not null"],
];

const IDENTITY: Row[] = [
  [{ "process.user": [] }, "process.user", "must be an object, not an array"],
  [{ "process.user.uid": "0" }, "process.user.uid", "must be an integer, not a string"],
  [{ "process.user.uid": -1 }, "process.user.uid", "must be an integer from 0 to 4294967294, not -1"],
  [
    { "process.user.gid": 4294967295 },
    "process.user.gid",
    "must be an integer from 0 to 4294967294, not 4294967295",
  ],
  [{ "process.user.gid": 1.5 }, "process.user.gid", "must be an integer from 0 to 4294967294, not 1.5"],
  [{ "process.user.umask": 512 }, "process.user.umask", "must be an integer from 0 to 511, not 512"],
  [
    { "process.user.additionalGids[1]": "a" },
    "process.user.additionalGids[1]",
    "must be an integer, not a string",
  ],
  [{ "process.capabilities": [] }, "process.capabilities", "must be an object, not an array"],
  [
    { "process.capabilities.bounding": {} },
    "process.capabilities.bounding",
    "must be an array, not an object",
  ],
  [
    { "process.capabilities.bounding[0]": 1 },
    "process.capabilities.bounding[0]",
    "must be a string, not a number",
  ],
  [{ "process.noNewPrivileges": "yes" }, "process.noNewPrivileges", "must be true or false, not a string"],
  [{ "process.apparmorProfile": 1 }, "process.apparmorProfile", "must be a string, not a number"],
  [{ "process.selinuxLabel": true }, "process.selinuxLabel", "must be a string, not a boolean"],
];

const LIMITS: Row[] = [
  [
    { "process.rlimits[0].type": "RLIMIT_LUCK" },
    "process.rlimits[0].type",
    "wrong rlimit value: RLIMIT_LUCK",
  ],
  [
    { "process.rlimits[0].type": "constructor" },
    "process.rlimits[0].type",
    "wrong rlimit value: constructor",
  ],
  [
    { "process.rlimits[1]": { type: "RLIMIT_NOFILE", hard: 1, soft: 1 } },
    "process.rlimits[1].type",
    "RLIMIT_NOFILE is limited twice",
  ],
  [
    { "process.rlimits[0].soft": 1048577 },
    "process.rlimits[0].soft",
    "soft limit 1048577 is above the hard limit 1048576",
  ],
  [
    { "process.rlimits[0].hard": undefined },
    "process.rlimits[0].soft",
    "soft limit 1024 is above the hard limit 0",
  ],
  [
    { "process.rlimits[0].hard": 18446744073709552000 },
    "process.rlimits[0].hard",
    "must be an unsigned 64-bit integer, not 18446744073709552000",
  ],
  [{ "process.rlimits[0].type": undefined }, "process.rlimits[0].type", "is required"],
  [
    { "process.rlimits[0].soft": -1 },
    "process.rlimits[0].soft",
    "must be an unsigned 64-bit integer, not -1",
  ],
  [
    { "process.rlimits[0].hard": 2n ** 64n },
    "process.rlimits[0].hard",
    "must be an unsigned 64-bit integer, not 18446744073709551616",
  ],
  [{ "process.rlimits[0]": "NOFILE" }, "process.rlimits[0]", "must be an object, not a string"],
  [{ "process.oomScoreAdj": 1001 }, "process.oomScoreAdj", "must be an integer from -1000 to 1000, not 1001"],
  [
    { "process.terminal": true, "process.consoleSize": { height: 25, width: 65536 } },
    "process.consoleSize.width",
    "must be an integer from 0 to 65535, not 65536",
  ],
  [
    { "process.terminal": true, "process.consoleSize": { height: -1, width: 0 } },
    "process.consoleSize.height",
    "must be an integer from 0 to 65535, not -1",
  ],
];

const fifo = (more: object) => ({ "process.scheduler": { policy: "SCHED_FIFO", priority: 1, ...more } });
const other = (more: object) => ({ "process.scheduler": { policy: "SCHED_OTHER", ...more } });

const SCHEDULING: Row[] = [
  [{ "process.scheduler": {} }, `${P}.scheduler.policy`, "scheduler policy is required"],
  [
    { "process.scheduler": { policy: "SCHED_LIFO" } },
    `${P}.scheduler.policy`,
    "invalid scheduler policy: SCHED_LIFO",
  ],
  [
    fifo({ flags: ["SCHED_FLAG_FAST"] }),
    `${P}.scheduler.flags[0]`,
    "invalid scheduler flag: SCHED_FLAG_FAST",
  ],
  [
    other({ nice: 20 }),
    `${P}.scheduler.nice`,
    "invalid scheduler.nice: 20 when scheduler.policy is SCHED_OTHER",
  ],
  [
    other({ priority: 1 }),
    `${P}.scheduler.priority`,
    "scheduler.priority can only be specified for SchedFIFO or SchedRR policy",
  ],
  [
    fifo({ priority: 100 }),
    `${P}.scheduler.priority`,
    "invalid scheduler.priority: 100 when scheduler.policy is SCHED_FIFO",
  ],
  [
    fifo({ deadline: 5 }),
    `${P}.scheduler.deadline`,
    "scheduler runtime/deadline/period can only be specified for SchedDeadline policy",
  ],
  [{ "process.ioPriority": { priority: 4 } }, `${P}.ioPriority.class`, "is required"],
  [
    { "process.ioPriority": { class: "IOPRIO_CLASS_BE", priority: 8 } },
    `${P}.ioPriority.priority`,
    "invalid ioPriority.Priority: 8",
  ],
  [
    { "process.ioPriority": { class: "BEST", priority: 0 } },
    `${P}.ioPriority.class`,
    'invalid ioPriority.Class: "BEST"',
  ],
  [
    { "process.execCPUAffinity": { initial: "0-" } },
    `${P}.execCPUAffinity.initial`,
    'bad CPUAffinity.Initial: "0-" is neither a number nor a range such as 0-3',
  ],
  [
    { "process.execCPUAffinity": { final: "3-1" } },
    `${P}.execCPUAffinity.final`,
    "bad CPUAffinity.Final: range 3-1 ends before it starts",
  ],
];

testRules("process", [...COMMAND, ...IDENTITY, ...LIMITS, ...SCHEDULING]);

testValid("process", [
  { "process.consoleSize": "ignored without a terminal" },
  { "process.rlimits[0].hard": 2n ** 64n - 1n },
  { "process.rlimits[0].soft": undefined },
  { "process.user": undefined },
  { "process.user.uid": undefined },
  { "process.user.gid": null },
  { "process.terminal": true, "process.consoleSize": { height: 25 } },
  { "process.ioPriority": { class: "IOPRIO_CLASS_BE" } },
  { "process.rlimits": [] },
  { "process.env": undefined, "process.capabilities": undefined },
  { "process.env[0]": "A=" },
  other({ nice: -20 }),
  fifo({ priority: 99, flags: ["SCHED_FLAG_RESET_ON_FORK"] }),
]);

testRules("hooks", [
  [{ "hooks.prestart": {} }, "hooks.prestart", "must be an array, not an object"],
  [{ "hooks.poststop": [{}] }, "hooks.poststop[0].path", "is required"],
  [{ "hooks.prestart[0].path": "bin/true" }, "hooks.prestart[0].path", "must be an absolute path"],
  [{ "hooks.prestart[0].timeout": 0 }, "hooks.prestart[0].timeout", "must be greater than zero, not 0"],
  [{ "hooks.prestart[0].args[0]": 1 }, "hooks.prestart[0].args[0]", "must be a string, not a number"],
  [
    { "hooks.prestart[0].env": ["A"] },
    "hooks.prestart[0].env[0]",
    "invalid environment variable: missing '='",
  ],
]);
