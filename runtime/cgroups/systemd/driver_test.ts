import { local } from "../../../ffi/local.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { ENOENT, EROFS } from "../../../ffi/errno.ts";
import type { LinuxResources } from "../../../spec/types.ts";
import { DBusError } from "../../dbus/connection.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupRecord } from "../types.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { SystemdCgroup } from "./driver.ts";
import { LiveSystemd } from "./live.ts";
import type { Property, Systemd } from "./manager.ts";
import { placeOf, unitPath } from "./unit.ts";

const STAGE = 77;

/** A systemd that makes directories in a tree in memory, and logs what it is told. */
class FakeSystemd implements Systemd {
  readonly log: string[] = [];
  readonly values: Record<string, unknown> = { DevicePolicy: "strict" };
  failure: RuntimeError | undefined;

  constructor(readonly started: () => void = () => {}) {}

  startTransientUnit(unit: string, properties: readonly Property[], mayExist?: boolean): void {
    this.log.push(`start ${unit}${mayExist ? " if it is not there" : ""}: ${text(properties)}`);
    if (this.failure) throw this.failure;
    this.started();
  }
  stopUnit(unit: string): void {
    this.log.push(`stop ${unit}`);
    if (this.failure) throw this.failure;
  }
  setProperties(unit: string, properties: readonly Property[]): void {
    this.log.push(`set ${unit}: ${text(properties)}`);
    if (this.failure) throw this.failure;
  }
  properties(_unit: string, names: readonly string[]): Property[] {
    return names.map((name) => [name, { signature: "s", value: String(this.values[name] ?? "old") }]);
  }
  attachProcesses(): void {}
  controlGroup(): string {
    return "";
  }
  version(): number {
    return 252;
  }
  [Symbol.dispose](): void {
    this.log.push("hang up");
  }
}

function text(properties: readonly Property[]): string {
  return properties.map(([name, { value }]) => `${name}=${value}`).join(" ");
}

const MOUNT = "/cg", DIR = "/cg/a.slice/a-b.slice/tsr-c1.scope";
const FILES = {
  "cgroup.procs": "",
  "cgroup.controllers": "cpu memory pids",
  "cgroup.subtree_control": "cpu memory",
  "cgroup.freeze": "0",
  "memory.max": "max",
  "memory.current": "500",
  "pids.max": "max",
  "cpu.max": "max 100000",
};

function sceneV2(path = "a-b.slice:tsr:c1", dir = DIR) {
  const fs = new FakeCgroupFs([MOUNT], () => FILES);
  const place = placeOf("c1", path, false);
  const record: CgroupRecord = {
    driver: "systemd-v2",
    paths: { unified: MOUNT + unitPath(place) },
    unit: place.unit,
    slice: place.slice,
    bus: "system",
  };
  const systemd = new FakeSystemd(() => {
    for (let at = dir.indexOf("/", MOUNT.length + 1); at > 0; at = dir.indexOf("/", at + 1)) {
      fs.mkdir(dir.slice(0, at));
    }
    fs.mkdir(dir);
    fs.put(dir, "cgroup.procs", `${STAGE}\n`);
  });
  const programs: string[] = [];
  const driver = new SystemdCgroup({
    kernel: local,
    fs,
    record,
    mountpoint: MOUNT,
    connect: () => systemd,
    place,
    properties: [["CollectMode", { signature: "s", value: "inactive" }]],
    attachDevices: (on) => programs.push(on),
  });
  return { fs, record, systemd, driver, programs };
}

Deno.test("a scope is made with the stage in it, and gets the controllers that systemd does not hand down", () => {
  const { fs, systemd, driver } = sceneV2();
  driver.create({ memory: { limit: 1000 } }, STAGE);
  assertEquals(systemd.log, [
    "start tsr-c1.scope: Description=libcontainer container c1 Slice=a-b.slice Delegate=true PIDs=77 " +
    "MemoryAccounting=true CPUAccounting=true IOAccounting=true TasksAccounting=true " +
    "DefaultDependencies=false CollectMode=inactive",
  ]);
  assertEquals(fs.writes, [
    "/cg/cgroup.subtree_control +pids",
    "/cg/a.slice/cgroup.subtree_control +pids",
    "/cg/a.slice/a-b.slice/cgroup.subtree_control +pids",
  ]);
  // The init is born where the stage is.
  assertEquals(driver.entry(), { tasks: [], cloneInto: null });
});

Deno.test("limits go to systemd first and to the files then, and the line is not kept", () => {
  const { fs, systemd, driver, programs } = sceneV2();
  driver.create(undefined, STAGE);
  fs.log.length = systemd.log.length = 0;
  driver.set({ memory: { limit: 1000 }, cpu: { quota: 33333 } });
  assertEquals(systemd.log, ["set tsr-c1.scope: MemoryMax=1000 CPUQuotaPerSecUSec=340000", "hang up"]);
  assertEquals(fs.writes, [`${DIR}/memory.max 1000`, `${DIR}/cpu.max 34000 100000`]);
  assertEquals(programs, [DIR]);
});

