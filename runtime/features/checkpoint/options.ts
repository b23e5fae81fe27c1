/**
 * The options that `checkpoint` and `restore` share, and those that are passed to CRIU unchanged.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import { lookup } from "../../../spec/tables.ts";
import { CGROUP_MODES, type CriuOpts } from "./rpc.ts";

/** Options that both commands have. */
export interface CriuOptions {
  /** Path of CRIU, or its name. */
  criu: string;
  /** Directory of the images; absolute. */
  imagePath: string;
  /** Directory of logs and other files of CRIU; absolute. The default is the directory of the images. */
  workPath?: string;
  tcpEstablished: boolean;
  extUnixSk: boolean;
  shellJob: boolean;
  fileLocks: boolean;
  autoDedup: boolean;
  lazyPages: boolean;
  /** `--manage-cgroups-mode`; empty if not given. */
  cgroupMode: string;
  /** `--empty-ns`. */
  emptyNs: readonly string[];
}

/** A page server, by `--page-server`. */
export interface PageServer {
  address: string;
  port: number;
}

/**
 * CRIU's options that both commands set in the same way.
 *
 * @throws {RuntimeError} For a mode or a namespace that does not exist.
 */
export function sharedOptions(options: CriuOptions): Partial<CriuOpts> {
  const mode = lookup(CGROUP_MODES, options.cgroupMode);
  if (mode === undefined) throw new RuntimeError("EINVAL_FLAG", "invalid manage-cgroups-mode value");
  return {
    log_level: 4,
    notify_scripts: true,
    manage_cgroups: true,
    manage_cgroups_mode: mode,
    tcp_established: options.tcpEstablished,
    ext_unix_sk: options.extUnixSk,
    shell_job: options.shellJob,
    file_locks: options.fileLocks,
    auto_dedup: options.autoDedup,
    lazy_pages: options.lazyPages,
    empty_ns: emptyNamespaces(options.emptyNs),
    orphan_pts_master: true,
  };
}

/** The network namespace is always left empty, as in runc: the client that made its devices restores them. */
function emptyNamespaces(types: readonly string[]): number {
  const other = types.find((type) => type !== "network");
  if (other !== undefined) {
    throw new RuntimeError("EINVAL_FLAG", `namespace ${JSON.stringify(other)} is not supported`);
  }
  return NAMESPACES.network.flag;
}

/** Reads `--page-server`. @throws {RuntimeError} In runc's words. */
export function parsePageServer(text: string): PageServer | undefined {
  if (text === "") return undefined;
  const parts = /^(?:\[([^\]]+)\]|([^:[\]]+)):([^:]+)$/.exec(text);
  if (parts === null) {
    throw new RuntimeError("EINVAL_FLAG", "Use --page-server ADDRESS:PORT to specify page server");
  }
  const port = Number(parts[3]);
  if (!/^\d+$/.test(parts[3]) || port < 1 || port > 65535) {
    throw new RuntimeError("EINVAL_FLAG", "Invalid port number");
  }
  return { address: parts[1] ?? parts[2], port };
}

/** The annotation by which a container names a configuration file for CRIU. */
const CONFIG_ANNOTATION = "org.criu.config";
/** The configuration file for all containers. It may be missing. */
const CONFIG_FILE = "/etc/criu/runc.conf";

/** CRIU's configuration file, whose settings override all others; undefined if the container wants none. */
export function configFile(annotations: Readonly<Record<string, string>>): string | undefined {
  const named = annotations[CONFIG_ANNOTATION];
  return named === undefined ? CONFIG_FILE : named || undefined;
}
