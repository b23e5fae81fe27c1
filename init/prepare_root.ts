/**
 * The container's root file system: mounts, devices, hooks, and the change of root.
 *
 * A container without a mount namespace of its own mounts in the runtime's, on a copy of its root. tsrun has
 * attached that copy there, and `delete` detaches it again (runtime/container/root_mount.ts). The root
 * changes by chroot(2) then.
 * @module
 */

import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../ffi/constants.ts";
import type { Fd, Result } from "../ffi/kernel.ts";
import type { Recorder } from "../ffi/recorder.ts";
import { parseMountOptions } from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { mountCgroups } from "./cgroup_mount.ts";
import { checkDeviceNodes, devicesToMake, devOwner, makeDevices } from "./devices.ts";
import { isBind, type MountContext, mountOne } from "./mounts.ts";
import { hasNamespace } from "./namespaces.ts";
import { pathInside } from "./path_inside.ts";
import { bindRootfs, chrootInto, moveInto, pivotInto } from "./rootfs.ts";
import type { SetupPlan } from "./setup.ts";

/** Opens a path of the host. */
export function openOutside(
  k: Recorder,
  { userNamespace: user }: SetupPlan,
  path: string,
  flags: number,
): Result {
  return user ? user.open(k, path, flags) : k.open(path, flags);
}

/** The container's root. */
export interface PreparedRoot {
  root: Result;
  /** Steps to be made after everything has been made in the root. */
  later: (() => void)[];
  /** See {@linkcode pivotInto}. */
  checkRoot?: () => void;
}

/**
 * Makes everything in the root, and enters it.
 *
 * @param hooks Runs the hooks that belong between the mounts and the change of root.
 */
export function prepareRoot(k: Recorder, plan: SetupPlan, hooks: () => void): PreparedRoot {
  const { spec, rootfs, namespaces } = plan;
  const propagation = spec.linux?.rootfsPropagation;
  const own = hasNamespace(namespaces, "mount");
  const open = (flags: number) => openOutside(k, plan, rootfs, flags);
  const root = own
    ? bindRootfs(k, rootfs, open, propagation, plan.mountPoints)
    : open(O_PATH | O_DIRECTORY | O_NOFOLLOW);
  const context = fill(k, plan, root), { readonly } = context;
  if (context.checks.length > 0 || spec.hooks) checkMounts(k, context);
  hooks();
  if (!own) chrootInto(k, root);
  else if (plan.noPivot) return { root, later: readonly, checkRoot: moveInto(k, root, plan.procAndSys()) };
  else return { root, later: readonly, checkRoot: pivotInto(k, root, propagation) };
  return { root, later: readonly };
}

/** Checks the kernel's answers to the mounts so far. */
function checkMounts(k: Recorder, { checks }: MountContext): void {
  k.flush();
  for (const check of checks.splice(0)) check();
}

/** Makes the mounts and the devices. */
function fill(k: Recorder, plan: SetupPlan, root: Fd): MountContext {
  const { spec, rootfs } = plan;
  const context: MountContext = {
    root,
    bundle: plan.bundle,
    readonly: [],
    checks: [],
    fresh: new Set(),
    copyUp: plan.copyUp,
    openSource: plan.openSource,
    label: plan.labels?.mounts,
  };
  const mounts = (spec.mounts ?? []).map((mount) => ({
    ...mount,
    destination: pathInside(rootfs, mount.destination),
  }));
  k.inPieces(mounts, (piece) => {
    for (const mount of piece) {
      if (isCgroup(mount)) mountCgroups(k, context, mount, plan.cgroupMount());
      else mountOne(k, context, mount);
      k.kick();
    }
    if (piece.length < mounts.length) checkMounts(k, context);
  });
  fillDev(k, plan, root, mounts);
  return context;
}

function fillDev(k: Recorder, plan: SetupPlan, root: Fd, mounts: readonly Mount[]): void {
  const devices = plan.spec.linux?.devices?.map((device) => ({
    ...device,
    path: pathInside(plan.rootfs, device.path),
  }));
  const user = plan.userNamespace !== undefined;
  const owner = devOwner(mounts, plan.hostRoot);
  // Root of a user namespace cannot make devices. Without a mount namespace it cannot bind them either.
  if (owner === "host" || (user && !hasNamespace(plan.namespaces, "mount"))) {
    checkDeviceNodes(k, root, devices ?? []);
  } else if (owner === "container") {
    makeDevices(k, root, devicesToMake(devices), plan.hasKcore, user);
  }
}

function isCgroup(mount: Mount): boolean {
  return mount.type === "cgroup" && !isBind(parseMountOptions(mount.options));
}
