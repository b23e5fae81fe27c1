import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENODEV } from "../../ffi/errno.ts";
import { RuntimeError } from "../errors.ts";
import { FakeCgroupFs } from "./fake_fs.ts";
import { freeze, isFrozen, thaw } from "./freezer_v1.ts";

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
  assertEquals(waited <= 1500, true, String(waited));
  assertEquals(fs.writes.filter((line) => line.endsWith("THAWED")).length, 21);
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

Deno.test("isFrozen tells the cgroup's own freeze from a parent's", () => {
  const cases: [state: string, self: string, want: boolean][] = [
    ["THAWED", "0", false],
    ["FROZEN", "1", true],
    ["FROZEN", "0", false],
  ];
  for (const [state, self, want] of cases) {
    assertEquals(isFrozen(freezer(state, self), DIR), want, `${state} ${self}`);
  }
});

Deno.test("isFrozen: gone means no, odd states and endless freezing are errors", () => {
  const gone = freezer();
  gone.fail("read /f/freezer.state", ENODEV);
  assertEquals(isFrozen(gone, DIR), false);
  assertEquals(isFrozen(freezer(), "/nowhere"), false);
  assertThrows(() => isFrozen(freezer("MELTING"), DIR), RuntimeError, 'unknown "freezer.state" "MELTING"');
  const stuck = freezer("FREEZING");
  assertThrows(
    () => isFrozen(stuck, DIR),
    RuntimeError,
    "unable to get cgroup freezer state: /f stays in FREEZING",
  );
  const broken = freezer();
  broken.fail("read /f/freezer.state", EINVAL);
  assertThrows(() => isFrozen(broken, DIR), RuntimeError, "invalid argument");
});
