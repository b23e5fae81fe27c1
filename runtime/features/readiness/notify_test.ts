import { assertEquals } from "@std/assert";
import { dockerConfig } from "../../../spec/spec_testing.ts";
import { addNotifySocket, saysReady } from "./notify.ts";

Deno.test("a message says that a service is ready when one of its lines does", () => {
  assertEquals(saysReady("READY=1"), true);
  assertEquals(saysReady("STATUS=up\nREADY=1\n"), true);
  assertEquals(saysReady("READY=0"), false);
  assertEquals(saysReady("STATUS=not READY=1"), false);
  assertEquals(saysReady(""), false);
});

Deno.test("the container's process is led to the socket by a mount and a variable", () => {
  const spec = dockerConfig();
  const before = structuredClone(spec);
  addNotifySocket(spec, "/run/tsrun/box");
  assertEquals(spec.mounts.slice(0, -1), before.mounts);
  assertEquals(spec.mounts.at(-1), {
    destination: "/run/notify",
    source: "/run/tsrun/box/notify",
    options: ["bind", "nosuid", "noexec", "nodev", "ro"],
  });
  assertEquals(spec.process.env, [...before.process.env, "NOTIFY_SOCKET=/run/notify/notify.sock"]);
});
