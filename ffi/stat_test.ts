import { assertEquals } from "@std/assert";
import { AT_FDCWD, O_PATH, S_IFDIR, S_IFMT } from "./constants.ts";
import { local } from "./local.ts";
import { fstat, stat } from "./stat.ts";

Deno.test("stat: follows links, and says what Deno says", () => {
  const k = local();
  const dir = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync(dir, `${dir}/link`);
    const { ino, uid, gid } = Deno.statSync(dir);
    const found = stat(k, `${dir}/link`)!;
    assertEquals([found.inode, found.uid, found.gid, found.mode & S_IFMT], [ino, uid, gid, S_IFDIR]);
    const fd = k.openat(AT_FDCWD, dir, O_PATH).wait();
    assertEquals(fstat(k, fd), found);
    k.close(fd);
    assertEquals(fstat(k, fd), undefined);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("stat: nothing where there is nothing, or no way to it", () => {
  assertEquals(stat(local(), "/nowhere"), undefined);
  assertEquals(stat(local(), "/etc/passwd/x"), undefined);
});