Deno.test("a slice is made without a process, which then enters it", () => {
  const { systemd, driver } = sceneV2("a.slice:x:a-b.slice", "/cg/a.slice/a-b.slice");
  driver.create(undefined, STAGE);
  const expected =
    "start a-b.slice if it is not there: Description=libcontainer container a-b.slice Wants=a.slice Mem";
  assertEquals(systemd.log[0].slice(0, expected.length), expected);
  assertEquals(systemd.log[0].includes("PIDs"), false);
  assertEquals(driver.entry(), { tasks: [], cloneInto: "/cg/a.slice/a-b.slice" });
});

Deno.test("a cgroup in use is refused before systemd is asked", () => {
  const { systemd, driver } = sceneV2();
  systemd.started();
  assertThrows(
    () => driver.create(undefined, STAGE),
    RuntimeError,
    "container's cgroup is not empty: 1 process(es) found",
  );
  const frozen = sceneV2();
  frozen.systemd.started();
  frozen.fs.put(DIR, "cgroup.procs", "");
  frozen.fs.put(DIR, "cgroup.freeze", "1");
  assertThrows(() => frozen.driver.create(undefined, STAGE), RuntimeError, "unexpectedly frozen");
  assertEquals([...systemd.log, ...frozen.systemd.log], []);
});

Deno.test("after a create that failed nothing is left to remove: the unit may be somebody else's", () => {
  const { systemd, driver, record } = sceneV2();
  systemd.failure = new RuntimeError("EIO_TEST", "unit exists");
  assertThrows(() => driver.create(undefined, STAGE), RuntimeError, "unit exists");
  assertEquals(driver.record, { driver: record.driver, paths: {} });
  systemd.log.length = 0;
  driver.destroy();
  assertEquals(systemd.log, []);
});

Deno.test("a systemd that makes the cgroup elsewhere is an error", () => {
  const { fs, driver } = sceneV2("a-b.slice:tsr:c1", "/cg/elsewhere");
  assertThrows(
    () => driver.create(undefined, STAGE),
    RuntimeError,
    `systemd has made unit "tsr-c1.scope", but its cgroup is not ${DIR}`,
  );
  assertEquals(fs.tree.has("/cg/a.slice"), false);
});

Deno.test("destroy stops the unit and removes what is left, whether systemd answers or not", () => {
  for (const failure of [undefined, new RuntimeError("EIO_TEST", "no answer")]) {
    const { fs, systemd, driver } = sceneV2();
    driver.create(undefined, STAGE);
    systemd.log.length = 0;
    systemd.failure = failure;
    fs.put(DIR, "cgroup.procs", "");
    driver.destroy();
    assertEquals(systemd.log, ["stop tsr-c1.scope", "hang up"]);
    assertEquals(fs.tree.has(DIR), false);
  }
});

Deno.test("an update changes the unit and the files; where a file is refused both go back", () => {
  const { fs, systemd, driver, record } = sceneV2();
  driver.create(undefined, STAGE);
  const live = new LiveSystemd(local, record, fs, () => systemd);
  systemd.log.length = fs.log.length = 0;
  live.update({ pids: { limit: 5 } });
  assertEquals(systemd.log, ["set tsr-c1.scope: TasksMax=5", "hang up"]);
  assertEquals(fs.writes, [`${DIR}/pids.max 5`]);

  systemd.log.length = fs.log.length = 0;
  fs.fail(`write ${DIR}/memory.max`, EROFS);
  assertThrows(
    () => live.update({ pids: { limit: 6 }, memory: { limit: 1000 } }),
    RuntimeError,
    "memory.max",
  );
  assertEquals(systemd.log, [
    "set tsr-c1.scope: MemoryMax=1000 TasksMax=6",
    "set tsr-c1.scope: MemoryMax=old TasksMax=old",
    "hang up",
  ]);
  assertEquals(fs.read(DIR, "pids.max").trim(), "5");
});

Deno.test("an update that the container does not outlive says so", () => {
  const { fs, systemd, driver, record } = sceneV2();
  driver.create(undefined, STAGE);
  const live = new LiveSystemd(local, record, fs, () => systemd);
  // The kernel kills all processes at the first change, and systemd forgets the unit.
  const gone = new DBusError(
    "set back",
    "org.freedesktop.systemd1.NoSuchUnit",
    "Unit tsr-c1.scope not found.",
  );
  fs.fail(`write ${DIR}/memory.max`, ENOENT);
  systemd.setProperties = () => {
    if (systemd.failure) throw systemd.failure;
    systemd.failure = gone;
  };
  assertThrows(
    () => live.update({ memory: { limit: 1 } }),
    RuntimeError,
    `memory.max: no such file or directory; the container has ended meanwhile`,
  );
});

Deno.test("a limit below the usage is refused before systemd could enforce it", () => {
  const { fs, systemd, driver, record } = sceneV2();
  driver.create(undefined, STAGE);
  systemd.log.length = 0;
  const live = new LiveSystemd(local, record, fs, () => systemd);
  const resources: LinuxResources = { memory: { limit: 400, checkBeforeUpdate: true } };
  assertThrows(() => live.update(resources), RuntimeError, "rejecting memory limit 400 <= usage 500");
  assertEquals(systemd.log, ["hang up"]);
});

