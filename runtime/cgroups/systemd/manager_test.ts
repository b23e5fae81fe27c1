import { assert, assertEquals, assertThrows } from "@std/assert";
import { local } from "../../../ffi/local.ts";
import { DBusError, DBusUnreachable } from "../../dbus/connection.ts";
import { type Act, FakeBus } from "../../dbus/fake_testing.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { SystemdManager } from "./manager.ts";

const NAMED: Act = { reply: ["s", [":1.7"]] };
const EXISTS: Act = { error: ["org.freedesktop.systemd1.UnitExists", "Unit x.scope already exists."] };
const NOT_LOADED: Act = { error: ["org.freedesktop.systemd1.NoSuchUnit", "Unit x.scope not loaded."] };
const SHORT = { connect: 10_000, answer: 10_000, job: 1000 };

/**
 * Runs with a manager on a fake bus; answers the calls that were seen, without those of getting to know each
 * other.
 */
async function talk(
  answers: Record<string, Act[]>,
  use: (manager: SystemdManager) => void,
): Promise<string[]> {
  using bus = await FakeBus.start({ Hello: [NAMED], ...answers });
  Deno.env.set("DBUS_SYSTEM_BUS_ADDRESS", `unix:path=${bus.path}`);
  try {
    using manager = SystemdManager.connect(local(), "system", 0, SHORT);
    use(manager);
    // Every test can wait for the last call.
    manager.resetFailed("end");
  } finally {
    Deno.env.delete("DBUS_SYSTEM_BUS_ADDRESS");
  }
  while (bus.calls.at(-1)?.body[0] !== "end") await bus.seen(bus.calls.length + 1);
  return bus.calls.slice(1, -1).filter(({ member }) => member !== "AddMatch").map(({ member, body }) =>
    `${member} ${body.map((one) => typeof one === "object" ? "…" : String(one)).join(" ")}`
  );
}

Deno.test("a unit is started, and its own job waited for", async () => {
  const calls = await talk({ StartTransientUnit: [{ job: "done" }] }, (manager) => {
    manager.startTransientUnit("x.scope", [["Slice", { signature: "s", value: "a.slice" }]]);
  });
  assertEquals(calls, ["StartTransientUnit x.scope replace … …"]);
});

Deno.test("a name that is taken is given free and tried again; in the end systemd's reason is told", async () => {
  const again = await talk({ StartTransientUnit: [EXISTS, { job: "done" }] }, (manager) => {
    manager.startTransientUnit("x.scope", []);
  });
  assertEquals(again, [
    "StartTransientUnit x.scope replace … …",
    "ResetFailedUnit x.scope",
    "StartTransientUnit x.scope replace … …",
  ]);
  await talk({ StartTransientUnit: [EXISTS] }, (manager) => {
    assertThrows(
      () => manager.startTransientUnit("x.scope", []),
      DBusError,
      'unable to start unit "x.scope": Unit x.scope already exists.',
    );
  });
  const slice = await talk({ StartTransientUnit: [EXISTS] }, (manager) => {
    manager.startTransientUnit("x.slice", [], true);
  });
  assertEquals(slice, ["StartTransientUnit x.slice replace … …"]);
});

Deno.test("a job that does not do it is an error that says so", async () => {
  const calls = await talk({ StartTransientUnit: [{ job: "failed" }] }, (manager) => {
    assertThrows(
      () => manager.startTransientUnit("x.scope", []),
      RuntimeError,
      'error creating systemd unit "x.scope": got "failed"',
    );
  });
  assertEquals(calls.at(-1), "ResetFailedUnit x.scope");
  await talk({ StartTransientUnit: [{ job: "" }] }, (manager) => {
    const error = assertThrows(() => manager.startTransientUnit("x.scope", []), DBusUnreachable);
    assert(
      /^unable to start unit "x.scope": systemd has not finished its job \/org\S+ within 1 s \(waited for JobRemoved on the system bus, \S+\)$/
        .test(error.message),
      error.message,
    );
  });
});

Deno.test("access that is denied is told in the peer's words", async () => {
  const denied: Act = { error: ["org.freedesktop.DBus.Error.AccessDenied", "Permission denied"] };
  await talk({ StartTransientUnit: [denied] }, (manager) => {
    assertThrows(
      () => manager.startTransientUnit("x.scope", []),
      DBusError,
      'unable to start unit "x.scope": Permission denied',
    );
  });
});

Deno.test("a unit is stopped and forgotten; one that is not there is fine", async () => {
  const stop = (act: Act) =>
    talk({ StopUnit: [act], ResetFailedUnit: [NOT_LOADED] }, (manager) => manager.stopUnit("x.scope"));
  assertEquals(await stop({ job: "done" }), ["StopUnit x.scope replace", "ResetFailedUnit x.scope"]);
  assertEquals(await stop(NOT_LOADED), ["StopUnit x.scope replace"]);
});

Deno.test("properties are set for as long as the unit lives, and none is no call", async () => {
  const calls = await talk({}, (manager) => {
    manager.setProperties("x.scope", []);
    manager.setProperties("x.scope", [["TasksMax", { signature: "t", value: 5n }]]);
  });
  assertEquals(calls, ["SetUnitProperties x.scope true …"]);
});

Deno.test("properties are read, the version once", async () => {
  const text = (value: string): Act => ({ reply: ["v", [{ signature: "s", value }]] });
  const calls = await talk({ Get: [text("252.1"), text("a"), text("b")] }, (manager) => {
    assertEquals(manager.version(), 252);
    assertEquals(manager.version(), 252);
    assertEquals(manager.properties("x-1.scope", ["One", "Two"]), [
      ["One", { signature: "s", value: "a" }],
      ["Two", { signature: "s", value: "b" }],
    ]);
  });
  assertEquals(calls, [
    "Get org.freedesktop.systemd1.Manager Version",
    "Get org.freedesktop.systemd1.Scope One",
    "Get org.freedesktop.systemd1.Scope Two",
  ]);
});

Deno.test("a bus that is not there is named; without an address of its own a user has none", () => {
  const before = ["DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"].map((name) =>
    [name, Deno.env.get(name)] as const
  );
  try {
    for (const [name] of before) Deno.env.delete(name);
    const fails = (bus: "system" | "user", uid: number, message: string) =>
      assertThrows(() => SystemdManager.connect(local(), bus, uid, SHORT), DBusUnreachable, message);
    fails(
      "user",
      0,
      "cannot find the user's bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set",
    );
    Deno.env.set("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nowhere/system");
    fails("system", 0, "cannot reach the system bus: dial unix /nowhere/system: no such file or directory");
    Deno.env.set("XDG_RUNTIME_DIR", "/nowhere/user");
    fails(
      "user",
      1000,
      "cannot reach the user's bus: dial unix /nowhere/user/bus: no such file or directory; " +
        "cannot reach the user's systemd: dial unix /nowhere/user/systemd/private: no such file or directory",
    );
    Deno.env.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere/session");
    fails(
      "user",
      1000,
      "cannot reach the user's bus: dial unix /nowhere/session: no such file or directory; ",
    );
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
});
