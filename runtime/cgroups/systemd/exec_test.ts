import { local } from "../../../ffi/local.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { CgroupRecord } from "../types.ts";
import { enterBySystemd } from "./exec.ts";
import type { Systemd } from "./manager.ts";

const OWN = "/cg/user.slice/x.scope";
const RECORD: CgroupRecord = { driver: "systemd-v2", paths: { unified: OWN }, unit: "x.scope", bus: "user" };

Deno.test("the user's systemd moves the stage, and the process is born there", () => {
  const log: unknown[] = [];
  const systemd = {
    attachProcesses: (...args: unknown[]) => void log.push(args),
    [Symbol.dispose]: () => void log.push("hang up"),
  } as unknown as Systemd;
  for (const directory of [OWN, `${OWN}/inner/most`]) {
    assertEquals(enterBySystemd(local(), RECORD, directory, 7, () => systemd), {
      tasks: [],
      cloneInto: null,
    });
  }
  assertEquals(log, [["x.scope", "/", [7]], "hang up", ["x.scope", "/inner/most", [7]], "hang up"]);
});

Deno.test("without a unit there is nothing to enter", () => {
  const bare: CgroupRecord = { driver: "systemd-v2", paths: {}, bus: "user" };
  assertThrows(
    () => enterBySystemd(local(), bare, OWN, 7),
    RuntimeError,
    "the container has no systemd unit",
  );
});
