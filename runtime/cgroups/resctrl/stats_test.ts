import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { exactJson } from "../../container/exact_json.ts";
import { FakeResctrl, MOUNT } from "./fake_testing.ts";
import { resctrlStats } from "./stats.ts";

const gold = () =>
  new FakeResctrl().group("/gold", { schemata: "    L3:0=f;1=ff\n    MB:0=30;1=100\n" })
    .group("/gold/mon_groups/c1");
const record = { mount: MOUNT, clos: `${MOUNT}/gold`, made: false };

Deno.test("everything that there is, as runc writes it", () => {
  const fs = gold();
  const mon = `${MOUNT}/gold/mon_groups/c1`;
  fs.put(`${mon}/mon_data/mon_L3_01`, "llc_occupancy", "5\n");
  assertEquals(
    exactJson(resctrlStats({ ...record, mon }, fs)),
    '{"l3_cache_info":{"cbm_mask":"fffff","min_cbm_bits":2,"num_closids":16},' +
      '"l3_cache_schema_root":"L3:0=fffff;1=fffff","l3_cache_schema":"L3:0=f;1=ff",' +
      '"mem_bw_info":{"bandwidth_gran":10,"delay_linear":1,"min_bandwidth":10,"num_closids":8},' +
      '"mem_bw_schema_root":"MB:0=100;1=100","mem_bw_schema":"MB:0=30;1=100",' +
      '"schemata":["L3:0=f;1=ff","    MB:0=30;1=100"],' +
      '"mbm_stats":[{"mbm_total_bytes":9007199254740993,"mbm_local_bytes":7},' +
      '{"mbm_total_bytes":0,"mbm_local_bytes":0}],' +
      '"cmt_stats":[{"llc_occupancy":4096},{"llc_occupancy":5}]}',
  );
});

Deno.test("what the machine lacks is left out", () => {
  const bare = gold().lacks("L3").lacks("MB").lacks("L3_MON");
  assertEquals(resctrlStats(record, bare), { schemata: ["L3:0=f;1=ff", "    MB:0=30;1=100"] });
  const fs = gold().lacks("L3").lacks("MB");
  fs.put(`${MOUNT}/info/L3_MON`, "mon_features", "mbm_local_bytes\n");
  assertEquals(resctrlStats(record, fs).mbm_stats, [
    { mbm_total_bytes: 0n, mbm_local_bytes: 7n },
    { mbm_total_bytes: 0n, mbm_local_bytes: 0n },
  ]);
  assertEquals(resctrlStats(record, fs).cmt_stats, undefined);
});

Deno.test("a counter without a value is an error that names its file", () => {
  const fs = gold();
  fs.put(`${MOUNT}/gold/mon_data/mon_L3_00`, "llc_occupancy", "Unavailable\n");
  assertThrows(
    () => resctrlStats(record, fs),
    RuntimeError,
    'unable to parse "Unavailable" as a uint from file "/tmp/gold/mon_data/mon_L3_00/llc_occupancy"',
  );
});
