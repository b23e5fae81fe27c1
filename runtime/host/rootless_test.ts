/** What is said to users without root's rights. */
import { assertEquals, assertMatch } from "@std/assert";
import { adviseOnCgroups, isRootless } from "./rootless.ts";

Deno.test("rootless: as the flag says", () => {
  assertEquals([isRootless("true", false), isRootless("false", false)], [true, false]);
});

Deno.test("rootless: where cgroups are out of reach the remedy is named", () => {
  const messages = [
    "mkdir /sys/fs/cgroup/devices/x: permission denied",
    "mkdir /sys/fs/cgroup/x: read-only file system",
    "cannot set memory limit: container could not join or create cgroup (linux.resources.memory.limit asks for it)",
  ];
  for (const message of messages) {
    const advice = adviseOnCgroups(message);
    assertMatch(
      advice,
      /^rootless needs no limits \+ no cgrouppath when no permission is granted for cgroups: /,
    );
    assertEquals(advice.includes(`: ${message}; `), true);
    assertMatch(advice, /linux\.cgroupsPath.*--systemd-cgroup/);
  }
});

Deno.test("rootless: other failures stay as they are", () => {
  for (const message of ["exec /x: permission denied", "mount to /sys/x: invalid argument", ""]) {
    assertEquals(adviseOnCgroups(message), message);
  }
});
