import { fullConfig } from "../spec_testing.ts";
import { type Row, testRules, testValid } from "./validate_testing.ts";

const NAMESPACE_FIXES: Row[] = [
  [
    {
      "linux.namespaces": {},
      mounts: [],
      hostname: "",
      "linux.sysctl": {},
      "linux.maskedPaths": [],
      "linux.readonlyPaths": [],
    },
    "linux.namespaces",
    "must be an array, not an object",
  ],
  [{ "linux.namespaces[5]": {} }, "linux.namespaces[5].type", "is required"],
  [
    { "linux.namespaces[5]": { type: "pid", path: "/x" } },
    "linux.namespaces[5].type",
    'malformed spec file: duplicated ns {"pid" "/x"}',
  ],
  [
    { "linux.namespaces[5]": { type: "net" } },
    "linux.namespaces[5].type",
    'namespace {"net" ""} does not exist',
  ],
  [{ "linux.namespaces[3].path": "ns/pid" }, "linux.namespaces[3].path", "must be an absolute path"],
  [{ "linux.namespaces[3].path": 4 }, "linux.namespaces[3].path", "must be a string, not a number"],
];

const map = (...ranges: number[][]) =>
  ranges.map(([containerID, hostID, size]) => ({ containerID, hostID, size }));
const user = (uids: unknown, gids: unknown) => ({
  "linux.namespaces[5]": { type: "user" },
  "linux.uidMappings": uids,
  "linux.gidMappings": gids,
  "process.user.additionalGids": [],
  "mounts[2].options": [],
});
const whole = map([0, 1000, 5]);

const MAPPINGS: Row[] = [
  [
    { "linux.uidMappings": whole },
    "linux.uidMappings",
    "user namespace mappings specified, but user namespace isn't enabled in the config",
  ],
  [
    user(undefined, undefined),
    "linux.uidMappings",
    "user namespaces enabled, but no namespace path to join nor mappings to apply specified",
  ],
  [user(whole, undefined), "linux.gidMappings", "user namespaces enabled, but no gid mappings found"],
  [user([], whole), "linux.uidMappings", "user namespaces enabled, but no uid mappings found"],
  [
    user(map([1, 1000, 5]), whole),
    "linux.uidMappings",
    "user namespaces enabled, but no mapping found for uid 0",
  ],
  [
    { ...user(whole, whole), "process.user.uid": 5 },
    "linux.uidMappings",
    "cannot setuid to unmapped uid 5 in user namespace",
  ],
  [
    { ...user(whole, whole), "process.user.gid": 7 },
    "linux.gidMappings",
    "cannot setgid to unmapped gid 7 in user namespace",
  ],
  [
    { ...user(whole, whole), "process.user.additionalGids": [4, 5] },
    "linux.gidMappings",
    "cannot setgid to unmapped gid 5 in user namespace",
  ],
  [
    { ...user(whole, whole), "mounts[2].options": ["gid=4", "uid=5"] },
    "mounts[2].options",
    '"uid=5": 5 is not mapped in linux.uidMappings',
  ],
  [
    { ...user(whole, whole), "mounts[2].options": ["gid=5", "uid=4"] },
    "mounts[2].options",
    '"gid=5": 5 is not mapped in linux.gidMappings',
  ],
  [user(map([0, 1000, 5], [4, 2000, 1]), whole), "linux.uidMappings", "ranges overlap"],
  [user(map([0, 1000, 5], [9, 1004, 1]), whole), "linux.uidMappings", "ranges overlap"],
  [
    user(map([0, 0, 4294967295], [4294967295, 4294967295, 1]), whole),
    "linux.uidMappings[1].size",
    "the range ends above the highest id",
  ],
  [
    user(map([0, 1000, 0]), whole),
    "linux.uidMappings[0].size",
    "must be an integer from 1 to 4294967295, not 0",
  ],
  [
    user(Array.from({ length: 341 }, (_, id) => ({ containerID: id, hostID: id, size: 1 })), whole),
    "linux.uidMappings",
    "has 341 entries, the kernel takes 340",
  ],
];