const NAMES = ["devices", "freezer", "memory", "pids", "name=systemd"];
const SCOPE = "/system.slice/tsr-c1.scope";

/** A host of v1, where systemd knows nothing of the freezer. */
function sceneV1() {
  const roots = NAMES.map((name) => `/cg/${name}`);
  const fs = new FakeCgroupFs(roots, () => ({
    "cgroup.procs": "",
    tasks: "",
    "devices.list": "a *:* rwm",
    "devices.allow": "",
    "devices.deny": "",
    "freezer.state": "THAWED",
    "freezer.self_freezing": "0",
    "memory.limit_in_bytes": "0",
    "pids.max": "max",
  }));
  for (const name of NAMES) fs.keepAs(`/cg/${name}${SCOPE}/freezer.state`, (value) => value);
  const paths = Object.fromEntries(NAMES.map((name) => [name, `/cg/${name}${SCOPE}`]));
  const place = placeOf("c1", ":tsr:c1", false);
  const record: CgroupRecord = {
    driver: "systemd-v1",
    paths,
    unit: place.unit,
    slice: place.slice,
    bus: "system",
  };
  const systemd = new FakeSystemd(() => {
    for (const name of ["memory", "pids", "name=systemd", "devices"]) {
      fs.mkdir(`/cg/${name}/system.slice`);
      fs.mkdir(paths[name]);
      fs.put(paths[name], "cgroup.procs", `${STAGE}\n`);
    }
  });
  const connect = () => systemd;
  const driver = new SystemdCgroup({
    kernel: local,
    fs,
    record,
    mountpoint: MOUNT,
    connect,
    place,
    properties: [],
  });
  return { fs, record, systemd, driver, paths };
}

Deno.test("v1: devices belong to the unit from its birth, and the stage enters what systemd does not know", () => {
  const { fs, systemd, driver, paths } = sceneV1();
  driver.create({ devices: [{ allow: true, access: "rwm" }] }, STAGE);
  assertEquals(systemd.log[0].includes("BlockIOAccounting=true"), true);
  assertEquals(systemd.log[0].endsWith("DefaultDependencies=false DeviceAllow= DevicePolicy=auto"), true);
  assertEquals(fs.tree.has(paths.freezer), true);
  assertEquals(driver.entry(), {
    tasks: ["devices", "freezer", "memory", "pids"].map((name) => `${paths[name]}/tasks`),
    cloneInto: null,
  });
});

Deno.test("v1: a process that systemd has moved out of a controller's cgroup is moved back", () => {
  const { fs, driver, paths } = sceneV1();
  driver.create(undefined, STAGE);
  fs.log.length = 0;
  fs.put(paths.devices, "cgroup.procs", "");
  driver.set({ pids: { limit: 5 } });
  assertEquals(fs.writes.filter((line) => line.includes("devices") && line.includes("procs")), [
    `${paths.devices}/cgroup.procs ${STAGE}`,
  ]);
  fs.log.length = 0;
  driver.set({ pids: { limit: 5 } });
  assertEquals(fs.writes.filter((line) => line.includes("procs")), []);
});

Deno.test("v1: during an update no process runs, and devices that were allowed since are allowed again", () => {
  const { fs, systemd, driver, record, paths } = sceneV1();
  driver.create(undefined, STAGE);
  fs.put(paths.devices, "devices.list", "c 1:3 rwm\nc 195:0 rw\n");
  const live = new LiveSystemd(local, record, fs, () => systemd);
  fs.log.length = systemd.log.length = 0;
  live.update({ pids: { limit: 5 } });
  assertEquals(fs.writes, [
    `${paths.freezer}/freezer.state FROZEN`,
    `${paths.devices}/devices.allow c 1:3 rwm`,
    `${paths.devices}/devices.allow c 195:0 rw`,
    `${paths.freezer}/freezer.state THAWED`,
    `${paths.pids}/pids.max 5`,
  ]);
});

Deno.test("v1: what is forbidden to a container that may use all else is not laid open by an update", () => {
  const { fs, systemd, driver, record, paths } = sceneV1();
  driver.create(undefined, STAGE);
  const live = new LiveSystemd(local, record, fs, () => systemd);
  systemd.log.length = fs.log.length = 0;
  live.update({ pids: { limit: 5 } });
  assertEquals(systemd.log, ["hang up"]);
  assertEquals(fs.writes, [`${paths.pids}/pids.max 5`]);
  // Without anything forbidden there is nothing to lose.
  systemd.values.DevicePolicy = "auto";
  live.update({ pids: { limit: 6 } });
  assertEquals(systemd.log.includes("set tsr-c1.scope: TasksMax=6"), true);
});

Deno.test("v1 has no files of v2", () => {
  const { driver } = sceneV1();
  driver.create(undefined, STAGE);
  assertThrows(
    () => driver.set({ unified: { "memory.high": "1" } }),
    RuntimeError,
    "cannot use unified on cgroup v1",
  );
});
