import { local } from "../../../ffi/local.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { watchOom } from "./oom.ts";

/** A directory with the two files; inotify tells of any file system's changes. */
function scene(test: (dir: string, put: (file: string, text: string) => void) => void): void {
  const dir = Deno.makeTempDirSync();
  const put = (file: string, text: string) => Deno.writeTextFileSync(`${dir}/${file}`, text);
  put("memory.events", "low 0\noom 0\noom_kill 3\noom_group_kill 0\n");
  put("cgroup.events", "populated 1\nfrozen 0\n");
  try {
    test(dir, put);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("kills are told once each, with the end too", () => {
  scene((dir, put) => {
    using watch = watchOom(local(), new HostCgroupFs(), dir);
    assertEquals(watch.take(), { count: 0, ended: false });
    put("memory.events", "oom 9\noom_kill 5\n");
    assertEquals(watch.take(), { count: 2, ended: false });
    assertEquals(watch.take(), { count: 0, ended: false });
    put("memory.events", "oom_kill 6\n");
    put("cgroup.events", "populated 0\n");
    assertEquals(watch.take(), { count: 1, ended: true });
  });
});

Deno.test("a cgroup that was removed is gone; one without the memory controller cannot be watched", () => {
  scene((dir) => {
    using watch = watchOom(local(), new HostCgroupFs(), dir);
    Deno.removeSync(`${dir}/memory.events`);
    assertEquals(watch.take(), { count: 0, ended: true });
    assertThrows(
      () => watchOom(local(), new HostCgroupFs(), dir),
      RuntimeError,
      "cannot watch for OOM events: no ",
    );
  });
});
