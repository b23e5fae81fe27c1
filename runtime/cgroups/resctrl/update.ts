/**
 * `update --l3-cache-schema` and `--mem-bw-schema`: changes the schemata of a live container's class.
 * @module
 */
import type { CgroupFs } from "../fs.ts";
import { HostCgroupFs } from "../host_fs.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { HostMounts } from "../../host/mounts.ts";
import { type ResctrlRecord, writeSchemata } from "./group.ts";
import { lockResctrl } from "./lock.ts";

/** The flags' values. Empty ones change nothing. */
export interface SchemaChange {
  l3CacheSchema: string;
  memBwSchema: string;
}

/**
 * Refuses changes that are not possible.
 *
 * @param record The container's group; undefined when it has none.
 * @param mount Mount point of resctrl; undefined where it is not mounted.
 * @throws {RuntimeError} in runc's words where it has some.
 */
export function checkSchemata(
  change: SchemaChange,
  record: ResctrlRecord | undefined,
  mount: string | undefined,
  fs: CgroupFs,
): asserts record is ResctrlRecord {
  const { l3CacheSchema, memBwSchema } = change;
  const has = (info: string) => mount !== undefined && fs.exists(`${mount}/info`, info);
  if (l3CacheSchema && !has("L3")) {
    throw new RuntimeError("ENOTSUP_RESCTRL", "Intel RDT/CAT: l3 cache schema is not enabled");
  }
  if (memBwSchema && !has("MB")) {
    throw new RuntimeError("ENOTSUP_RESCTRL", "Intel RDT/MBA: memory bandwidth schema is not enabled");
  }
  if (record === undefined) {
    throw new RuntimeError(
      "EINVAL_RESCTRL",
      "updating a non-existent Intel RDT configuration is not supported",
    );
  }
  for (const [flag, line] of [["l3-cache-schema", l3CacheSchema], ["mem-bw-schema", memBwSchema]]) {
    if (line.includes("\n")) {
      throw new RuntimeError("EINVAL_RESCTRL", `invalid value for ${flag}: must not contain newlines`);
    }
  }
  if (memBwSchema && !memBwSchema.startsWith("MB:")) {
    throw new RuntimeError("EINVAL_RESCTRL", 'invalid value for mem-bw-schema: must start with "MB:"');
  }
}

/**
 * Writes the schemata, runs the rest of the update, and restores the old schemata if any of it fails.
 *
 * @param record The container's group; undefined when it has none.
 * @param others The rest of the update.
 * @throws {RuntimeError} for what {@linkcode checkSchemata} refuses; or with the first failure, and with the
 * schemata that could not be restored.
 */
export async function changeSchemata(
  change: SchemaChange,
  record: ResctrlRecord | undefined,
  others: () => Promise<void>,
  fs: CgroupFs = new HostCgroupFs(),
): Promise<void> {
  checkSchemata(change, record, record?.mount ?? new HostMounts().resctrl(), fs);
  using _lock = lockResctrl(record.mount);
  const old = fs.read(record.clos, "schemata").split("\n").filter((line) => line.trim() !== "");
  const lines = [change.l3CacheSchema, change.memBwSchema].filter((line) => line !== "");
  try {
    writeSchemata(fs, record, lines);
    await others();
  } catch (error) {
    try {
      writeSchemata(fs, record, old);
    } catch (second) {
      throw new RuntimeError(
        "EIO_RESCTRL",
        `${(error as Error).message}; and the old schemata cannot be set: ${(second as Error).message}`,
      );
    }
    throw error;
  }
}
