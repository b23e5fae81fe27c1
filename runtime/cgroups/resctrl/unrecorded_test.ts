import { assertEquals } from "@std/assert";
import { FakeResctrl, MOUNT } from "./fake_testing.ts";
import { removeUnrecordedGroup } from "./unrecorded.ts";

const rmdirs = (fs: FakeResctrl) => fs.log.filter((line) => line.startsWith("rmdir"));

Deno.test("what bears the container's name goes, if nobody is in it", () => {
  const own = new FakeResctrl().group("/c1");
  removeUnrecordedGroup({ enableMonitoring: true }, "c1", MOUNT, own);
  assertEquals(rmdirs(own), ["rmdir /tmp/c1/mon_groups/c1", "rmdir /tmp/c1"]);
  const used = new FakeResctrl().group("/c1", { tasks: "5\n" });
  removeUnrecordedGroup({}, "c1", MOUNT, used);
  assertEquals(rmdirs(used), []);
});

Deno.test("a shared class stays, and so does the default one", () => {
  const fs = new FakeResctrl().group("/gold");
  removeUnrecordedGroup({ closID: "gold", enableMonitoring: true }, "c1", MOUNT, fs);
  removeUnrecordedGroup({ closID: "/" }, "c1", MOUNT, fs);
  assertEquals(rmdirs(fs), ["rmdir /tmp/gold/mon_groups/c1"]);
});
