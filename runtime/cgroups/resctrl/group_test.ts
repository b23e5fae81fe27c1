import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, ENOSPC } from "../../../ffi/errno.ts";
import type { LinuxIntelRdt } from "../../../spec/types.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeResctrl, MOUNT } from "./fake_testing.ts";
import { enterResctrl, planResctrl, removeResctrl } from "./group.ts";

const plan = (rdt: LinuxIntelRdt, fs: FakeResctrl) => planResctrl(rdt, "c1", MOUNT, fs);

/** What a create does; the log of what it changed comes back. */
function created(rdt: LinuxIntelRdt, fs = new FakeResctrl()) {
  const group = plan(rdt, fs);
  group.prepare();
  group.enter(42);
  const changes = fs.log.filter((line) => !line.startsWith("read ")).map((line) =>
    line.replaceAll(MOUNT, "")
  );
  fs.log.length = 0;
  return { group, fs, changes };
}

function removed({ group, fs }: ReturnType<typeof created>): string[] {
  removeResctrl(group.record, fs);
  return fs.log.map((line) => line.replaceAll(MOUNT, ""));
}

Deno.test("a class named after the container is made, filled and removed", () => {
  const container = created({
    schemata: ["L2:0=f", "L3:0=3"],
    memBwSchema: "MB:0=20",
    l3CacheSchema: "L3:0=f",
  });
  assertEquals(container.changes, [
    "mkdir /c1",
    "write /c1/schemata L3:0=f\n",
    "write /c1/schemata MB:0=20\n",
    "write /c1/schemata L2:0=f\n",
    "write /c1/schemata L3:0=3\n",
    "write /c1/tasks 42",
  ]);
  assertEquals(removed(container), ["rmdir /c1"]);
});

Deno.test("without schemata nothing is written but the pid", () => {
  assertEquals(created({}).changes, ["mkdir /c1", "write /c1/tasks 42"]);
  assertEquals(created({ closID: "/" }).changes, ["mkdir ", "write /tasks 42"]);
});

Deno.test("a class named after the container that was there before stays", () => {
  const container = created({ l3CacheSchema: "L3:0=f" }, new FakeResctrl().group("/c1"));
  assertEquals(container.changes, ["mkdir /c1", "write /c1/schemata L3:0=f\n", "write /c1/tasks 42"]);
  assertEquals(removed(container), []);
});

Deno.test("a class that somebody makes in the meantime is not the container's", () => {
  const fs = new FakeResctrl();
  const group = plan({}, fs);
  const planned = group.record;
  fs.group("/c1");
  const made = group.prepare();
  // What was planned, and written to the state file, is not changed from here.
  assertEquals([planned.made, made.made, group.record], [true, false, made]);
});

Deno.test("a class with a name is made where it is missing, and stays", () => {
  const container = created({ closID: "gold", l3CacheSchema: "L3:0=f" });
  assertEquals(container.changes, ["mkdir /gold", "write /gold/schemata L3:0=f\n", "write /gold/tasks 42"]);
  assertEquals(removed(container), []);
});

Deno.test("a class with a name that exists has to fit, and is not written to", () => {
  const gold = () =>
    new FakeResctrl().group("/gold", { schemata: "    L3:0=0000f;1=ff\n    MB:0= 30;1=100\n" });
  const fitting: LinuxIntelRdt[] = [
    { l3CacheSchema: "L3:0=f" },
    { l3CacheSchema: "L3:1=0xFF;0=0f", memBwSchema: "MB:0=30" },
    { memBwSchema: "MB:0=21" },
    { schemata: ["L3:0=1", "L3:0=f"] },
  ];
  for (const rdt of fitting) {
    assertEquals(
      created({ closID: "gold", ...rdt }, gold()).changes,
      ["mkdir /gold", "write /gold/tasks 42"],
      JSON.stringify(rdt),
    );
  }
  const others: [LinuxIntelRdt, string][] = [
    [{ l3CacheSchema: "L3:0=e" }, "L3:0=e is asked for, 0000f is there"],
    [{ memBwSchema: "MB:0=31;1=100" }, "MB:0=31 is asked for, 30 is there"],
    [{ memBwSchema: "MB:0=20" }, "MB:0=20 is asked for, 30 is there"],
    [{ l3CacheSchema: "L3:7=f" }, "L3:7=f is asked for, nothing is there"],
    [{ schemata: ["L2:0=f"] }, "L2:0=f is asked for, nothing is there"],
    [{ schemata: ["L3"] }, "L3:= is asked for, nothing is there"],
  ];
  for (const [rdt, message] of others) {
    const fs = gold();
    const group = plan({ closID: "gold", ...rdt }, fs);
    assertThrows(() => group.prepare(), RuntimeError, message);
    assertEquals(fs.writes, []);
  }
});

