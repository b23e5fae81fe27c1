import { assertEquals } from "@std/assert";
import { HostMounts } from "./mounts.ts";

const ROOT = "22 1 259:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n";
const OTHERS = "23 22 0:5 / /dev rw - devtmpfs / rw\n24 22 259:0 / /b rw - ext4 / / rw\n";

Deno.test("host mounts: the root is covered where two mounts lie on it", () => {
  const covered = (text: string) => new HostMounts(text).rootIsCovered();
  assertEquals(covered(ROOT + OTHERS), false);
  assertEquals(covered(`${ROOT}${OTHERS}30 22 259:0 / / rw - ext4 /dev/root rw\n`), true);
});
