/** What is told of a config beside its errors: unknown fields, deprecated ones, dangers. */
import { assert, assertEquals } from "@std/assert";
import { CAPABILITIES } from "../capabilities.ts";
import {
  change,
  type Config,
  containerdConfig,
  dockerConfig,
  fullConfig,
  remappedConfig,
} from "../spec_testing.ts";
import { warnDangers } from "./dangers.ts";
import { warnDeprecated } from "./deprecated.ts";
import { sectionOf } from "./sections.ts";
import { findUnknownFields, nearestName } from "./unknown_fields.ts";
import { shownValue, valueAt } from "./value_at.ts";

type Find = (config: Config, report: (path: string, reason: string, fix?: string) => void) => void;

/** What a search finds in a config of docker with changes, as lines. */
function found(find: Find, changes: Record<string, unknown>, base = dockerConfig): string[] {
  const config = base(), lines: string[] = [];
  for (const [path, value] of Object.entries(changes)) change(config, path, value);
  find(
    config,
    (path, reason, fix) => lines.push(`${path}: ${reason}${fix === undefined ? "" : ` (${fix})`}`),
  );
  return lines;
}

Deno.test("unknown fields: none in what clients send, nor in a config with every property", () => {
  for (const base of [dockerConfig, containerdConfig, remappedConfig, fullConfig]) {
    assertEquals(found(findUnknownFields, {}, base), []);
  }
});

Deno.test("unknown fields: the nearest name beside it, its place elsewhere, or none", () => {
  const ignored = "is not in the specification: ignored";
  assertEquals(
    found(findUnknownFields, {
      "hostnme": "x",
      "namespaces": [],
      "linux.resources.memory.limt": 1,
      "mounts[0].opt ions": [],
      "process.colour": "blue",
      "linux.seccomp.syscalls[0].actoin": "x",
    }),
    [
      "process.colour: is not in the specification: ignored (remove it, or put it into annotations)",
      `mounts[0]["opt ions"]: ${ignored} (is "options" meant?)`,
      `linux.resources.memory.limt: ${ignored} (is "limit" meant?)`,
      `linux.seccomp.syscalls[0].actoin: ${ignored} (is "action" meant?)`,
      `hostnme: ${ignored} (is "hostname" meant?)`,
      `namespaces: ${ignored} (is linux.namespaces meant?)`,
    ],
  );
});

Deno.test("unknown fields: another case is read, other systems are named, maps have any names", () => {
  assertEquals(
    found(findUnknownFields, {
      "process.cwd": undefined,
      "process.CWD": "/",
      "windows": {},
      "process.commandLine": "x",
      'annotations["any.name"]': "x",
      'linux.sysctl["net.x"]': "1",
    }),
    [
      'process.CWD: is read as cwd (write "cwd")',
      "process.commandLine: is a property for Windows, ignored on Linux (remove it)",
      "windows: is a property for Windows, ignored on Linux (remove it)",
    ],
  );
});

Deno.test("unknown fields: at most 500 of them, long names and wrong shapes", () => {
  const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`x${index}`, 1]));
  const lines = found(findUnknownFields, {
    "process.user": many,
    "mounts": "none",
    "linux.devices": [1, null],
  });
  assertEquals(lines.length, 501);
  assert(lines.at(-1)!.includes("more than 500"));
  assertEquals(nearestName("x".repeat(100_000), ["x"]), undefined);
  for (const value of [null, 5, "x", []]) findUnknownFields(value, () => {});
});

Deno.test("deprecated: prestart hooks and mandatory locks", () => {
  assertEquals(
    found(warnDeprecated, { "mounts[1].options": ["ro", "mand"] }).map((line) => line.split(":")[0]),
    [
      "hooks.prestart",
      "mounts[1].options[1]",
    ],
  );
  assertEquals(found(warnDeprecated, { hooks: { prestart: [] } }), []);
});

