import { type Row, testRules, testValid } from "./validate_testing.ts";

const R = "linux.resources";
const set = (path: string, value: unknown) => ({ [`${R}.${path}`]: value });

const DEVICES: Row[] = [
  [{ [R]: 1 }, R, "must be an object, not a number"],
  [set("devices[0].allow", 1), `${R}.devices[0].allow`, "must be true or false, not a number"],
  [set("devices[0].access", undefined), `${R}.devices[0].access`, "device access at 0 field cannot be empty"],
  [set("devices[1].access", ""), `${R}.devices[1].access`, "device access at 1 field cannot be empty"],
  [set("devices[1].access", "x"), `${R}.devices[1].access`, 'invalid device access "x"'],
  [set("devices[1].type", "u"), `${R}.devices[1].type`, 'invalid cgroup device type "u"'],
  [set("devices[1].major", -2), `${R}.devices[1].major`, "must be an integer from -1 to 4294967295, not -2"],
];

const MEMORY: Row[] = [
  [set("memory.limit", "64m"), `${R}.memory.limit`, "must be an integer, not a string"],
  [set("memory.limit", -2), `${R}.memory.limit`, "invalid memory value: -2"],
  [set("memory.reservation", -7n), `${R}.memory.reservation`, "invalid memory value: -7"],
  [set("memory.limit", 0.5), `${R}.memory.limit`, "must be a signed 64-bit integer, not 0.5"],
  [
    set("memory.kernel", 2n ** 63n),
    `${R}.memory.kernel`,
    "must be a signed 64-bit integer, not 9223372036854775808",
  ],
  [set("memory.swap", 5), `${R}.memory.swap`, "memory+swap limit should be >= memory limit"],
  [set("memory.limit", undefined), `${R}.memory.swap`, "unable to set swap limit without memory limit"],
  [set("memory.limit", 0), `${R}.memory.swap`, "unable to set swap limit without memory limit"],
  [
    set("memory.swappiness", 101),
    `${R}.memory.swappiness`,
    "invalid memory swappiness value: 101 (valid range is 0-100)",
  ],
  [set("memory.disableOOMKiller", 0), `${R}.memory.disableOOMKiller`, "must be true or false, not a number"],
];

const CPU: Row[] = [
  [set("cpu.shares", -1), `${R}.cpu.shares`, "must be an unsigned 64-bit integer, not -1"],
  [set("cpu.quota", "max"), `${R}.cpu.quota`, "must be an integer, not a string"],
  [set("cpu.burst", 50001), `${R}.cpu.burst`, "burst 50001 is larger than quota 50000"],
  [set("cpu.idle", 2), `${R}.cpu.idle`, "must be an integer from 0 to 1, not 2"],
  [set("cpu.cpus", "0-x"), `${R}.cpu.cpus`, '"0-x" is neither a number nor a range such as 0-3'],
  [set("cpu.mems", 0), `${R}.cpu.mems`, "must be a string, not a number"],
  [set("pids.limit", "50"), `${R}.pids.limit`, "must be an integer, not a string"],
];

const REST: Row[] = [
  [set("blockIO.weight", 65536), `${R}.blockIO.weight`, "must be an integer from 0 to 65535, not 65536"],
  [
    set("blockIO.weightDevice", [{ major: 8, minor: 0 }]),
    `${R}.blockIO.weightDevice[0]`,
    "must have a weight or a leafWeight",
  ],
  [
    set("blockIO.throttleReadBpsDevice", [{ major: 8, minor: 0, rate: -1 }]),
    `${R}.blockIO.throttleReadBpsDevice[0].rate`,
    "must be an unsigned 64-bit integer, not -1",
  ],
  [
    set("blockIO.throttleWriteIOPSDevice", [{ major: -1, minor: 0, rate: 5 }]),
    `${R}.blockIO.throttleWriteIOPSDevice[0].major`,
    "must be an integer from 0 to 4294967295, not -1",
  ],
  [
    set("hugepageLimits", [{ pageSize: "../2MB", limit: 1 }]),
    `${R}.hugepageLimits[0].pageSize`,
    'invalid huge page size "../2MB"',
  ],
  [set("hugepageLimits", [{ limit: 1 }]), `${R}.hugepageLimits[0].pageSize`, "is required"],
  [
    set("network", { classID: -1 }),
    `${R}.network.classID`,
    "must be an integer from 0 to 4294967295, not -1",
  ],
  [set("network", { priorities: [{ priority: 1 }] }), `${R}.network.priorities[0].name`, "is required"],
  [set("rdma", { mlx5_1: {} }), `${R}.rdma.mlx5_1`, "must have hcaHandles or hcaObjects"],
  [set("rdma", { mlx5_1: 5 }), `${R}.rdma.mlx5_1`, "must be an object, not a number"],
  [
    set("unified", { "../x": "1" }),
    `${R}.unified["../x"]`,
    'unified resource "../x" must be a file name (no slashes)',
  ],
  [
    set("unified", { "cgroup.procs": "1" }),
    `${R}.unified["cgroup.procs"]`,
    'unified resource "cgroup.procs" is no limit: it moves or ends processes',
  ],
  [set("unified", { "..": "1" }), `${R}.unified[".."]`, 'unified resource ".." is not a file name'],
  [set("unified", { "memory.max": 5 }), `${R}.unified["memory.max"]`, "must be a string, not a number"],
];

testRules("resources", [...DEVICES, ...MEMORY, ...CPU, ...REST]);

testValid("resources", [
  set("devices[0].allow", undefined),
  set("devices[1].access", "rx"),
  set("hugepageLimits", [{ pageSize: "2MB" }]),
  set("network", { priorities: [{ name: "eth0" }] }),
  set("blockIO.throttleWriteIOPSDevice", [{ minor: 0 }]),
  set("memory", { limit: -1, swap: -1 }),
  set("memory", { limit: 5, swap: 5 }),
  set("memory", { limit: -1, swap: 5 }),
  set("memory.swappiness", 2n ** 64n - 1n),
  set("memory", { limit: 9223372036854771712n }),
  set("cpu", { cpus: "", mems: "0" }),
  set("cpu", { quota: -1, burst: 5 }),
  set("pids.limit", 0),
  set("pids.limit", -1),
  { [R]: undefined },
]);
