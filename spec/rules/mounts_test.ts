import { assertEquals, assertThrows } from "@std/assert";
import { parseMountOptions } from "../mount_options.ts";
import { isLxcfsFile } from "../lxcfs.ts";
import { cleanPath } from "../clean_path.ts";
import { mountDestination } from "./mounts.ts";

function check(destination: string, type = "tmpfs", options: string[] = []): string {
  return mountDestination(destination, type, parseMountOptions(options), (reason) => {
    throw new Error(reason);
  });
}

Deno.test("mount rules: a destination comes back clean", () => {
  assertEquals(check("//a/./b/"), "/a/b");
  assertEquals(check("/a/../../b"), "/b");
  assertEquals(check("relative"), "/relative");
});

Deno.test("mount rules: nothing on the root", () => {
  for (const path of ["/", "//", "/a/..", "/.."]) {
    assertThrows(() => check(path), Error, "is on the top of rootfs");
  }
});

Deno.test("mount rules: on /proc a procfs, or a bind mount that is checked when it is there", () => {
  assertEquals(check("/proc", "proc"), "/proc");
  assertEquals(check("/proc/", "bind", ["rbind"]), "/proc");
  for (const path of ["/proc", "/x/../proc", "/proc/."]) {
    assertThrows(
      () => check(path),
      Error,
      `${JSON.stringify(cleanPath(path))} cannot be mounted because it is not of type`,
    );
  }
});

Deno.test("mount rules: nothing in /proc, however it is written", () => {
  for (const path of ["/proc/sys", "/proc/self/attr", "/proc//1", "/tmp/../proc/mem", "/proc/cpuinfo/x"]) {
    assertThrows(() => check(path, "bind", ["bind"]), Error, "because it is inside /proc");
  }
});

Deno.test("mount rules: but the files that lxcfs serves", () => {
  for (const path of ["/proc/cpuinfo", "/proc/uptime", "/proc//loadavg", "/proc/sys/kernel/ns_last_pid"]) {
    assertEquals(check(path, "bind", ["bind"]), cleanPath(path));
    assertEquals(isLxcfsFile(cleanPath(path)), true);
  }
});

Deno.test("mount rules: what only begins like /proc is something else", () => {
  assertEquals(check("/procession"), "/procession");
});
