import { assertEquals, assertRejects } from "@std/assert";
import type { LinuxResources } from "../../spec/types.ts";
import { parseFlags } from "./flags.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import { local } from "../../ffi/local.ts";
import { requestedResources, requestedSchemata, updateFlags } from "./update_flags.ts";

const flags = (line: string) => parseFlags(updateFlags(), line.split(" ")).flags;
const requested = async (line: string) => await requestedResources(local(), flags(line));

Deno.test("each flag sets its limit", async () => {
  const cases: [string, LinuxResources][] = [
    ["--memory 512m", { memory: { limit: 512 << 20 }, cpu: {} }],
    ["--memory -1 --memory-swap=-1", { memory: { limit: -1, swap: -1 }, cpu: {} }],
    ["--memory-reservation 1k", { memory: { reservation: 1024 }, cpu: {} }],
    ["--kernel-memory 1 --kernel-memory-tcp 2", { memory: { kernel: 1, kernelTCP: 2 }, cpu: {} }],
    ["--cpu-quota -1 --cpu-period 5", { memory: {}, cpu: { quota: -1, period: 5 } }],
    ["--cpu-burst 0 --cpu-idle 1 --cpu-share 9", { memory: {}, cpu: { burst: 0, idle: 1, shares: 9 } }],
    ["--cpu-rt-period 6 --cpu-rt-runtime -7", {
      memory: {},
      cpu: { realtimePeriod: 6, realtimeRuntime: -7 },
    }],
    ["--cpuset-cpus 0-1 --cpuset-mems 0", { memory: {}, cpu: { cpus: "0-1", mems: "0" } }],
    ["--blkio-weight 500", { memory: {}, cpu: {}, blockIO: { weight: 500 } }],
    ["--pids-limit -1", { memory: {}, cpu: {}, pids: { limit: -1 } }],
    ["--pids-limit 9223372036854775807", { memory: {}, cpu: {}, pids: { limit: 9223372036854775807n } }],
    ["--cpu-share 18446744073709551615", { memory: {}, cpu: { shares: 18446744073709551615n } }],
    ["--cpu-quota -9223372036854775808", { memory: {}, cpu: { quota: -9223372036854775808n } }],
    ["--cpu-period 9007199254740993", { memory: {}, cpu: { period: 9007199254740993n } }],
    ["--memory 9223372036854775807", { memory: { limit: 9223372036854775807n }, cpu: {} }],
    ["c1", { memory: {}, cpu: {} }],
  ];
  for (const [line, resources] of cases) assertEquals(await requested(line), resources, line);
});

Deno.test("values that are none name their flag", async () => {
  const cases: [string, string][] = [
    ["--memory abc", "invalid value for memory: invalid size: 'abc'"],
    ["--memory-swap -2", "invalid value for memory-swap: invalid size: '-2'"],
    ["--cpu-quota x", 'invalid value for cpu-quota: parsing "x": invalid syntax'],
    ["--cpu-period -5", 'invalid value for cpu-period: parsing "-5": invalid syntax'],
    ["--cpu-share 99999999999999999999", "value out of range"],
    ["--cpu-share 18446744073709551616", "value out of range"],
    ["--cpu-quota 9223372036854775808", "value out of range"],
    ["--pids-limit 9223372036854775808", "value out of range"],
    ["--memory 9223372036854775808", "invalid value for memory"],
    ["--resources /nowhere/at-all", "open /nowhere/at-all: no such file or directory"],
  ];
  for (const [line, message] of cases) {
    await assertRejects(() => requested(line), RuntimeError, message, line);
  }
});

Deno.test("a file takes the place of all other flags", async () => {
  const file = Deno.makeTempFileSync();
  try {
    const read = (text: string) => {
      Deno.writeTextFileSync(file, text);
      return requested(`-r ${file} --memory 5m`);
    };
    assertEquals(await read('{"cpu":{"shares":null,"quota":3}}'), { cpu: { quota: 3 } });
    assertEquals(await read('{"memory":{"limit":9223372036854775807}}'), {
      memory: { limit: 9223372036854775807n },
    });
    assertEquals(await read("null"), {});
    await assertRejects(() => read("{"), RuntimeError, "resources: ");
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("schemata are asked for beside limits, and beside a file too", () => {
  assertEquals(requestedSchemata(flags("c1")), undefined);
  assertEquals(requestedSchemata(flags("--memory 5m --mem-bw-schema MB:0=10 c1")), {
    l3CacheSchema: "",
    memBwSchema: "MB:0=10",
  });
  assertEquals(requestedSchemata(flags("-r /x --l3-cache-schema L3:0=f c1")), {
    l3CacheSchema: "L3:0=f",
    memBwSchema: "",
  });
});
