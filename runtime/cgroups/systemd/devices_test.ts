import { assertEquals } from "@std/assert";
import { deviceProperties } from "./devices.ts";

const DEFAULTS = [
  ["block-*", "m"],
  ["char-*", "m"],
  ["/dev/char/1:3", "rwm"],
  ["/dev/char/1:5", "rwm"],
  ["/dev/char/1:7", "rwm"],
  ["/dev/char/1:8", "rwm"],
  ["/dev/char/1:9", "rwm"],
  ["/dev/char/5:0", "rwm"],
  ["/dev/char/5:2", "rwm"],
  ["/dev/char/10:200", "rwm"],
  ["char-136", "rwm"],
];

function values(rules: Parameters<typeof deviceProperties>[0]): unknown[] {
  return deviceProperties(rules).map(([name, { value }]) => [name, value]);
}

Deno.test("a list of what is allowed", () => {
  assertEquals(values(undefined), [["DeviceAllow", []], ["DevicePolicy", "strict"], [
    "DeviceAllow",
    DEFAULTS,
  ]]);
  const [, , [, list]] = values([
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major: 8, minor: 1, access: "r" },
    { allow: true, type: "c", major: 226, access: "rw" },
    // One minor number of all majors: systemd cannot say it.
    { allow: true, type: "c", minor: 77, access: "rw" },
  ]) as [unknown, unknown, [string, unknown[]]];
  const own = list.filter((one) => !DEFAULTS.some((other) => String(other) === String(one)));
  assertEquals(own, [["/dev/block/8:1", "r"], ["char-226", "rw"]]);
});

Deno.test("everything allowed; and a list of what is forbidden, which systemd does not know", () => {
  assertEquals(values([{ allow: true, access: "rwm" }]), [["DeviceAllow", []], ["DevicePolicy", "auto"]]);
  assertEquals(
    values([{ allow: true, access: "rwm" }, { allow: false, type: "c", major: 4, minor: 7, access: "rwm" }]),
    [["DeviceAllow", []], ["DevicePolicy", "strict"], ["DeviceAllow", []]],
  );
});
