import { type Row, testRules, testValid } from "./validate_testing.ts";

const NO_MOUNT = ["network", "uts", "pid", "ipc"].map((type) => ({ type }));
const bare = (more: object) => ({
  "linux.namespaces": NO_MOUNT,
  mounts: undefined,
  "linux.maskedPaths": undefined,
  "linux.readonlyPaths": undefined,
  ...more,
});
/** A container whose root has no rights over the runtime's mounts. */
const USER = {
  "linux.namespaces": [...NO_MOUNT, { type: "user" }],
  "linux.uidMappings": [{ containerID: 0, hostID: 0, size: 65_536 }],
  "linux.gidMappings": [{ containerID: 0, hostID: 0, size: 65_536 }],
};

const TOP: Row[] = [
  [{ linux: [], mounts: [], hostname: undefined }, "linux", "must be an object, not an array"],
  [{ ociVersion: "1.2" }, "ociVersion", '"1.2" is not a SemVer version'],
  [{ ociVersion: "2.0.0" }, "ociVersion", "version 2.0.0 is not supported"],
  [{ ociVersion: 1 }, "ociVersion", "must be a string, not a number"],
  [{ root: undefined }, "root", "root must be specified"],
  [{ "root.path": undefined }, "root.path", "is required"],
  [{ "root.path": "" }, "root.path", "must not be empty"],
  [{ "root.readonly": 1 }, "root.readonly", "must be true or false, not a number"],
  ...[{ "root.path": "/" }, { "root.path": "/x/../" }, USER].map((more): Row => [
    bare({ "root.readonly": true, ...more }),
    "root.readonly",
    "unable to make the root read-only without a private MNT namespace",
  ]),
  [{ hostname: "h".repeat(65) }, "hostname", "is longer than the 64 bytes that the kernel takes"],
  [{ hostname: "ü".repeat(33) }, "hostname", "is longer than the 64 bytes that the kernel takes"],
  [
    { "linux.namespaces[2].type": "cgroup" },
    "hostname",
    "unable to set hostname without a private UTS namespace",
  ],
  [
    { "linux.namespaces[2].type": "cgroup", hostname: undefined, domainname: "example.org" },
    "domainname",
    "unable to set domainname without a private UTS namespace",
  ],
  [{ annotations: { "": "x" } }, 'annotations[""]', "an annotation's name must not be empty"],
  [{ annotations: { "a.b": 1 } }, 'annotations["a.b"]', "must be a string, not a number"],
];

testRules("config", TOP.slice(0, -1));
testRules("config", [[
  { linux: [], mounts: [], hostname: undefined },
  "linux",
  "must be an object, not an array",
]]);

testValid("config", [
  { ociVersion: "1.0.0-rc5-dev" },
  { ociVersion: "1.3.0+dev" },
  { hostname: "h".repeat(64) },
  { ociVersion: undefined },
  bare({}),
  bare({ "root.readonly": true, mounts: [{ destination: "/a", type: "tmpfs" }] }),
  bare({ "root.path": "/" }),
  bare({ "root.path": ".", mounts: [{ destination: "/a", type: "tmpfs" }] }),
  { linux: undefined, mounts: undefined, hostname: undefined },
]);

const MOUNTS: Row[] = [
  [{ mounts: {} }, "mounts", "must be an array, not an object"],
  [{ "mounts[1]": "tmpfs" }, "mounts[1]", "must be an object, not a string"],
  ...[{ "root.path": "/" }, USER].map((more): Row => [
    bare({ mounts: [{ destination: "/a", type: "tmpfs" }], ...more }),
    "mounts",
    "unable to mount without a private MNT namespace",
  ]),
  [{ "mounts[1].destination": undefined }, "mounts[1].destination", "is required"],
  [{ "mounts[1].destination": "/a\0" }, "mounts[1].destination", "mount field contains null byte"],
  [{ "mounts[1].source": "a\0" }, "mounts[1].source", "mount field contains null byte"],
  [{ "mounts[1].type": "tmpfs\0" }, "mounts[1].type", "mount field contains null byte"],
  [{ "mounts[1].options[0]": 5 }, "mounts[1].options[0]", "must be a string, not a number"],
  [{ "mounts[1].destination": "/" }, "mounts[1].destination", 'mountpoint "/" is on the top of rootfs'],
  [
    { "mounts[1].destination": "/a/.." },
    "mounts[1].destination",
    'mountpoint "/a/.." is on the top of rootfs',
  ],
  [
    { "mounts[1].destination": "/proc" },
    "mounts[1].destination",
    '"/proc" cannot be mounted because it is not of type proc',
  ],
  [
    { "mounts[5].destination": "/./proc//acpi/" },
    "mounts[5].destination",
    '"/proc/acpi" cannot be mounted because it is inside /proc',
  ],
  [{ "mounts[1].type": undefined }, "mounts[1].type", "is required for a mount that is no bind mount"],
  [
    { "mounts[4].options": ["ro"] },
    "mounts[4].type",
    'a mount of type "bind" has the option bind or rbind',
  ],
  [{ "mounts[4].source": undefined }, "mounts[4].source", "is required for a bind mount"],
  [
    { "mounts[4].options": ["rbind", "size=5"] },
    "mounts[4].options",
    "bind mounts cannot have any filesystem-specific options applied",
  ],
  [{ "mounts[2].options": ["tmpcopyup"] }, "mounts[2].options", "tmpcopyup is only supported for tmpfs"],
];

const ids = () => [{ containerID: 0, hostID: 1000, size: 1 }];

const IDMAP: Row[] = [
  [
    { "mounts[4].options": ["bind", "idmap"] },
    "mounts[4]",
    "id-mapped mounts must have both uid and gid mappings specified",
  ],
  [
    { "mounts[4].uidMappings": ids() },
    "mounts[4]",
    "id-mapped mounts must have both uid and gid mappings specified",
  ],
  [
    { "mounts[1].uidMappings": ids(), "mounts[1].gidMappings": ids() },
    "mounts[1]",
    "id-mapped mounts are only supported for bind-mounts",
  ],
  [
    { "mounts[4].uidMappings": [...ids(), { containerID: 5, hostID: 7 }], "mounts[4].gidMappings": ids() },
    "mounts[4].uidMappings[1].size",
    "is required",
  ],
];

testRules("mounts", [...MOUNTS, ...IDMAP]);

testValid("mounts", [
  { "mounts[5].destination": "/proc/meminfo" },
  { "mounts[5].destination": "/proc" },
  { "mounts[5].destination": "data" },
  { "mounts[5].destination": "/process/.../x" },
  { "mounts[1]": { destination: "/tmp", type: "tmpfs", options: ["tmpcopyup"] } },
  { "mounts[4].options": ["rbind", "defaults"] },
  { "mounts[4].uidMappings": ids(), "mounts[4].gidMappings": ids() },
  { "mounts[4].type": undefined },
]);
