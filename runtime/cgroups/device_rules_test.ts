import { assertEquals, assertThrows } from "@std/assert";
import type { LinuxDeviceCgroup } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { deviceList, formatException } from "./device_rules.ts";

const DEFAULTS = [
  "b *:* m",
  "c *:* m",
  "c 1:3 rwm",
  "c 1:5 rwm",
  "c 1:7 rwm",
  "c 1:8 rwm",
  "c 1:9 rwm",
  "c 5:0 rwm",
  "c 5:2 rwm",
  "c 10:200 rwm",
  "c 136:* rwm",
];

function rule(text: string): LinuxDeviceCgroup {
  const [sign, type, numbers, access] = text.split(" ");
  const [major, minor] = numbers.split(":").map((n) => n === "*" ? undefined : Number(n));
  return { allow: sign === "+", type: type as "a" | "b" | "c", major, minor, access };
}

function listed(...rules: string[]): { defaultAllow: boolean; exceptions: string[] } {
  const { defaultAllow, exceptions } = deviceList(rules.map(rule));
  return { defaultAllow, exceptions: exceptions.map(formatException) };
}

Deno.test("no rules and deny-all come to the same: the defaults, in runc's order", () => {
  for (const rules of [undefined, [], [rule("- a *:* rwm")]]) {
    const { defaultAllow, exceptions } = deviceList(rules);
    assertEquals([defaultAllow, exceptions.map(formatException)], [false, DEFAULTS]);
  }
});

Deno.test("docker's list needs one more write than the defaults", () => {
  const docker = [
    "- a *:* rwm",
    "+ c 1:5 rwm",
    "+ c 1:3 rwm",
    "+ c 1:9 rwm",
    "+ c 1:8 rwm",
    "+ c 5:0 rwm",
    "+ c 5:1 rwm",
  ];
  assertEquals(listed(...docker).exceptions, [
    ...DEFAULTS.slice(0, 8),
    "c 5:1 rwm",
    ...DEFAULTS.slice(8),
  ]);
});

Deno.test("rules become a final list", async (t) => {
  const cases: [name: string, rules: string[], defaultAllow: boolean, extra: string[]][] = [
    ["privileged", ["+ a *:* rwm"], true, []],
    ["allow-all forgets what came before", ["- b 8:0 r", "+ a *:* rwm"], true, []],
    ["deny-list after allow-all", ["+ a *:* rwm", "- b 8:0 w"], true, ["b 8:0 w"]],
    ["an access given twice is united", ["- a *:* rwm", "+ b 8:0 r", "+ b 8:0 w"], false, ["b 8:0 rw"]],
    ["a rule taken back", ["- a *:* rwm", "+ b 8:0 rw", "- b 8:0 w"], false, ["b 8:0 r"]],
    ["a rule taken back wholly", ["- a *:* rwm", "+ b 8:0 rw", "- b 8:0 rw"], false, []],
    ["what is not there can be denied", ["- a *:* rwm", "- b 8:0 rw"], false, []],
    ["included by the default mknod of everything", ["- a *:* rwm", "+ b 8:0 m"], false, []],
    ["the last of two a rules counts", ["+ a *:* rwm", "- a *:* rwm"], false, []],
  ];
  for (const [name, rules, defaultAllow, extra] of cases) {
    await t.step(name, () => {
      const got = listed(...rules);
      assertEquals(got.defaultAllow, defaultAllow);
      const own = got.exceptions.filter((text) => !DEFAULTS.includes(text));
      assertEquals(own, extra);
      assertEquals(got.exceptions.length - own.length, defaultAllow ? 0 : DEFAULTS.length);
    });
  }
});

Deno.test("a wide rule makes the narrow ones unnecessary", () => {
  assertEquals(listed("- a *:* rwm", "+ c *:* rwm").exceptions, ["b *:* m", "c *:* rwm"]);
  assertEquals(listed("- a *:* rwm", "+ c 10:* rwm").exceptions.includes("c 10:200 rwm"), false);
});

Deno.test("missing numbers and -1 are every number, a missing type is all devices", () => {
  const { exceptions } = deviceList([{ allow: true, type: "b", major: -1, access: "r" }]);
  assertEquals(exceptions.map(formatException)[0], "b *:* rm");
  assertEquals(deviceList([{ allow: true, access: "rwm" }]).defaultAllow, true);
});

Deno.test("letters of an access beside r, w and m count for nothing", () => {
  const list = deviceList([{ allow: true, type: "c", major: 10, minor: 229, access: "rx" }]);
  assertEquals(list.exceptions.filter(({ minor }) => minor === 229).map(formatException), ["c 10:229 r"]);
});

Deno.test("rules that make no sense are refused", () => {
  const cases: [LinuxDeviceCgroup[], string][] = [
    [[{ allow: true, type: "c" }], "device access at 0 field cannot be empty"],
    [
      [rule("- a *:* rwm"), { allow: true, type: "c", access: "" }],
      "device access at 1 field cannot be empty",
    ],
    [[{ allow: true, type: "p" as "c", access: "rw" }], 'invalid cgroup device type "p"'],
    [[{ allow: true, type: "c", access: "x" }], 'invalid cgroup device access "x"'],
    [
      [rule("+ c 10:* rw"), rule("- c 10:229 w")],
      "requested rule [c 10:229 w] not supported by devices cgroupv1 (cannot punch hole in existing wildcard rule [c 10:* rw])",
    ],
    [
      [rule("+ a *:* rwm"), rule("- c 10:* rw"), rule("+ c 10:229 w")],
      "requested rule [c 10:229 w] not supported by devices cgroupv1 (cannot punch hole in existing wildcard rule [c 10:* rw])",
    ],
  ];
  for (const [rules, message] of cases) assertThrows(() => deviceList(rules), RuntimeError, message);
});
