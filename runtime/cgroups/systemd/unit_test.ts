import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { expandSlice, placeOf, unitObject, unitPath } from "./unit.ts";

Deno.test("a cgroupsPath says slice, prefix and name", () => {
  const cases: [string | undefined, boolean, [unit: string, slice: string, name: string]][] = [
    ["system.slice:docker:abc", false, ["docker-abc.scope", "system.slice", "abc"]],
    ["machine.slice:libpod:abc", true, ["libpod-abc.scope", "machine.slice", "abc"]],
    [":docker:abc", false, ["docker-abc.scope", "system.slice", "abc"]],
    ["::abc", true, ["-abc.scope", "user.slice", "abc"]],
    ["a.slice::init", false, ["-init.scope", "a.slice", "init"]],
    ["a.slice:b:", false, ["b-.scope", "a.slice", ""]],
    ["-.slice:docker:abc", false, ["docker-abc.scope", "-.slice", "abc"]],
    ["kubepods.slice:cri:kubepods-pod1.slice", false, [
      "kubepods-pod1.slice",
      "kubepods.slice",
      "kubepods-pod1.slice",
    ]],
    [undefined, false, ["runc-c1.scope", "system.slice", "c1"]],
    ["", true, ["runc-c1.scope", "user.slice", "c1"]],
  ];
  for (const [path, rootless, [unit, slice, name]] of cases) {
    assertEquals(placeOf("c1", path, rootless), { unit, slice, name }, path);
  }
});

Deno.test("other paths are refused, in runc's words", () => {
  for (const path of ["/docker/abc", "a.slice:b", "a:b:c:d"]) {
    assertThrows(
      () => placeOf("c1", path, false),
      RuntimeError,
      `expected cgroupsPath to be of format "slice:prefix:name" for systemd cgroups, got "${path}" instead`,
    );
  }
  for (
    const path of [
      "a.slice:b:../x",
      "a.slice:b:x/y",
      "a.slice:b:x'y",
      `a.slice:b:${"x".repeat(300)}`,
    ]
  ) {
    assertThrows(() => placeOf("c1", path, false), RuntimeError, "invalid systemd unit name", path);
  }
  assertThrows(() => placeOf("c1", "a.slice:b:-.slice", false), RuntimeError, "cannot be the root slice");
});

Deno.test("a slice is in the slices that its name begins with", () => {
  assertEquals(expandSlice("system.slice"), "/system.slice");
  assertEquals(expandSlice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
  assertEquals(expandSlice("-.slice"), "");
  for (
    const wrong of [
      "",
      ".slice",
      "a",
      "a.scope",
      "a/b.slice",
      "-a.slice",
      "a-.slice",
      "a--b.slice",
      "../x.slice",
    ]
  ) {
    assertThrows(() => expandSlice(wrong), RuntimeError, `invalid slice name: ${wrong}`);
  }
});

Deno.test("the place of a unit below the mount point", () => {
  assertEquals(
    unitPath({ unit: "d-c.scope", slice: "a-b.slice", name: "c" }),
    "/a.slice/a-b.slice/d-c.scope",
  );
  assertEquals(unitPath({ unit: "d-c.scope", slice: "-.slice", name: "c" }), "/d-c.scope");
  assertEquals(
    unitPath({ unit: "a-b.slice", slice: "system.slice", name: "a-b.slice" }),
    "/a.slice/a-b.slice",
  );
});

Deno.test("the path of a unit's object is escaped as systemd does", () => {
  assertEquals(unitObject("docker-a1.scope"), "/org/freedesktop/systemd1/unit/docker_2da1_2escope");
  assertEquals(unitObject("1a@b.slice"), "/org/freedesktop/systemd1/unit/_31a_40b_2eslice");
});