/** Each dangerous setting, and the path and words of its warning. */
const DANGERS: readonly [changes: Record<string, unknown>, path: string, words: RegExp][] = [
  [
    { "mounts[4]": { destination: "/host", source: "/", options: ["rbind"] } },
    "mounts[4].source",
    /whole host/,
  ],
  [
    { "mounts[4]": { destination: "/h", source: "//etc/../etc", options: ["bind"] } },
    "mounts[4].source",
    /"\/etc"/,
  ],
  [
    { "mounts[4]": { destination: "/s", source: "/var/run/docker.sock", options: ["bind", "ro"] } },
    "mounts[4].source",
    /socket of docker/,
  ],
  [
    { "mounts[4]": { destination: "/s", source: "/run/containerd/containerd.sock", options: ["bind"] } },
    "mounts[4].source",
    /socket of containerd/,
  ],
  [{ "linux.maskedPaths": [] }, "linux.maskedPaths", /masked/],
  [{ "linux.readonlyPaths": undefined }, "linux.readonlyPaths", /read-only/],
  [{ "linux.seccomp": undefined }, "linux.seccomp", /filtered/],
  [{ "linux.seccomp": { defaultAction: "SCMP_ACT_ALLOW" } }, "linux.seccomp", /filtered/],
  [{ "process.apparmorProfile": undefined }, "process.apparmorProfile", /neither/],
  [{ "process.apparmorProfile": "unconfined" }, "process.apparmorProfile", /does not confine/],
  [
    { "process.capabilities.permitted": ["CAP_SYS_ADMIN"] },
    "process.capabilities.permitted",
    /CAP_SYS_ADMIN/,
  ],
  [
    { "linux.namespaces": [{ type: "mount" }, { type: "network" }, { type: "ipc" }] },
    "linux.namespaces",
    /PID/,
  ],
  [{ "linux.namespaces[0].path": "/proc/1/ns/mnt" }, "linux.namespaces[0].path", /host's init/],
  [{ "root.path": "/" }, "root.path", /host's, and writable/],
  [{ "linux.rootfsPropagation": "rshared" }, "linux.rootfsPropagation", /appear on the host/],
  [{ "linux.resources.devices[0].allow": true }, "linux.resources.devices[0]", /every device/],
];

Deno.test("dangers: docker's usual config has none, each of them is told", () => {
  assertEquals(found(warnDangers, {}), []);
  for (const [changes, path, words] of DANGERS) {
    const lines = found(warnDangers, changes), text = JSON.stringify(changes);
    assertEquals(lines.length, 1, `${text}: ${lines.join("; ")}`);
    assert(lines[0].startsWith(`${path}: `) && words.test(lines[0]), `${text}: ${lines[0]}`);
  }
});

Deno.test("dangers: what is read-only, or in a user namespace, is less of one; all capabilities are one", () => {
  const harmless = [
    { "mounts[4]": { destination: "/host", source: "/", options: ["rbind", "ro"] } },
    { "mounts[4]": { destination: "/x", source: "/srv", options: ["rbind"] } },
    { "mounts[4]": { destination: "/", type: "tmpfs", source: "/" } },
    { "root": { path: "/", readonly: true } },
  ];
  for (const changes of harmless) assertEquals(found(warnDangers, changes), [], JSON.stringify(changes));
  const strong = { "process.capabilities.permitted": ["CAP_SYS_ADMIN"] };
  assertEquals(found(warnDangers, strong, remappedConfig), []);
  const all = { "process.capabilities.permitted": Object.keys(CAPABILITIES) };
  assert(found(warnDangers, all, remappedConfig)[0].includes("gives all capabilities"));
});

Deno.test("values and sections: by the paths that problems have", () => {
  const document = { a: [{ "b.c": 5, big: 2n ** 64n }], text: "x".repeat(300) };
  assertEquals(valueAt(document, 'a[0]["b.c"]'), 5);
  assertEquals(valueAt(document, "a[1].b"), undefined);
  assertEquals(valueAt(document, "constructor"), undefined);
  assertEquals(shownValue(valueAt(document, "a[0].big")), "18446744073709551616");
  assertEquals(shownValue(document.text)!.length, 81);
  assertEquals(shownValue(undefined), undefined);
  for (
    const [path, section] of [
      ["", "config.md#configuration"],
      ["process.rlimits[3].hard", "config.md#posix-process"],
      ["process.args[0]", "config.md#process"],
      ['linux.sysctl["a.b[0]"]', "config-linux.md#sysctl"],
      ["linux.resources.memory.limit", "config-linux.md#memory"],
      ["nothing.known", "config.md#configuration"],
    ]
  ) assertEquals(sectionOf(path), section, path);
});
