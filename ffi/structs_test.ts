import { assertEquals } from "@std/assert";
import { AT_FDCWD, O_DIRECTORY, O_PATH, PROC_SUPER_MAGIC, S_IFCHR, S_IFMT, S_IFREG } from "./constants.ts";
import { local } from "./local.ts";
import { decodeStatfsType, decodeStatx, makedev, STATFS_SIZE, STATX_SIZE, words32 } from "./structs.ts";

Deno.test("makedev: the kernel's encoding, with numbers beyond eight bits", () => {
  assertEquals(makedev(1, 3), 0x103);
  assertEquals(makedev(5, 2), 0x502);
  assertEquals(makedev(0, 0), 0);
  // Minor numbers go on above the major number's twelve bits: device mapper has them.
  assertEquals(makedev(253, 256), 0x10fd00);
  assertEquals(makedev(259, 0x12345), 0x12310345);
  assertEquals(makedev(4095, 0xfffff), 0xffffffff);
});

Deno.test("words32: little-endian, negative numbers as two's complement", () => {
  assertEquals([...words32(1, 0x01020304, -1)], [1, 0, 0, 0, 4, 3, 2, 1, 255, 255, 255, 255]);
  assertEquals(words32().length, 0);
});

Deno.test("statx: what it says of a file is what Deno says", () =>
  local().scratch(() => {
    const path = Deno.makeTempFileSync();
    try {
      Deno.writeTextFileSync(path, "five.");
      Deno.chmodSync(path, 0o640);
      const buffer = local().buffer(STATX_SIZE);
      local().statx(AT_FDCWD, path, buffer);
      const stat = decodeStatx(buffer), known = Deno.statSync(path);
      assertEquals(stat.mode, S_IFREG | 0o640);
      assertEquals(stat.inode, known.ino);
      assertEquals(stat.size, 5);
      assertEquals([stat.uid, stat.gid], [known.uid, known.gid]);
      assertEquals(makedev(stat.dev.major, stat.dev.minor), known.dev);
    } finally {
      Deno.removeSync(path);
    }
  }));

Deno.test("statx: the numbers of a device, and the mount that it is on", () =>
  local().scratch(() => {
    const buffer = local().buffer(STATX_SIZE);
    local().statx(AT_FDCWD, "/dev/null", buffer);
    const { mode, rdev, mountId } = decodeStatx(buffer);
    assertEquals(mode & S_IFMT, S_IFCHR);
    assertEquals(rdev, { major: 1, minor: 3 });
    const ids = Deno.readTextFileSync("/proc/self/mountinfo").split("\n").map((line) => line.split(" ")[0]);
    assertEquals(ids.includes(String(mountId)), true);
  }));

Deno.test("statfs: the magic number of procfs", () =>
  local().scratch(() => {
    const fd = local().open("/proc", O_PATH | O_DIRECTORY);
    const buffer = local().buffer(STATFS_SIZE);
    local().fstatfs(fd, buffer);
    local().close(fd);
    assertEquals(decodeStatfsType(buffer), PROC_SUPER_MAGIC);
  }));
