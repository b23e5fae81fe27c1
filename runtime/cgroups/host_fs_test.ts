import { assertEquals, assertThrows } from "@std/assert";
import { EEXIST, ENOENT, ENOTEMPTY } from "../../ffi/errno.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { CgroupFileError } from "./fs.ts";
import { HostCgroupFs } from "./host_fs.ts";

// What works on a real cgroup is tested by tests/integration/cgroup_v1_test.ts.

Deno.test("names of files lead nowhere else, and no file is made", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const fs = new HostCgroupFs();
    for (
      const step of [
        () => fs.write(dir, "../x", "1"),
        () => fs.read(dir, "a/b"),
        () => fs.exists(dir, "/etc"),
      ]
    ) {
      assertThrows(step, RuntimeError, "must be a file name (no slashes)");
    }
    assertThrows(() => fs.write(dir, "pids.max", "1"), CgroupFileError, "no such file or directory");
    assertEquals([...Deno.readDirSync(dir)], []);
  } finally {
    Deno.removeSync(dir);
  }
});

Deno.test("directories are made, listed and removed; failures are errnos", () => {
  const dir = Deno.makeTempDirSync();
  try {
    const fs = new HostCgroupFs();
    assertEquals([fs.mkdir(`${dir}/a`), fs.mkdir(`${dir}/a`), fs.mkdir(`${dir}/a/b`)], [0, EEXIST, 0]);
    Deno.writeTextFileSync(`${dir}/file`, "");
    assertEquals(fs.list(dir), ["a"]);
    assertEquals(fs.rmdir(`${dir}/a`), ENOTEMPTY);
    assertEquals([fs.rmdir(`${dir}/a/b`), fs.rmdir(`${dir}/a`), fs.rmdir(`${dir}/a`)], [0, 0, ENOENT]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("what is not there is told by errno", () => {
  const fs = new HostCgroupFs();
  assertEquals(fs.mkdir("/nowhere/at/all"), ENOENT);
  assertEquals(fs.rmdir("/nowhere/at/all"), ENOENT);
  assertEquals(fs.list("/nowhere"), []);
  assertEquals(fs.exists("/nowhere", "pids.max"), false);
  const error = assertThrows(() => fs.write("/nowhere", "pids.max", "7"), CgroupFileError);
  assertEquals(error.message, 'failed to write "7": write /nowhere/pids.max: no such file or directory');
});
