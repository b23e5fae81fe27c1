import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { destroyContainer } from "./destroy.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { killContainer } from "./kill.ts";
import { killPid, sendSignal } from "../host/signal.ts";
import { createStateDir, listIds } from "./state_dir.ts";
import { writeState } from "./record.ts";
import { Log } from "../host/log.ts";
import { sampleState, withProcess, withRoot } from "./record_testing.ts";
import { local } from "../../ffi/local.ts";

const LOG = new Log({ format: "text", debug: false });

Deno.test("signal: reaches the process that was meant", () =>
  withProcess(async ({ pid, startTime, status }) => {
    assertEquals(sendSignal(local(), pid, startTime, 0), true);
    assertEquals(sendSignal(local(), pid, startTime, 15), true);
    assertEquals((await status).signal, "SIGTERM");
    assertEquals(sendSignal(local(), pid, startTime, 0), false);
  }));

Deno.test("signal: spares a process that only has the same pid", () =>
  withProcess(({ pid, startTime }) => {
    assertEquals(sendSignal(local(), pid, String(Number(startTime) - 1), 9), false);
    assertEquals(sendSignal(local(), pid, startTime, 0), true);
  }));

Deno.test("signal: a number that is none is refused by the kernel", () =>
  withProcess(({ pid, startTime }) => {
    assertThrows(
      () => sendSignal(local(), pid, startTime, 99),
      RuntimeError,
      "unable to signal init: invalid argument",
    );
  }));

Deno.test("signal: pid 0 never means our own process group", () => killPid(local(), 0, 9));

Deno.test("kill: the init, by any signal", () =>
  withProcess(async ({ pid, startTime, status }) => {
    const state = sampleState("a", { pid, startTime });
    await killContainer(local(), state, 0, false);
    await killContainer(local(), state, 10, false);
    assertEquals((await status).signal, "SIGUSR1");
    await assertRejects(() => killContainer(local(), state, 9, false), RuntimeError, "container not running");
    await killContainer(local(), state, 9, true);
  }));

Deno.test("kill: a container without a process is not running", async () => {
  await assertRejects(
    () => killContainer(local(), sampleState("a"), 9, false),
    RuntimeError,
    "container not running",
  );
});

Deno.test("delete: kills the init and removes the state; again is fine", () =>
  withRoot((root) =>
    withProcess(async ({ pid, startTime, status }) => {
      createStateDir(root, "a");
      const state = sampleState("a", { pid, startTime });
      writeState(root, state);
      await destroyContainer(local(), root, state, LOG);
      assertEquals((await status).signal, "SIGKILL");
      assertEquals(listIds(root), []);
      await destroyContainer(local(), root, state, LOG);
    })
  ));
