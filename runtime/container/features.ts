/**
 * The optional features, one entry each. A feature that the container does not ask for is neither loaded nor
 * compiled: compiling takes most of a command's time.
 * @module
 */

import { MOUNT_COPY_UP } from "../../spec/mount_options.ts";
import { hasRunOci } from "../../spec/run_oci.ts";
import type { LinuxNamespace, Spec } from "../../spec/types.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest, Request } from "../features/feature.ts";
import { callerUid } from "../host/caller.ts";

/** The part of a feature's module for `create`. */
interface ForCreate {
  forCreate(request: CreateRequest): CreateFeature | Promise<CreateFeature>;
}

/** The part of a feature's module for `exec`. */
interface ForExec {
  forExec(request: ExecRequest): ExecFeature | Promise<ExecFeature>;
}

/** A feature: when it is wanted, and the code that `create`, `exec` or both then need. */
interface Row {
  wanted(request: Request): unknown;
  create?: () => Promise<ForCreate>;
  exec?: () => Promise<ForExec>;
  both?: () => Promise<ForCreate & ForExec>;
}

/** Within a stage of a process, steps run in this order. */
const FEATURES: readonly Row[] = [
  // This one changes the request of those below.
  { wanted: ({ spec }) => hasRunOci(spec), both: () => import("../features/run_oci.ts") },
  {
    wanted: ({ notifySocket }) => notifySocket,
    create: () => import("../features/readiness/notify.ts"),
  },
  {
    wanted: ({ spec }) => has(spec.linux?.namespaces, "user"),
    create: () => import("../features/user_namespace/user_namespace.ts"),
    exec: () => import("../features/user_namespace/exec.ts"),
  },
  { wanted: ({ spec }) => mountsOnHost(spec), create: () => import("../features/root_mount.ts") },
  { wanted: hasMappedMounts, create: () => import("../features/user_namespace/mount_source.ts") },
  {
    wanted: ({ spec }) => spec.linux?.namespaces?.some(({ type, path }) => type === "time" && !path),
    create: () => import("../features/time_namespace.ts"),
  },
  {
    wanted: ({ spec }) => Object.keys(spec.linux?.netDevices ?? {}).length > 0,
    create: () => import("../features/net_devices/mod.ts"),
  },
  { wanted: hasLabels, both: () => import("../features/labels.ts") },
  {
    wanted: ({ spec }) => spec.mounts?.some(({ options }) => options?.includes(MOUNT_COPY_UP)),
    create: () => import("../features/copy_up.ts"),
  },
  { wanted: hasMany, create: () => import("../features/many_mounts.ts") },
  {
    wanted: ({ spec }) => spec.mounts?.some(({ type }) => type === "cgroup"),
    create: () => import("../features/cgroup_mount.ts"),
  },
  {
    wanted: ({ spec }) => Object.values(spec.hooks ?? {}).some((list) => list.length > 0),
    create: () => import("./create/hooks.ts"),
  },
  {
    wanted: ({ process, consoleSocket }) => process.terminal || consoleSocket,
    both: () => import("../features/terminal/console_socket.ts"),
  },
  { wanted: mayHaveFiles, both: () => import("../features/stdio_files.ts") },
  { wanted: hasAttributes, both: () => import("../features/attributes.ts") },
  { wanted: ({ spec }) => spec.linux?.seccomp, both: () => import("../features/seccomp/mod.ts") },
  {
    wanted: ({ spec }) => spec.linux?.seccomp?.listenerPath,
    both: () => import("../features/seccomp/listener.ts"),
  },
  { wanted: ({ spec }) => spec.linux?.intelRdt, both: () => import("../features/resctrl.ts") },
  { wanted: ({ pidfdSocket }) => pidfdSocket, both: () => import("../features/pidfd_socket.ts") },
];

function has(namespaces: readonly LinuxNamespace[] | undefined, wanted: LinuxNamespace["type"]): boolean {
  return namespaces?.some(({ type }) => type === wanted) === true;
}

/** Whether the container mounts something without a mount namespace of its own. */
export function mountsOnHost({ mounts = [], root, linux }: Spec): boolean {
  return (mounts.length > 0 || root.readonly === true) && !has(linux?.namespaces, "mount");
}

/** With more mounts or masked paths than this, recording them in bulk saves more than its code costs. */
const USUAL = 64;

function hasMany({ spec: { mounts = [], linux = {} } }: Request): boolean {
  return mounts.length > USUAL || (linux.maskedPaths?.length ?? 0) > USUAL;
}

/** In a container with a user namespace, that feature opens the sources of mounts. */
function hasMappedMounts({ spec: { linux, mounts = [] } }: Request): boolean {
  return !has(linux?.namespaces, "user") &&
    mounts.some(({ uidMappings, options }) =>
      uidMappings?.length || options?.includes("idmap") || options?.includes("ridmap")
    );
}

/**
 * Whether tsrun waits for the process, and the process is of another user that could not open a file of the
 * caller.
 */
function mayHaveFiles({ atEnd, process, spec: { linux } }: Request): boolean {
  return atEnd !== undefined && !process.terminal &&
    (process.user.uid !== callerUid() || has(linux?.namespaces, "user"));
}

function hasLabels({ process, spec: { process: own, linux } }: Request): unknown {
  return process.apparmorProfile || process.selinuxLabel || own.apparmorProfile || own.selinuxLabel ||
    linux?.mountLabel;
}

function hasAttributes({ process, spec: { linux } }: Request): unknown {
  return process.scheduler ?? process.ioPriority ?? process.execCPUAffinity ?? linux?.personality ??
    linux?.memoryPolicy;
}

/**
 * The features of a new container. @throws {RuntimeError} If the host cannot do what one of them asks for.
 */
export async function featuresOfCreate(request: CreateRequest): Promise<CreateFeature[]> {
  const features: CreateFeature[] = [];
  for (const { wanted, create, both } of FEATURES) {
    const load = create ?? both;
    if (load && wanted(request)) features.push(await (await load()).forCreate(request));
  }
  return features;
}

/**
 * The features of one more process. @throws {RuntimeError} If the host cannot do what one of them asks for.
 */
export async function featuresOfExec(request: ExecRequest): Promise<ExecFeature[]> {
  const features: ExecFeature[] = [];
  for (const { wanted, exec, both } of FEATURES) {
    const load = exec ?? both;
    if (load && wanted(request)) features.push(await (await load()).forExec(request));
  }
  return features;
}
