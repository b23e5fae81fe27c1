import { assert, assertEquals, assertThrows } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { DBus, DBusError, DBusUnreachable } from "./connection.ts";
import { FakeBus } from "./fake_testing.ts";

const CALL = {
  destination: "org.example",
  path: "/org/example",
  interface: "org.example.Thing",
  member: "Do",
  signature: "su",
  body: ["it", 3],
};
const LONG = { connect: 10_000, answer: 10_000 };
const SIGNAL = { interface: "org.freedesktop.systemd1.Manager", member: "JobRemoved", accepts: () => true };

function connect(bus: FakeBus, patience = LONG): DBus {
  return DBus.connect(local(), "the bus", bus.path, patience);
}

Deno.test("a call goes out as it was made and its results come back", async () => {
  using bus = await FakeBus.start({ Do: [{ reply: ["sat", ["done", [1n, 2n]]] }] });
  using client = connect(bus);
  assertEquals(client.call("do it", CALL), ["done", [1n, 2n]]);
  assertEquals(await bus.seen(1), [{ member: "Do", path: "/org/example", body: ["it", 3] }]);
  assertEquals(bus.lines, ["\0AUTH EXTERNAL", "DATA"]);
});

Deno.test("a peer that lets us in at once is fine too, as older ones do", async () => {
  using bus = await FakeBus.start({}, { "AUTH EXTERNAL": "OK 0011\r\n", DATA: "OK 0011\r\n" });
  using client = connect(bus);
  assertEquals(client.call("do it", CALL), []);
});

Deno.test("answers to calls that were sent together are told apart", async () => {
  using bus = await FakeBus.start({
    Do: [{ reply: ["u", [1]] }, { error: ["org.example.No", "no"] }, { reply: ["u", [3]] }],
  });
  using client = connect(bus);
  const [first, second, third] = [1, 2, 3].map(() => client.send("do it", CALL));
  assertEquals(client.answer(third), [3]);
  assertThrows(() => client.answer(second), DBusError, "do it: no");
  assertEquals(client.answer(first), [1]);
});

Deno.test("signals are kept until they are asked for, and are waited for no longer than that", async () => {
  using bus = await FakeBus.start({ Do: [{ job: "done" }] });
  using client = connect(bus);
  const [job] = client.call("do it", CALL);
  const match = { ...SIGNAL, accepts: (body: readonly unknown[]) => body[1] === job };
  assertEquals(client.signal(match, 2000)?.[3], "done");
  const before = performance.now();
  assertEquals(client.signal(match, 60), undefined);
  assert(performance.now() - before < 2000);
});

Deno.test("an error names what was being done and says the peer's reason", async () => {
  using bus = await FakeBus.start({
    Do: [{ error: ["org.freedesktop.DBus.Error.AccessDenied", "not you"] }],
  });
  using client = connect(bus);
  const error = assertThrows(() => client.call("do it", CALL), DBusError);
  assertEquals(error.message, "do it: not you");
  assertEquals(error.errorName, "org.freedesktop.DBus.Error.AccessDenied");
});

Deno.test("a peer that fails is an error that names it", async (t) => {
  const cases: [string, Parameters<typeof FakeBus.start>, RegExp, Partial<typeof LONG>?][] = [
    [
      "never answers a call",
      [{ Do: [{ silence: true }] }],
      /^do it: no answer from the bus \(.*\) within 0\.1 s$/,
      { answer: 100 },
    ],
    ["closes", [{ Do: [{ close: true }] }], /^the bus \(.*\) closed the connection$/],
    [
      "talks nonsense",
      [{ Do: [{ raw: new TextEncoder().encode("nonsense, and more of it") }] }],
      /sent what is no D-Bus message/,
    ],
    ["never answers at all", [{}, {}], /^the bus \(.*\) does not let us in within 0\.1 s$/, { connect: 100 }],
    [
      "refuses us",
      [{}, { "AUTH EXTERNAL": "REJECTED EXTERNAL\r\n", DATA: "ERROR\r\n" }],
      /^the bus \(.*\) does not let us in: "REJECTED EXTERNAL"$/,
    ],
  ];
  for (const [name, script, expected, patience] of cases) {
    await t.step(name, async () => {
      using bus = await FakeBus.start(...script);
      const error = assertThrows(() => {
        using client = connect(bus, { ...LONG, ...patience });
        client.call("do it", CALL);
      }, DBusUnreachable);
      assert(expected.test(error.message), error.message);
    });
  }
});

Deno.test("a socket that is not there is an error that names it", () => {
  const error = assertThrows(() => DBus.connect(local(), "the bus", "/nowhere/bus"), DBusUnreachable);
  assertEquals(error.message, "cannot reach the bus: dial unix /nowhere/bus: no such file or directory");
});
