import { assertEquals, assertThrows } from "@std/assert";
import { ENOENT } from "../../ffi/errno.ts";
import { RuntimeError } from "../errors.ts";
import { CgroupFileError } from "./fs.ts";
import { HostCgroupFs } from "./host_fs.ts";

// What works on a real cgroup is tested by tests/integration/cgroup_v1_test.ts.

Deno.test("nothing outside of a cgroup file system is read, written, made or removed", () => {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${dir}/pids.max`, "untouched");
    Deno.mkdirSync(`${dir}/sub`);
    const fs = new HostCgroupFs();
    for (
      const step of [
        () => fs.write(dir, "pids.max", "1"),
        () => fs.read(dir, "pids.max"),
        () => fs.mkdir(`${dir}/new`),
        () => fs.rmdir(`${dir}/sub`),
      ]
    ) assertThrows(step, RuntimeError, `${JSON.stringify(dir)} is not on a cgroup file system`);
    assertEquals(Deno.readTextFileSync(`${dir}/pids.max`), "untouched");
    assertEquals([...Deno.readDirSync(dir)].map((entry) => entry.name).sort(), ["pids.max", "sub"]);
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
  assertEquals(error.message, 'failed to write "7": open /nowhere/pids.max: no such file or directory');
});
