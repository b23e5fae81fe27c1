/**
 * Code that only some containers need, loaded for those.
 * @module
 */

import { MOUNT_COPY_UP } from "../../../spec/mount_options.ts";
import type { Spec } from "../../../spec/types.ts";
import { loadCgroupMount, loadResctrl } from "../../cgroups/mod.ts";
import { callerVariable } from "../../host/caller.ts";

/** Code that only some containers need. */
export interface Parts {
  hooks: typeof import("../hooks.ts") | undefined;
  seccomp: typeof import("../../features/seccomp/mod.ts") | undefined;
  listener: typeof import("../../features/seccomp/listener.ts") | undefined;
  notify: typeof import("../../features/readiness/notify.ts") | undefined;
  pidfd: typeof import("../../features/pidfd_socket.ts") | undefined;
  terminal: typeof import("../../features/terminal/console_socket.ts") | undefined;
  attributes: typeof import("../../../init/process_attributes.ts") | undefined;
  labels: import("../../../init/labels.ts").ContainerLabels | undefined;
  resctrl: Awaited<ReturnType<typeof loadResctrl>> | undefined;
  userNamespace: typeof import("../../features/user_namespace/user_namespace.ts") | undefined;
  mountSource: typeof import("../../features/user_namespace/mount_source.ts") | undefined;
  netDevices: typeof import("../../features/net_devices/mod.ts") | undefined;
  time: typeof import("../../../init/time_namespace.ts") | undefined;
  copyUp: typeof import("../../host/copy_up.ts") | undefined;
  rootMount: typeof import("../root_mount.ts") | undefined;
  cgroupMount: Awaited<ReturnType<typeof loadCgroupMount>> | undefined;
}

/** Loads what this container needs: what is not loaded is not compiled, and compiling is most of the time there is. */
export async function loadParts(
  { consoleSocket, pidfdSocket }: { consoleSocket?: string; pidfdSocket?: string },
  spec: Spec,
): Promise<Parts> {
  const { process, hooks, linux, mounts = [] } = spec;
  const hooked = Object.values(hooks ?? {}).some((list) => list.length > 0);
  return {
    hooks: hooked ? await import("../hooks.ts") : undefined,
    seccomp: linux?.seccomp ? await import("../../features/seccomp/mod.ts") : undefined,
    listener: linux?.seccomp?.listenerPath ? await import("../../features/seccomp/listener.ts") : undefined,
    notify: callerVariable("NOTIFY_SOCKET") ? await import("../../features/readiness/notify.ts") : undefined,
    pidfd: pidfdSocket !== undefined ? await import("../../features/pidfd_socket.ts") : undefined,
    terminal: process.terminal || consoleSocket
      ? await import("../../features/terminal/console_socket.ts")
      : undefined,
    attributes: process.scheduler ?? process.ioPriority ?? linux?.personality ?? linux?.memoryPolicy
      ? await import("../../../init/process_attributes.ts")
      : undefined,
    labels: process.apparmorProfile || process.selinuxLabel || linux?.mountLabel
      ? (await import("../../features/labels.ts")).containerLabels(spec)
      : undefined,
    resctrl: linux?.intelRdt ? await loadResctrl() : undefined,
    userNamespace: linux?.namespaces?.some(({ type }) => type === "user")
      ? await import("../../features/user_namespace/user_namespace.ts")
      : undefined,
    netDevices: Object.keys(linux?.netDevices ?? {}).length > 0
      ? await import("../../features/net_devices/mod.ts")
      : undefined,
    time: linux?.namespaces?.some(({ type, path }) => type === "time" && !path)
      ? await import("../../../init/time_namespace.ts")
      : undefined,
    mountSource:
      mounts.some(({ uidMappings, options }) =>
          uidMappings?.length || options?.includes("idmap") || options?.includes("ridmap")
        )
        ? await import("../../features/user_namespace/mount_source.ts")
        : undefined,
    copyUp: mounts.some(({ options }) => options?.includes(MOUNT_COPY_UP))
      ? await import("../../host/copy_up.ts")
      : undefined,
    rootMount: mountsOnHost(spec) ? await import("../root_mount.ts") : undefined,
    cgroupMount: mounts.some(({ type }) => type === "cgroup") ? await loadCgroupMount() : undefined,
  };
}

/** Whether the container mounts something and has no mount namespace to do it in. */
function mountsOnHost({ mounts = [], root, linux }: Spec): boolean {
  return (mounts.length > 0 || root.readonly === true) &&
    !linux?.namespaces?.some(({ type }) => type === "mount");
}
