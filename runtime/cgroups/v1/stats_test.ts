import { assertEquals, assertThrows } from "@std/assert";
import { EINVAL } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { exactJson } from "../../container/exact_json.ts";
import { oomEvent, statsEvent } from "../../container/stats_json.ts";
import { FakeCgroupFs } from "../fs_testing.ts";
import { HUGEPAGES_DIRECTORY } from "../hugetlb.ts";
import { emptyStats } from "../stats.ts";
import { readStats } from "./stats.ts";

const NO_LIMIT = "9223372036854771712";

const FILES: Record<string, Record<string, string>> = {
  cpu: { "cpu.stat": "nr_periods 5\nnr_throttled 2\nthrottled_time 123\nwait_sum 9\n" },
  cpuacct: {
    "cpuacct.stat": "user 3\nsystem 7\n",
    "cpuacct.usage": "18446744073709551615\n",
    "cpuacct.usage_percpu": "40 60 \n",
    "cpuacct.usage_all": "cpu user system\n0 11 12\n1 21 22\n",
  },
  cpuset: { "cpuset.cpus": "0-1,4\n", "cpuset.mems": "0\n", "cpuset.sched_relax_domain_level": "-1\n" },
  memory: {
    "memory.stat": "rss 5\ncache 7\nhierarchical_memory_limit 9223372036854771712\n",
    ...counter("memory", "100", "50", "70", "3"),
    ...counter("memory.memsw", NO_LIMIT, "51", "71", "0"),
    "memory.kmem.usage_in_bytes": "8\n",
    "memory.kmem.max_usage_in_bytes": "9\n",
    "memory.kmem.failcnt": "0\n",
  },
  pids: { "pids.current": "2\n", "pids.max": "max\n" },
  blkio: {
    "blkio.bfq.io_serviced_recursive": "Total 0\n",
    "blkio.throttle.io_serviced_recursive": "254:0 Read 30\n254:0 Write 0\n254:0 Total 30\nTotal 30\n",
    "blkio.throttle.io_service_bytes_recursive": "254:0 Read 18446744073709551615\nTotal 9\n",
  },
  hugetlb: {
    "hugetlb.2MB.rsvd.usage_in_bytes": "1\n",
    "hugetlb.2MB.rsvd.max_usage_in_bytes": "2\n",
    "hugetlb.2MB.rsvd.failcnt": "0\n",
    "hugetlb.1GB.usage_in_bytes": "0\n",
    "hugetlb.1GB.max_usage_in_bytes": "0\n",
    "hugetlb.1GB.failcnt": "4\n",
  },
};

function counter(
  prefix: string,
  limit: string,
  usage: string,
  max: string,
  failcnt: string,
): Record<string, string> {
  return {
    [`${prefix}.limit_in_bytes`]: `${limit}\n`,
    [`${prefix}.usage_in_bytes`]: `${usage}\n`,
    [`${prefix}.max_usage_in_bytes`]: `${max}\n`,
    [`${prefix}.failcnt`]: `${failcnt}\n`,
  };
}

const PATHS = Object.fromEntries(Object.keys(FILES).map((name) => [name, `/${name}/c`]));

function tree(): FakeCgroupFs {
  const pages = ["hugepages-2048kB", "hugepages-1048576kB"].map((name) => `${HUGEPAGES_DIRECTORY}/${name}`);
  return new FakeCgroupFs([...Object.values(PATHS), ...pages], (dir) => FILES[dir.split("/")[1]] ?? {});
}

Deno.test("a sample becomes runc's document, digit by digit", () => {
  const text = exactJson(statsEvent("c1", readStats(tree(), PATHS)));
  const zero = '"limit":0,"failcnt":0';
  assertEquals(
    text,
    '{"type":"stats","id":"c1","data":{' +
      '"cpu":{"usage":{"total":18446744073709551615,"percpu":[40,60],"percpu_kernel":[12,22],' +
      '"percpu_user":[11,21],"kernel":70000000,"user":30000000},' +
      '"throttling":{"periods":5,"throttledPeriods":2,"throttledTime":123}},' +
      '"cpuset":{"cpus":[0,1,4],"cpu_exclusive":0,"mems":[0],"mem_hardwall":0,"mem_exclusive":0,' +
      '"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,"memory_pressure":0,' +
      '"sched_load_balance":0,"sched_relax_domain_level":-1},' +
      '"memory":{"cache":7,"usage":{"limit":100,"usage":50,"max":70,"failcnt":3},' +
      `"swap":{"limit":${NO_LIMIT},"usage":51,"max":71,"failcnt":0},` +
      `"kernel":{"limit":0,"usage":8,"max":9,"failcnt":0},"kernelTCP":{${zero}},` +
      `"raw":{"cache":7,"hierarchical_memory_limit":${NO_LIMIT},"rss":5}},` +
      '"pids":{"current":2},' +
      '"blkio":{"ioServiceBytesRecursive":[{"major":254,"op":"Read","value":18446744073709551615}],' +
      '"ioServicedRecursive":[{"major":254,"op":"Read","value":30},{"major":254,"op":"Write"},' +
      '{"major":254,"op":"Total","value":30}]},' +
      '"hugetlb":{"1GB":{"failcnt":4},"2MB":{"usage":1,"max":2,"failcnt":0}},' +
      '"intel_rdt":{},"network_interfaces":null}}',
  );
});

Deno.test("controllers that are not there are zero", () => {
  assertEquals(readStats(tree(), {}), emptyStats());
});

Deno.test("of the block device files those that count something are taken", () => {
  const files = {
    "blkio.bfq.io_serviced_recursive": "8:0 Read 1\n",
    "blkio.bfq.io_service_bytes_recursive": "8:0 4\n",
  };
  const fs = tree();
  for (const [file, text] of Object.entries(files)) fs.put("/blkio/c", file, text);
  const { serviced, serviceBytes } = readStats(fs, PATHS).blkio;
  assertEquals(serviced, [{ major: 8n, minor: 0n, op: "Read", value: 1n }]);
  assertEquals(serviceBytes, [{ major: 8n, minor: 0n, op: "", value: 4n }]);
});

Deno.test("a file that holds something else, or cannot be read, is named", () => {
  const fs = tree();
  fs.put("/pids/c", "pids.current", "many\n");
  assertThrows(() => readStats(fs, PATHS), RuntimeError, 'read /pids/c/pids.current: "many" is not a number');
  fs.put("/pids/c", "pids.current", "1\n");
  fs.put("/blkio/c", "blkio.throttle.io_serviced_recursive", "8:0 Read\n");
  assertThrows(() => readStats(fs, PATHS), RuntimeError, 'malformed line "8:0 Read" in /blkio/c/');
  fs.fail("read /memory/c/memory.memsw.usage_in_bytes", EINVAL);
  assertThrows(() => readStats(fs, PATHS), RuntimeError, "memory.memsw.usage_in_bytes: invalid argument");
});

Deno.test("out of memory has no data", () => {
  assertEquals(exactJson(oomEvent("c1")), '{"type":"oom","id":"c1"}');
});
