import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { containerDir, validateId } from "./id.ts";
import { CorruptStateError, MissingContainerError, readState, timestamp, writeState } from "./record.ts";
import { createStateDir, listIds, removeStateDir, removeUnrecorded } from "./state_dir.ts";
import { ociState, statusOf } from "./status.ts";
import { processState, startTimeOf } from "../host/process.ts";
import { lockContainer } from "./lock.ts";
import { local } from "../../ffi/local.ts";
import { sampleState, withProcess, withRoot } from "./record_testing.ts";

Deno.test("state: ids are plain file names", () => {
  for (const id of ["a", "A_b+c-d.e", "...", ".hidden", "0"]) validateId(id);
  for (const id of [".", "..", "../x", "a/b", "a b", "ä", "a\n", "-\0"]) {
    assertEquals(assertThrows(() => validateId(id), RuntimeError).message, "invalid container ID format");
  }
  assertThrows(() => validateId(""), RuntimeError, "container id cannot be empty");
});

Deno.test("state: no function takes a bad id to the file system", () =>
  withRoot((root) => {
    for (const use of [createStateDir, readState, removeStateDir]) {
      assertThrows(() => use(root, "../x"), RuntimeError, "invalid container ID format");
    }
  }));

Deno.test("state: written and read back, with nothing else left", () =>
  withRoot((root) => {
    createStateDir(root, "a");
    const state = sampleState("a", { annotations: { k: "v" } });
    writeState(root, state);
    writeState(root, state);
    assertEquals(readState(root, "a"), state);
    assertEquals([...Deno.readDirSync(containerDir(root, "a"))].map(({ name }) => name), ["state.json"]);
    assertEquals(Deno.statSync(containerDir(root, "a")).mode! & 0o7777, 0o711);
  }));

Deno.test("state: the root is made for nobody else", () =>
  withRoot((root) => {
    createStateDir(`${root}/new/root`, "a");
    assertEquals(Deno.statSync(`${root}/new/root`).mode! & 0o777, 0o700);
  }));

Deno.test("state: an id in use is refused", () =>
  withRoot((root) => {
    createStateDir(root, "a");
    assertThrows(() => createStateDir(root, "a"), RuntimeError, "container with given ID already exists");
  }));

Deno.test("state: what is missing and what is damaged are told apart", () =>
  withRoot((root) => {
    assertThrows(() => readState(root, "a"), MissingContainerError, "container does not exist");
    createStateDir(root, "a");
    assertThrows(() => readState(root, "a"), MissingContainerError, "container does not exist");
    const good = sampleState("a");
    const damaged = [
      "",
      "{",
      "null",
      "[]",
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, id: "b" }),
      JSON.stringify({ ...good, pid: -1 }),
      JSON.stringify({ ...good, pid: "1" }),
      JSON.stringify({ ...good, startTime: undefined }),
      JSON.stringify({ ...good, annotations: null }),
      JSON.stringify({ ...good, cgroup: { driver: "cgroupfs-v1" } }),
    ];
    for (const text of damaged) {
      Deno.writeTextFileSync(`${root}/a/state.json`, text);
      assertThrows(
        () => readState(root, "a"),
        CorruptStateError,
        `corrupt state file ${root}/a/state.json: `,
      );
    }
  }));

Deno.test("state: ids are listed in order, files are none", () =>
  withRoot((root) => {
    for (const id of ["b", "a", "c"]) createStateDir(root, id);
    Deno.writeTextFileSync(`${root}/file`, "");
    assertEquals(listIds(root), ["a", "b", "c"]);
    assertEquals(listIds(`${root}/missing`), []);
  }));

Deno.test("state: removal is fine with having been done", () =>
  withRoot((root) => {
    createStateDir(root, "a");
    Deno.writeTextFileSync(`${root}/a/exec.fifo`, "");
    removeStateDir(root, "a");
    removeStateDir(root, "a");
    assertEquals(listIds(root), []);
  }));

Deno.test("state: what a killed create left is removed, what anybody else made is not", () =>
  withRoot((root) => {
    for (const id of ["empty", "left", "bundle"]) createStateDir(root, id);
    Deno.writeTextFileSync(`${root}/left/exec.fifo`, "");
    Deno.writeTextFileSync(`${root}/left/state.json.123`, "{");
    Deno.mkdirSync(`${root}/bundle/rootfs`);
    Deno.writeTextFileSync(`${root}/bundle/config.json`, "{}");
    for (const id of ["empty", "left", "bundle", "missing"]) removeUnrecorded(root, id);
    assertEquals(listIds(root), ["bundle"]);
    assertEquals(Deno.readTextFileSync(`${root}/bundle/config.json`), "{}");
  }));

Deno.test("state: status follows the process, its name and start time, and exec.fifo", () =>
  withRoot((root) => {
    // Until it becomes the container's process the init has a name of its own.
    const init = `${root}/tsrun:init`;
    Deno.copyFileSync("/bin/sleep", init);
    return withProcess(async ({ pid, startTime, status }) => {
      createStateDir(root, "a");
      assertEquals(statusOf(root, sampleState("a")), "creating");
      const state = sampleState("a", { pid, startTime });
      Deno.writeTextFileSync(`${root}/a/exec.fifo`, "");
      assertEquals(statusOf(root, state), "created");
      Deno.removeSync(`${root}/a/exec.fifo`);
      assertEquals(statusOf(root, state), "running");
      assertEquals(statusOf(root, { ...state, startTime: String(Number(startTime) + 1) }), "stopped");
      Deno.kill(pid, "SIGKILL");
      await status;
      assertEquals(statusOf(root, state), "stopped");
    }, init);
  }));

