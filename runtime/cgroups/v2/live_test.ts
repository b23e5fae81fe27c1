import { local } from "../../../ffi/local.ts";
import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL, EOPNOTSUPP } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { exactJson } from "../../container/exact_json.ts";
import { statsEvent } from "../../container/stats_json.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { HUGEPAGES_DIRECTORY } from "../hugetlb.ts";
import { restoring } from "../journal.ts";
import { emptyStats } from "../stats.ts";
import { LiveV2 } from "./live.ts";

const FILES: Record<string, string> = {
  "cgroup.procs": "5\n6\n",
  "pids.current": "2\n",
  "pids.max": "max\n",
  "memory.stat": "anon 5\nfile 7\n",
  "memory.current": "50\n",
  "memory.max": "100\n",
  "memory.peak": "70\n",
  "memory.low": "0\n",
  "memory.swap.current": "3\n",
  "memory.swap.max": "20\n",
  "memory.pressure": "some avg10=1.25 avg60=0.00 avg300=0.50 total=18446744073709551615\n" +
    "full avg10=0.00 avg60=0.00 avg300=0.00 total=9\n",
  "cpu.stat": "usage_usec 9\nuser_usec 4\nsystem_usec 5\nnr_periods 3\nnr_throttled 2\nthrottled_usec 1\n",
  "cpu.max": "max 100000\n",
  "cpu.weight": "100\n",
  "io.stat": "8:0 rbytes=10 wbytes=20 rios=1 wios=2 dbytes=0 dios=0 cost.usage=7\n8:16 \n\n",
  "io.max": "8:0 rbps=5 wbps=max riops=max wiops=max\n",
  "hugetlb.2MB.rsvd.current": "4\n",
  "hugetlb.2MB.events": "max 6\n",
};

function tree(...without: string[]): FakeCgroupFs {
  const files = Object.fromEntries(Object.entries(FILES).filter(([name]) => !without.includes(name)));
  const page = `${HUGEPAGES_DIRECTORY}/hugepages-2048kB`;
  return new FakeCgroupFs(["/c", page], (dir) => dir === "/c" ? files : {});
}

function live(fs: FakeCgroupFs): LiveV2 {
  return new LiveV2(local, { unified: "/c" }, fs);
}

Deno.test("a sample becomes runc's document, swap counted as v1 does", () => {
  const counter = '"limit":0,"failcnt":0';
  const flags = ["cpu_exclusive", "mem_hardwall", "mem_exclusive", "memory_migrate", "memory_spread_page"]
    .concat(
      ["memory_spread_slab", "memory_pressure", "sched_load_balance", "sched_relax_domain_level"],
    );
  assertEquals(
    exactJson(statsEvent("c1", live(tree()).stats())),
    '{"type":"stats","id":"c1","data":{' +
      '"cpu":{"usage":{"total":9000,"kernel":5000,"user":4000},' +
      '"throttling":{"periods":3,"throttledPeriods":2,"throttledTime":1000}},' +
      `"cpuset":{${flags.map((flag) => `"${flag}":0`).join(",")}},` +
      '"memory":{"cache":7,"usage":{"limit":100,"usage":50,"max":70,"failcnt":0},' +
      '"swap":{"limit":120,"usage":53,"failcnt":0},' +
      `"kernel":{${counter}},"kernelTCP":{${counter}},"raw":{"anon":5,"file":7},` +
      '"psi":{"some":{"avg10":1.25,"avg60":0,"avg300":0.5,"total":18446744073709551615},' +
      '"full":{"avg10":0,"avg60":0,"avg300":0,"total":9}}},' +
      '"pids":{"current":2},' +
      '"blkio":{"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":10},{"major":8,"op":"Write","value":20}],' +
      '"ioServicedRecursive":[{"major":8,"op":"Read","value":1},{"major":8,"op":"Write","value":2}]},' +
      '"hugetlb":{"2MB":{"usage":4,"failcnt":6}},"intel_rdt":{},"network_interfaces":null}}',
  );
});

Deno.test("no limit of memory or of swap is no limit of both", () => {
  for (const file of ["memory.max", "memory.swap.max"]) {
    const fs = tree();
    fs.put("/c", file, "max\n");
    assertEquals(live(fs).stats().memory.swap.limit, 18446744073709551615n);
  }
});

