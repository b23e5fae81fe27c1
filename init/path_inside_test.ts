import { assertEquals } from "@std/assert";
import { pathInside } from "./path_inside.ts";

Deno.test("path inside: a path that begins with the rootfs's own is one inside", () => {
  const inside = (path: string) => pathInside("/b/rootfs", path);
  assertEquals(inside("/b/rootfs/x/../y/"), "/y");
  assertEquals(inside("//b/./rootfs/x"), "/x");
  assertEquals(inside("/b/rootfs"), "/");
  for (const path of ["/b/rootfsx/y", "/x/b/rootfs/y", "/b", "/", "b/rootfs/x", "/b/rootfs/../x"]) {
    assertEquals(inside(path), path);
  }
  assertEquals(pathInside("/", "/x"), "/x");
});