Deno.test("a class with a name and without schemata has to exist", () => {
  assertEquals(created({ closID: "gold" }, new FakeResctrl().group("/gold")).changes, [
    "mkdir /gold",
    "write /gold/tasks 42",
  ]);
  assertThrows(
    () => plan({ closID: "gold" }, new FakeResctrl()),
    RuntimeError,
    'intelRdt.closID "gold": there is no /tmp/gold, and without',
  );
});

Deno.test("a MON group of the container's own is made in its class, and removed", () => {
  const shared = created({ closID: "gold", enableMonitoring: true }, new FakeResctrl().group("/gold"));
  assertEquals(shared.changes, [
    "mkdir /gold",
    "mkdir /gold/mon_groups/c1",
    "write /gold/tasks 42",
    "write /gold/mon_groups/c1/tasks 42",
  ]);
  assertEquals(removed(shared), ["rmdir /gold/mon_groups/c1"]);
  const own = created({ enableMonitoring: true });
  assertEquals(removed(own), ["rmdir /c1/mon_groups/c1", "rmdir /c1"]);
  const root = created({ closID: "/", enableMonitoring: true });
  assertEquals(root.changes.slice(1), [
    "mkdir /mon_groups/c1",
    "write /tasks 42",
    "write /mon_groups/c1/tasks 42",
  ]);
});

Deno.test("a MON group of that name belongs to somebody else", () => {
  const fs = new FakeResctrl().group("/gold").group("/gold/mon_groups/c1");
  const rdt = { closID: "gold", enableMonitoring: true };
  assertThrows(() => plan(rdt, fs), RuntimeError, "MON group /tmp/gold/mon_groups/c1 exists already");
  const later = new FakeResctrl().group("/gold");
  const group = plan(rdt, later);
  later.group("/gold/mon_groups/c1");
  assertThrows(() => group.prepare(), RuntimeError, "make MON group /tmp/gold/mon_groups/c1: file exists");
  assertEquals(later.log.filter((line) => line.startsWith("rmdir")), []);
});

Deno.test("what the machine cannot do is refused before anything is made", () => {
  const cases: [LinuxIntelRdt, string, string][] = [
    [
      { l3CacheSchema: "L3:0=f" },
      "L3",
      "l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled",
    ],
    [
      { memBwSchema: "MB:0=20" },
      "MB",
      "memBwSchema is specified in config, but Intel RDT/MBA is not enabled",
    ],
    [
      { enableMonitoring: true },
      "L3_MON",
      "enableMonitoring is specified in config, but Intel RDT monitoring",
    ],
  ];
  for (const [rdt, info, message] of cases) {
    assertThrows(() => plan(rdt, new FakeResctrl().lacks(info)), RuntimeError, message);
    plan(rdt, new FakeResctrl());
  }
  assertThrows(
    () => planResctrl({}, "c1", undefined, new FakeResctrl()),
    RuntimeError,
    "intelRdt is specified in config, but Intel RDT is not enabled",
  );
  assertThrows(() => plan({ closID: "info" }, new FakeResctrl()), RuntimeError, "not a class of service");
});

Deno.test("what the kernel says of a failure is told, and what was made for it goes", () => {
  const fs = new FakeResctrl();
  fs.put(`${MOUNT}/info`, "last_cmd_status", "Mask out of range\n");
  fs.fail(`write ${MOUNT}/gold/schemata`, EINVAL);
  const group = plan({ closID: "gold", l3CacheSchema: "L3:0=fffffffff" }, fs);
  assertThrows(
    () => group.prepare(),
    RuntimeError,
    'intelrdt: failed to write "L3:0=fffffffff\\n": write /tmp/gold/schemata: invalid argument, ' +
      "last_cmd_status: Mask out of range",
  );
  assertEquals(fs.tree.has(`${MOUNT}/gold`), false);
  fs.fail(`mkdir ${MOUNT}/c1`, ENOSPC);
  fs.put(`${MOUNT}/info`, "last_cmd_status", "Out of CLOSIDs\n");
  assertThrows(
    () => plan({}, fs).prepare(),
    RuntimeError,
    "intelrdt: make class of service /tmp/c1: no space left on device, last_cmd_status: Out of CLOSIDs",
  );
});

Deno.test("a class that others have joined is not removed after a failure", () => {
  const fs = new FakeResctrl();
  const group = plan({ closID: "gold", l3CacheSchema: "L3:0=f" }, fs);
  fs.fail(`write ${MOUNT}/gold/schemata`, EINVAL);
  const mkdir = fs.mkdir.bind(fs);
  fs.mkdir = (dir) => {
    const errno = mkdir(dir);
    fs.put(dir, "tasks", "77\n");
    return errno;
  };
  assertThrows(() => group.prepare(), RuntimeError, "invalid argument");
  assertEquals(fs.tree.has(`${MOUNT}/gold`), true);
});

Deno.test("the init enters once, other processes as they come", () => {
  const { group, fs } = created({});
  group.enter(42);
  assertEquals(fs.writes, []);
  enterResctrl(group.record, 43, fs);
  assertEquals(fs.writes, ["/tmp/c1/tasks 43"]);
});