const TIME_AND_NET: Row[] = [
  [
    { "linux.timeOffsets": {} },
    "linux.timeOffsets",
    "time namespace offsets specified, but time namespace isn't enabled in the config",
  ],
  [
    { "linux.timeOffsets": {}, "linux.namespaces[5]": { type: "time", path: "/proc/1/ns/time" } },
    "linux.timeOffsets",
    "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
  ],
  [
    { "linux.timeOffsets": { realtime: { secs: 1 } }, "linux.namespaces[5]": { type: "time" } },
    "linux.timeOffsets.realtime",
    'clock "realtime" has no offset',
  ],
  [
    { "linux.timeOffsets": { boottime: { nanosecs: 1000000000 } }, "linux.namespaces[5]": { type: "time" } },
    "linux.timeOffsets.boottime.nanosecs",
    "must be an integer from 0 to 999999999, not 1000000000",
  ],
  [
    { "linux.netDevices": { eth0: {} }, "linux.namespaces[1].type": "cgroup", "linux.sysctl": undefined },
    "linux.netDevices",
    "unable to move network devices without a NET namespace",
  ],
  [
    { "linux.netDevices": { "a/b": {} } },
    'linux.netDevices["a/b"]',
    'invalid network device name "a/b"',
  ],
  [
    { "linux.netDevices": { eth0: { name: "0123456789abcdef" } } },
    "linux.netDevices.eth0.name",
    'invalid network device name "0123456789abcdef"',
  ],
  [
    { "linux.netDevices": { eth0: { name: "eth%s" } } },
    "linux.netDevices.eth0.name",
    'invalid network device name "eth%s"',
  ],
  [
    { "linux.netDevices": { eth0: { name: "eth1" }, eth1: {} } },
    "linux.netDevices.eth1",
    'network device name "eth1" is given twice',
  ],
];

const device = (more: object) => ({
  "linux.devices": [{ type: "c", path: "/dev/x", major: 1, minor: 3, ...more }],
});
const NO_MOUNT = ["network", "uts", "pid", "ipc"].map((type) => ({ type }));

const FILES: Row[] = [
  [device({ type: "d" }), "linux.devices[0].type", 'invalid device type "d"'],
  [device({ path: "dev/x" }), "linux.devices[0].path", "must be an absolute path"],
  [device({ major: -1 }), "linux.devices[0].major", "must be an integer from 0 to 4095, not -1"],
  [device({ minor: 1048576 }), "linux.devices[0].minor", "must be an integer from 0 to 1048575, not 1048576"],
  [device({ fileMode: "0666" }), "linux.devices[0].fileMode", "must be an integer, not a string"],
  [
    { "linux.namespaces": NO_MOUNT, mounts: [] },
    "linux.maskedPaths",
    "unable to restrict sys entries without a private MNT namespace",
  ],
  [
    { "linux.namespaces": NO_MOUNT, mounts: [], "linux.maskedPaths": [] },
    "linux.readonlyPaths",
    "unable to restrict sys entries without a private MNT namespace",
  ],
  [{ "linux.maskedPaths[1]": "proc/kcore" }, "linux.maskedPaths[1]", '"proc/kcore" is not an absolute path'],
  [{ "linux.readonlyPaths[0]": 1 }, "linux.readonlyPaths[0]", "must be a string, not a number"],
  [
    { "linux.rootfsPropagation": "public" },
    "linux.rootfsPropagation",
    "rootfsPropagation=public is not supported",
  ],
  [
    {
      "linux.namespaces": NO_MOUNT,
      mounts: [],
      "linux.maskedPaths": [],
      "linux.readonlyPaths": [],
      "linux.rootfsPropagation": "shared",
    },
    "linux.rootfsPropagation",
    "unable to set the root's propagation without a private MNT namespace",
  ],
  [{ "linux.cgroupsPath": 1 }, "linux.cgroupsPath", "must be a string, not a number"],
  [{ "linux.mountLabel": {} }, "linux.mountLabel", "must be a string, not an object"],
];

const sysctl = (name: string, more: object = {}) => ({ "linux.sysctl": { [name]: "1" }, ...more });
const without = (index: number) => ({ [`linux.namespaces[${index}].type`]: "cgroup", hostname: undefined });

