import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENODEV } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { freeze, isFrozen, thaw, thawTree } from "./freezer.ts";

const DIR = "/f";

function freezer(state = "THAWED", self = "0"): FakeCgroupFs {
  return new FakeCgroupFs(
    [DIR],
    () => ({ "freezer.state": state + "\n", "freezer.self_freezing": self + "\n" }),
  );
}

/** A freezer that needs so many writes of FROZEN since the last thaw. */
function slow(writesNeeded: number): FakeCgroupFs {
  const fs = freezer();
  let since = 0;
  fs.keepAs(`${DIR}/freezer.state`, (value) => {
    since = value === "FROZEN" ? since + 1 : 0;
    return value === "FROZEN" && since < writesNeeded ? "FREEZING" : value;
  });
  return fs;
}

Deno.test("freeze asks once where that is enough", () => {
  const fs = freezer();
  freeze(fs, DIR);
  assertEquals(fs.log, ["write /f/freezer.state FROZEN", "read /f/freezer.state"]);
});

Deno.test("freeze asks again while the kernel is still freezing, first at once, then with pauses", () => {
  const fs = slow(25);
  freeze(fs, DIR);
  assertEquals(fs.writes.length, 25);
  assertEquals(fs.log.filter((line) => line.startsWith("pause")).length, 5);
});

Deno.test("freeze gives up in bounded time and leaves the cgroup thawed", () => {
  const fs = slow(Infinity);
  assertThrows(() => freeze(fs, DIR), RuntimeError, "unable to freeze");
  assertEquals(fs.read(DIR, "freezer.state"), "THAWED\n");
  const waited = fs.log.filter((line) => line.startsWith("pause")).reduce(
    (sum, line) => sum + Number(line.slice(6)),
    0,
  );
  assertEquals(waited >= 10_000 && waited <= 10_020, true, String(waited));
});

Deno.test("freeze: tasks that take seconds to stop get the time, between thaws ever further apart", () => {
  const fs = slow(200);
  freeze(fs, DIR);
  const thaws = fs.writes.map((line, i) => line.endsWith("THAWED") ? i : -1).filter((i) => i >= 0);
  const between = thaws.slice(2).map((at, i) => at - thaws[i + 1]);
  assertEquals(between.every((gap, i) => i === 0 || gap > between[i - 1]), true, String(between));
  assertEquals(thaws.length >= 5, true, String(thaws));
});

Deno.test("freeze thaws after a failure, and reports that failure even if thawing fails too", () => {
  const fs = freezer();
  fs.fail("read /f/freezer.state", ENODEV);
  assertThrows(() => freeze(fs, DIR), RuntimeError, "read /f/freezer.state: no such device");
  assertEquals(fs.writes.at(-1), "/f/freezer.state THAWED");
  fs.fail("write /f/freezer.state", EINVAL);
  assertThrows(() => freeze(fs, DIR), RuntimeError, 'failed to write "FROZEN"');
  const odd = freezer();
  odd.keepAs("/f/freezer.state", () => "MELTING");
  assertThrows(() => freeze(odd, DIR), RuntimeError, "unexpected state MELTING while freezing");
});

Deno.test("thaw is one write", () => {
  const fs = freezer("FROZEN", "1");
  thaw(fs, DIR);
  assertEquals(fs.log, ["write /f/freezer.state THAWED"]);
});

Deno.test("thawTree thaws each that was frozen by itself, and minds nothing that is gone", () => {
  const files = (self: string) => ({ "freezer.state": "FROZEN\n", "freezer.self_freezing": `${self}\n` });
  const fs = new FakeCgroupFs([DIR, "/f/a", "/f/a/b", "/f/c"], (dir) => files(dir === "/f/a" ? "0" : "1"));
  fs.fail("write /f/c/freezer.state", ENODEV);
  thawTree(fs, DIR);
  assertEquals(fs.writes, ["/f", "/f/a/b", "/f/c"].map((dir) => `${dir}/freezer.state THAWED`));
  thawTree(fs, "/nowhere");
});

Deno.test("isFrozen tells the cgroup's own freeze from a parent's, without waiting for tasks to stop", () => {
  const cases: [state: string, self: string, want: boolean][] = [
    ["THAWED", "0", false],
    ["FREEZING", "1", true],
    ["FROZEN", "1", true],
    ["FROZEN", "0", false],
  ];
  for (const [state, self, want] of cases) {
    const fs = freezer(state, self);
    assertEquals(isFrozen(fs, DIR), want, `${state} ${self}`);
    assertEquals(fs.log.filter((line) => line.startsWith("pause")), []);
  }
});

Deno.test("isFrozen: gone means no, other failures are errors", () => {
  const gone = freezer();
  gone.fail("read /f/freezer.self_freezing", ENODEV);
  assertEquals(isFrozen(gone, DIR), false);
  assertEquals(isFrozen(freezer(), "/nowhere"), false);
  const broken = freezer();
  broken.fail("read /f/freezer.self_freezing", EINVAL);
  assertThrows(() => isFrozen(broken, DIR), RuntimeError, "invalid argument");
});
