/**
 * The top level of config.json: runtime-spec `config.md`.
 *
 * @module
 */
import type { Linux, LinuxIDMapping } from "./linux.ts";
import type { Process } from "./process.ts";

/** A container's configuration, the whole of config.json. */
export interface Spec {
  /** Version (SemVer) of the runtime specification that the document follows. */
  ociVersion: string;
  /** The container's root filesystem. */
  root: Root;
  /**
   * The container's process. The specification needs it at `start`; tsrun, like runc, needs it at `create`.
   */
  process: Process;
  /** Host name in the container's UTS namespace. */
  hostname?: string;
  /** NIS domain name in the container's UTS namespace. */
  domainname?: string;
  /** Filesystems mounted beyond the root, in this order. */
  mounts?: Mount[];
  /** Programs run at points of the container's life. */
  hooks?: Hooks;
  /** Free metadata, handed to hooks and to `state`. */
  annotations?: Record<string, string>;
  /** Settings that only Linux has. */
  linux?: Linux;
}

/** The container's root filesystem. */
export interface Root {
  /** Directory, absolute or relative to the bundle. */
  path: string;
  /** Makes the root filesystem read-only inside the container. */
  readonly?: boolean;
}

/** One mount: mount(2). */
export interface Mount {
  /** Mount point inside the container; a relative one (deprecated) counts from "/". */
  destination: string;
  /** Filesystem type of /proc/filesystems; ignored for bind mounts. */
  type?: string;
  /** Device name, or for bind mounts a path, absolute or relative to the bundle. */
  source?: string;
  /** Mount options as of mount(8); unknown ones are data of the filesystem. */
  options?: string[];
  /** User ids of the mount's files; makes it an id-mapped mount, together with `gidMappings`. */
  uidMappings?: LinuxIDMapping[];
  /** Group ids of the mount's files; makes it an id-mapped mount, together with `uidMappings`. */
  gidMappings?: LinuxIDMapping[];
}

/** The programs to run, by point of the container's life. */
export interface Hooks {
  /** At create, namespaces and mounts made, before pivot_root; in the runtime's namespaces. Deprecated. */
  prestart?: Hook[];
  /** At create, after `prestart` and before pivot_root; in the runtime's namespaces. */
  createRuntime?: Hook[];
  /** At create, after `createRuntime` and before pivot_root; in the container's namespaces. */
  createContainer?: Hook[];
  /** At start, before the user's program is executed; in the container's namespaces. */
  startContainer?: Hook[];
  /** At start, after the user's program was executed; in the runtime's namespaces. */
  poststart?: Hook[];
  /** At delete, after the container is gone; in the runtime's namespaces. */
  poststop?: Hook[];
}

/** Name of one of the six lists of hooks. */
export type HookName = keyof Hooks;

/** A program to run, with the container's state on its standard input. */
export interface Hook {
  /** Absolute path of the program. */
  path: string;
  /** Its whole argument vector, argv[0] included; absent: the path alone. */
  args?: string[];
  /** Its environment, as `name=value`. */
  env?: string[];
  /** Seconds (above 0) after which it is killed and counts as failed. */
  timeout?: number;
}