const SYSCTL: Row[] = [
  [
    { "linux.sysctl": { "net.core.somaxconn": 5 } },
    'linux.sysctl["net.core.somaxconn"]',
    "must be a string, not a number",
  ],
  [
    sysctl("kernel.shmmax", without(4)),
    'linux.sysctl["kernel.shmmax"]',
    'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace',
  ],
  [
    sysctl("fs/mqueue/msg_max", without(4)),
    'linux.sysctl["fs/mqueue/msg_max"]',
    'sysctl "fs.mqueue.msg_max" is not allowed in the hosts ipc namespace',
  ],
  [
    sysctl("net/ipv4/conf/eth0.1/mtu", without(1)),
    'linux.sysctl["net/ipv4/conf/eth0.1/mtu"]',
    'sysctl "net.ipv4.conf.eth0/1.mtu" not allowed in host network namespace',
  ],
  [
    sysctl("kernel.hostname"),
    'linux.sysctl["kernel.hostname"]',
    'sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field',
  ],
  [
    sysctl("kernel.domainname", without(2)),
    'linux.sysctl["kernel.domainname"]',
    'sysctl "kernel.domainname" is not in a separate kernel namespace',
  ],
  [
    sysctl("user.max_pid_namespaces"),
    'linux.sysctl["user.max_pid_namespaces"]',
    "setting ucounts without a user namespace not allowed: user.max_pid_namespaces",
  ],
  [
    sysctl("kernel.core_pattern"),
    'linux.sysctl["kernel.core_pattern"]',
    'sysctl "kernel.core_pattern" is not in a separate kernel namespace',
  ],
  ...["net/../kernel/core_pattern", "net.//.kernel.core_pattern", "net..ipv4", "net.", "net", "net.a\0"].map((
    name,
  ): Row => [
    sysctl(name),
    `linux.sysctl${/^\w+$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`}`,
    `sysctl ${JSON.stringify(name)} is not a valid name`,
  ]),
];

const rdt = (value: unknown) => ({ "linux.intelRdt": value });
const policy = (value: unknown) => ({ "linux.memoryPolicy": value });

const POLICIES: Row[] = [
  [rdt({ closID: ".." }), "linux.intelRdt.closID", 'invalid intelRdt.ClosID ".."'],
  [rdt({ closID: "a/b" }), "linux.intelRdt.closID", 'invalid intelRdt.ClosID "a/b"'],
  [rdt({ memBwSchema: "L3:0=f" }), "linux.intelRdt.memBwSchema", 'must start with "MB:"'],
  [rdt({ l3CacheSchema: "L3:0=f\n" }), "linux.intelRdt.l3CacheSchema", "must not contain newlines"],
  [rdt({ schemata: ["L2:0=f\nMB:0=5"] }), "linux.intelRdt.schemata[0]", "must not contain newlines"],
  [rdt({ enableMonitoring: 1 }), "linux.intelRdt.enableMonitoring", "must be true or false, not a number"],
  [policy({}), "linux.memoryPolicy.mode", 'invalid memory policy mode "": it is required'],
  [policy({ mode: "MPOL_BEST" }), "linux.memoryPolicy.mode", 'invalid memory policy mode "MPOL_BEST"'],
  [
    policy({ mode: "MPOL_LOCAL", flags: ["MPOL_F_FAST"] }),
    "linux.memoryPolicy.flags[0]",
    'invalid memory policy flag "MPOL_F_FAST"',
  ],
  [
    policy({ mode: "MPOL_LOCAL", nodes: "0-1" }),
    "linux.memoryPolicy.nodes",
    "memory policy mode requires 0 nodes but got 2",
  ],
  [
    policy({ mode: "MPOL_BIND" }),
    "linux.memoryPolicy.nodes",
    "memory policy mode requires at least one node but got 0",
  ],
  [
    policy({ mode: "MPOL_BIND", nodes: "all" }),
    "linux.memoryPolicy.nodes",
    'invalid memory policy nodes "all": "all" is neither a number nor a range such as 0-3',
  ],
  [{ "linux.personality": {} }, "linux.personality.domain", "is required"],
  [{ "linux.personality": { domain: "BSD" } }, "linux.personality.domain", "invalid personality domain BSD"],
];

testRules("linux", [...NAMESPACE_FIXES, ...MAPPINGS, ...TIME_AND_NET, ...FILES, ...SYSCTL, ...POLICIES]);

testValid("linux", [
  { ...user(whole, whole), "process.user.uid": 4 },
  { "linux.namespaces[5]": { type: "user", path: "/proc/9/ns/user" } },
  {
    ...user(whole, whole),
    "linux.namespaces[5]": { type: "user", path: "/proc/9/ns/user" },
    "process.user.uid": 77,
  },
  device({ type: "p", major: undefined, minor: undefined }),
  device({ type: "u", fileMode: 8630 }),
  rdt({ closID: "/" }),
  policy({ mode: "MPOL_PREFERRED" }),
  sysctl("kernel.domainname"),
  sysctl("kernel/sem"),
]);

testRules("full", [
  [
    { "linux.timeOffsets.monotonic.secs": 1.5 },
    "linux.timeOffsets.monotonic.secs",
    "must be a signed 64-bit integer, not 1.5",
  ],
  [
    { "mounts[6].gidMappings": undefined },
    "mounts[6]",
    "id-mapped mounts must have both uid and gid mappings specified",
  ],
], fullConfig);

testValid("full", [{ "mounts[6].uidMappings": undefined, "mounts[6].gidMappings": undefined }], fullConfig);
