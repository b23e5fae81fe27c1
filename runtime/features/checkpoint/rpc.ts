/**
 * The messages of CRIU's service, as far as tsrun uses them.
 *
 * Source: images/rpc.proto of CRIU. Names and numbers are CRIU's.
 * @module
 */

import { decodeProtobuf, encodeProtobuf, type Schema } from "./protobuf.ts";

/** `enum criu_req_type`. */
export const REQUEST = {
  DUMP: 1,
  RESTORE: 2,
  PRE_DUMP: 4,
  NOTIFY: 6,
  FEATURE_CHECK: 9,
  VERSION: 10,
} as const;

/** `enum criu_cg_mode` by the words of `--manage-cgroups-mode`; without a word CRIU chooses. */
export const CGROUP_MODES: Readonly<Record<string, number>> = {
  "": 6,
  soft: 3,
  full: 4,
  strict: 5,
  ignore: 0,
};

/** A path in a mount namespace, and the name that CRIU knows it by. */
export interface ExtMount {
  key: string;
  val: string;
}

/** `message criu_opts`. */
export interface CriuOpts {
  images_dir_fd: number;
  pid?: number;
  leave_running?: boolean;
  ext_unix_sk?: boolean;
  tcp_established?: boolean;
  evasive_devices?: boolean;
  shell_job?: boolean;
  file_locks?: boolean;
  log_level?: number;
  log_file?: string;
  ps?: { address: string; port: number };
  notify_scripts?: boolean;
  root?: string;
  parent_img?: string;
  track_mem?: boolean;
  auto_dedup?: boolean;
  work_dir_fd?: number;
  link_remap?: boolean;
  ext_mnt?: ExtMount[];
  manage_cgroups?: boolean;
  cg_root?: { ctrl: string; path: string }[];
  rst_sibling?: boolean;
  inherit_fd?: { key: string; fd: number }[];
  manage_cgroups_mode?: number;
  external?: string[];
  empty_ns?: number;
  join_ns?: { ns: string; ns_file: string }[];
  freeze_cgroup?: string;
  tcp_skip_in_flight?: boolean;
  lazy_pages?: boolean;
  status_fd?: number;
  orphan_pts_master?: boolean;
  config_file?: string;
  lsm_profile?: string;
  lsm_mount_context?: string;
}

const OPTS: Schema = {
  images_dir_fd: [1, "int32"],
  pid: [2, "int32"],
  leave_running: [3, "bool"],
  ext_unix_sk: [4, "bool"],
  tcp_established: [5, "bool"],
  evasive_devices: [6, "bool"],
  shell_job: [7, "bool"],
  file_locks: [8, "bool"],
  log_level: [9, "int32"],
  log_file: [10, "string"],
  ps: [11, { address: [1, "string"], port: [2, "int32"] }],
  notify_scripts: [12, "bool"],
  root: [13, "string"],
  parent_img: [14, "string"],
  track_mem: [15, "bool"],
  auto_dedup: [16, "bool"],
  work_dir_fd: [17, "int32"],
  link_remap: [18, "bool"],
  ext_mnt: [23, { key: [1, "string"], val: [2, "string"] }, "repeated"],
  manage_cgroups: [24, "bool"],
  cg_root: [25, { ctrl: [1, "string"], path: [2, "string"] }, "repeated"],
  rst_sibling: [26, "bool"],
  inherit_fd: [27, { key: [1, "string"], fd: [2, "int32"] }, "repeated"],
  manage_cgroups_mode: [34, "int32"],
  external: [37, "string", "repeated"],
  empty_ns: [38, "uint32"],
  join_ns: [39, { ns: [1, "string"], ns_file: [2, "string"] }, "repeated"],
  freeze_cgroup: [44, "string"],
  tcp_skip_in_flight: [46, "bool"],
  lazy_pages: [48, "bool"],
  status_fd: [49, "int32"],
  orphan_pts_master: [50, "bool"],
  config_file: [51, "string"],
  lsm_profile: [53, "string"],
  lsm_mount_context: [63, "string"],
};

/** `message criu_features`. */
export interface CriuFeatures {
  mem_track?: boolean;
  lazy_pages?: boolean;
}

const FEATURES: Schema = { mem_track: [1, "bool"], lazy_pages: [2, "bool"] };

/** `message criu_req`. */
export interface CriuRequest {
  type: number;
  opts?: CriuOpts;
  notify_success?: boolean;
  features?: CriuFeatures;
}

const REQ: Schema = {
  type: [1, "int32"],
  opts: [2, OPTS],
  notify_success: [3, "bool"],
  features: [5, FEATURES],
};

/** `message criu_resp`. */
export interface CriuResponse {
  type: number;
  success: boolean;
  restore?: { pid: number };
  notify?: { script?: string; pid?: number };
  cr_errno?: number;
  features?: CriuFeatures;
  cr_errmsg?: string;
  version?: { major_number: number; minor_number: number; gitid?: string; sublevel?: number };
}

const RESP: Schema = {
  type: [1, "int32"],
  success: [2, "bool"],
  restore: [4, { pid: [1, "int32"] }],
  notify: [5, { script: [1, "string"], pid: [2, "int32"] }],
  cr_errno: [7, "int32"],
  features: [8, FEATURES],
  cr_errmsg: [9, "string"],
  version: [10, {
    major_number: [1, "int32"],
    minor_number: [2, "int32"],
    gitid: [3, "string"],
    sublevel: [4, "int32"],
  }],
};

/** A request as bytes. */
export function encodeCriuRequest(request: CriuRequest): Uint8Array {
  return encodeProtobuf(REQ, { ...request });
}

/** Decodes a request, for tests. */
export function decodeCriuRequest(bytes: Uint8Array): CriuRequest {
  return decodeProtobuf(REQ, bytes) as unknown as CriuRequest;
}

/** A response as bytes, for tests. */
export function encodeCriuResponse(response: CriuResponse): Uint8Array {
  return encodeProtobuf(RESP, { ...response });
}

/** Decodes a response. @throws {RangeError} For bytes that are not a response. */
export function decodeCriuResponse(bytes: Uint8Array): CriuResponse {
  const { type, success, ...rest } = decodeProtobuf(RESP, bytes);
  if (typeof type !== "number" || typeof success !== "boolean") {
    throw new RangeError("criu: an answer without type or success");
  }
  return { type, success, ...rest };
}

/** The name of a request's type, for messages. */
export function requestName(type: number): string {
  return Object.entries(REQUEST).find(([, number]) => number === type)?.[0] ?? String(type);
}

/**
 * A version as one number, as CRIU's clients compare it: 4.1.2 is 40102. A build between releases counts
 * as the next minor release.
 */
export function versionNumber(
  { major_number, minor_number, sublevel = 0, gitid }: NonNullable<CriuResponse["version"]>,
): number {
  return gitid
    ? major_number * 10000 + (minor_number + 1) * 100
    : major_number * 10000 + minor_number * 100 + sublevel;
}
