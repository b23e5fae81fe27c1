/**
 * `intel_rdt` of `events`: the machine's abilities, the settings of the container's class, and the
 * container's use.
 *
 * The fields are those of runc. Go leaves out empty and zero ones.
 * @module
 */
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { ResctrlRecord } from "./group.ts";

/** Counters, and their fields. A machine may have any of them. */
const BANDWIDTH_COUNTERS = ["mbm_total_bytes", "mbm_local_bytes"];
const CACHE_COUNTERS = ["llc_occupancy"];

/** The machine's facts about the L3 cache and memory bandwidth. All except the mask are numbers. */
const L3_INFO = ["cbm_mask", "min_cbm_bits", "num_closids"];
const MB_INFO = ["bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids"];

/** Measures. @throws {RuntimeError} when the group is gone or a file cannot be understood. */
export function resctrlStats(
  record: ResctrlRecord,
  fs: CgroupFs = new HostCgroupFs(),
): Record<string, unknown> {
  const { mount, clos } = record;
  const root = readLines(fs, mount), own = readLines(fs, clos);
  const has = (info: string) => fs.exists(`${mount}/info`, info);
  return {
    ...(has("L3")
      ? {
        l3_cache_info: readInfo(fs, `${mount}/info/L3`, L3_INFO),
        ...schema("l3_cache_schema_root", root, "L3"),
        ...schema("l3_cache_schema", own, "L3"),
      }
      : {}),
    ...(has("MB")
      ? {
        mem_bw_info: readInfo(fs, `${mount}/info/MB`, MB_INFO),
        ...schema("mem_bw_schema_root", root, "MB"),
        ...schema("mem_bw_schema", own, "MB"),
      }
      : {}),
    schemata: own,
    ...(has("L3_MON") ? readCounters(fs, record) : {}),
  };
}

function readLines(fs: CgroupFs, directory: string): string[] {
  return fs.read(directory, "schemata").trim().split("\n");
}

/** The last line of a resource: with separate masks for code and data there are two. */
function schema(field: string, lines: readonly string[], resource: string): Record<string, string> {
  const line = lines.findLast((one) => one.includes(resource));
  return line === undefined ? {} : { [field]: line.trim() };
}

function readInfo(fs: CgroupFs, info: string, files: readonly string[]): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const file of files) {
    const value = file === "cbm_mask" ? fs.read(info, file).trim() : readNumber(fs, info, file);
    if (value !== "" && value !== 0n) fields[file] = value;
  }
  return fields;
}

/** The counters of the container's MON group in each domain; without a group, those of its class. */
function readCounters(fs: CgroupFs, { mount, clos, mon }: ResctrlRecord): Record<string, unknown> {
  const features = fs.read(`${mount}/info/L3_MON`, "mon_features").split("\n").map((line) => line.trim());
  const data = `${mon ?? clos}/mon_data`;
  const domains = fs.list(data).filter((name) => name.startsWith("mon_L3_")).sort();
  const count = (counters: readonly string[]) =>
    domains.map((domain) =>
      Object.fromEntries(
        counters.map((
          file,
        ) => [file, features.includes(file) ? readNumber(fs, `${data}/${domain}`, file) : 0n]),
      )
    );
  const enabled = (counters: readonly string[]) => counters.some((file) => features.includes(file));
  return {
    ...(enabled(BANDWIDTH_COUNTERS) ? { mbm_stats: count(BANDWIDTH_COUNTERS) } : {}),
    ...(enabled(CACHE_COUNTERS) ? { cmt_stats: count(CACHE_COUNTERS) } : {}),
  };
}

/** A counter may say `Unavailable` for a while. */
function readNumber(fs: CgroupFs, directory: string, file: string): bigint {
  const text = fs.read(directory, file).trim();
  if (!/^\d+$/.test(text)) {
    throw new RuntimeError(
      "EIO_RESCTRL",
      `unable to parse ${JSON.stringify(text)} as a uint from file "${directory}/${file}"`,
    );
  }
  return BigInt(text);
}