Deno.test("controllers that are not enabled are zero, processes are counted all the same", () => {
  const fs = new FakeCgroupFs(["/c"], () => ({ "cgroup.procs": "5\n6\n", "cgroup.threads": "5\n6\n7\n" }));
  assertEquals(live(fs).stats(), {
    ...emptyStats(),
    pids: { current: 2n, limit: 0n },
    memory: { ...emptyStats().memory, psi: undefined },
    blkio: { ...emptyStats().blkio, psi: undefined },
    cpu: { ...emptyStats().cpu, psi: undefined },
  });
  fs.fail("read /c/cgroup.procs", EOPNOTSUPP);
  assertEquals(live(fs).stats().pids.current, 3n);
});

Deno.test("a kernel that was told not to measure pressure", () => {
  const fs = tree();
  fs.fail("read /c/memory.pressure", EOPNOTSUPP);
  assertEquals(live(fs).stats().memory.psi, undefined);
  const odd = tree();
  odd.put("/c", "memory.pressure", "some avg10=x\n");
  assertThrows(() => live(odd).stats(), RuntimeError, 'malformed line "some avg10=x" in /c/memory.pressure');
});

Deno.test("a refused limit leaves all others as they were", () => {
  const fs = tree();
  fs.fail("write /c/cpu.max", EINVAL);
  const change = {
    memory: { limit: 60, swap: 70, reservation: 5 },
    blockIO: { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 9 }] },
    cpu: { quota: 5 },
    pids: { limit: 3 },
  };
  assertThrows(() => live(fs).update(change), RuntimeError, 'failed to write "5 100000": write /c/cpu.max');
  const after = Object.fromEntries(Object.keys(FILES).map((file) => [file, fs.read("/c", file)]));
  assertEquals(after, FILES);
});

Deno.test("what makes a file of v2 hold again what it held", () => {
  assertEquals(restoring("cpu.max", "max 100000\n", ["5 100000"]), ["max 100000"]);
  assertEquals(restoring("cpuset.cpus", "\n", ["0"]), ["\n"]);
  assertEquals(restoring("cpu.weight", "0\n", ["50"]), []);
  assertEquals(restoring("io.max", "8:0 rbps=5 wbps=max\n", ["8:0 rbps=6", "8:1 wiops=7"]), [
    "8:0 rbps=5 wbps=max",
    "8:1 rbps=max wbps=max riops=max wiops=max",
  ]);
  assertEquals(restoring("io.weight", "default 100\n8:0 50\n", ["300", "8:0 60", "8:1 70"]), [
    "default 100",
    "8:0 50",
    "8:1 default",
  ]);
});

Deno.test("update: device rules become one program, last; not where a limit is refused", () => {
  const fs = tree();
  const attached: string[] = [];
  const cgroup = new LiveV2(local, { unified: "/c" }, fs, (dir, program) => {
    attached.push(`${dir} ${program.length > 0} after ${fs.writes.length}`);
  });
  const devices = [{ allow: true, access: "rwm" }];
  cgroup.update({ pids: { limit: 5 } });
  assertEquals(attached, [], "none are asked for");
  cgroup.update({ devices, pids: { limit: 6 } });
  assertEquals(attached, ["/c true after 2"]);
  fs.fail("write /c/pids.max", EINVAL, 0);
  assertThrows(() => cgroup.update({ devices, pids: { limit: 7 } }), RuntimeError, "pids.max");
  assertEquals(attached.length, 1);
});

Deno.test("update: a device program that cannot be attached takes the limits back", () => {
  const fs = tree();
  fs.put("/c", "pids.max", "3\n");
  const cgroup = new LiveV2(local, { unified: "/c" }, fs, () => {
    throw new RuntimeError("EIO_TEST", "attach: operation not permitted");
  });
  const change = { devices: [{ allow: true, access: "rwm" }], pids: { limit: 6 } };
  assertThrows(() => cgroup.update(change), RuntimeError, "not permitted");
  assertEquals(fs.writes, ["/c/pids.max 6", "/c/pids.max 3"]);
});