Deno.test("state: a program that runs is running, though the start that was killed has left exec.fifo", () =>
  withRoot((root) =>
    withProcess(({ pid, startTime }) => {
      createStateDir(root, "a");
      Deno.writeTextFileSync(`${root}/a/exec.fifo`, "");
      assertEquals(statusOf(root, sampleState("a", { pid, startTime })), "running");
    })
  ));

Deno.test("state: a root that a group of others could change is refused, one's own group is fine", () =>
  withRoot((root) => {
    Deno.chmodSync(root, 0o770);
    assertEquals(listIds(root), []);
    if (Deno.uid() !== 0) return;
    const listed = `${root}/listed`;
    Deno.mkdirSync(listed, { mode: 0o700 });
    // u:1000:rwx, whose mask are the group's rights.
    const entry = (tag: number, rights: number, id = 0xffffffff) => [tag, rights, id];
    const list = [entry(1, 7), entry(2, 7, 1000), entry(4, 0), entry(16, 7), entry(32, 0)];
    const value = new DataView(new ArrayBuffer(4 + 8 * list.length));
    value.setUint32(0, 2, true);
    list.forEach(([tag, rights, id], index) => {
      value.setUint16(4 + 8 * index, tag, true);
      value.setUint16(6 + 8 * index, rights, true);
      value.setUint32(8 + 8 * index, id, true);
    });
    const bytes = new Uint8Array(value.buffer), k = local();
    const set = k.call("setxattr", [listed, "system.posix_acl_access", bytes, bytes.length, 0], {
      allow: "any",
    });
    if (set.wait() === 0) {
      assertThrows(
        () => listIds(listed),
        RuntimeError,
        "by users that its access control list names: setfacl -b",
      );
    }
    Deno.chmodSync(root, 0o770);
    Deno.chownSync(root, 0, 1234);
    assertThrows(
      () => listIds(root),
      RuntimeError,
      `${root} can be written to by group 1234: chmod g-w ${root}`,
    );
    Deno.chmodSync(root, 0o750);
    assertEquals(listIds(root), ["listed"]);
  }));

Deno.test("state: a root that others could change is refused, with what mends it", () =>
  withRoot((root) => {
    Deno.mkdirSync(`${root}/a`);
    writeState(root, sampleState("a"));
    // A process reads many records of a root that it has looked at once; so this comes first.
    Deno.chmodSync(root, 0o757);
    assertThrows(() => readState(root, "a"), RuntimeError, "can be written to by everybody");
    const uses = [
      () => createStateDir(root, "b"),
      () => lockContainer(local(), root, "a"),
      () => listIds(root),
    ];
    const refused = (message: string) => {
      for (const use of uses) assertEquals(assertThrows(use, RuntimeError).message, message);
    };
    Deno.chmodSync(root, 0o1777);
    refused(
      `state root ${root} can be written to by everybody: chmod o-w ${root}, or give another --root`,
    );
    Deno.chmodSync(root, 0o1700);
    assertEquals(listIds(root), ["a"]);
    if (Deno.uid() !== 0) return;
    Deno.chownSync(root, 1234, 0);
    refused(
      `state root ${root} belongs to user 1234, who could change the records in it: ` +
        `give another --root, or make it yours (chown 0 ${root})`,
    );
  }));

Deno.test("state: a command's name cannot confuse the reading of /proc/<pid>/stat", async () => {
  const directory = Deno.makeTempDirSync();
  const child = new Deno.Command("sh", {
    args: ["-c", `cp "$(command -v sleep)" "${directory}/x) Z 1 (" && exec "${directory}/x) Z 1 (" 60`],
  }).spawn();
  try {
    while (!Deno.readTextFileSync(`/proc/${child.pid}/stat`).includes("x) Z 1 (")) {
      await new Promise((r) => setTimeout(r, 5));
    }
    const state = processState(child.pid)!;
    assertMatch(state.state, /^[RSD]$/);
    assertMatch(state.startTime, /^\d+$/);
    assert(Number(state.startTime) >= Number(startTimeOf(Deno.pid)));
  } finally {
    child.kill("SIGKILL");
    await child.status;
    Deno.removeSync(directory, { recursive: true });
  }
  assertEquals(processState(child.pid), undefined);
});

Deno.test("state: hooks get the specification's document", () => {
  const state = sampleState("a", { pid: 5, annotations: { k: "v" } });
  assertEquals(ociState(state, "created"), {
    ociVersion: "1.3.0",
    id: "a",
    status: "created",
    pid: 5,
    bundle: "/b",
    annotations: { k: "v" },
  });
  assertEquals(ociState(sampleState("a"), "stopped").pid, 0);
  assert(!("annotations" in ociState(sampleState("a"), "stopped")));
});

Deno.test("state: times have nanoseconds and are UTC", () => {
  const text = timestamp();
  assertMatch(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  assert(Math.abs(Date.parse(text) - Date.now()) < 2000);
});
