/**
 * The container's root file system: mounts, devices, and the change of root.
 *
 * A container without a mount namespace of its own mounts in the runtime's, on a copy of its root. tsrun has
 * attached that copy there, and `delete` detaches it again (runtime/features/root_mount.ts). The root
 * changes by chroot(2) then.
 * @module
 */

import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from "../ffi/constants.ts";
import { parseMountOptions } from "../spec/mount_options.ts";
import type { Mount } from "../spec/types.ts";
import { checkDeviceNodes, devicesToMake, devOwner, makeDevices } from "./devices.ts";
import { isBind, mountOne } from "./mounts.ts";
import { hasNamespace } from "./namespaces.ts";
import { pathInside } from "./path_inside.ts";
import { bindRootfs, chrootInto, moveInto, pivotInto } from "./rootfs.ts";
import type { Setup, SetupSteps } from "./setup_context.ts";

/** The steps that give the container its root. */
export const ROOT_STEPS: SetupSteps = {
  rootfs(setup) {
    const { k, plan, openHost } = setup;
    const propagation = plan.spec.linux?.rootfsPropagation;
    const open = (flags: number) => openHost(plan.rootfs, flags);
    setup.mounts.root = hasOwnMounts(setup)
      ? bindRootfs(k, plan.rootfs, open, propagation, plan.mountPoints)
      : open(O_PATH | O_DIRECTORY | O_NOFOLLOW);
  },
  mounts(setup) {
    const { k, plan: { spec, rootfs } } = setup;
    const mounts = (spec.mounts ?? []).map((mount) => ({
      ...mount,
      destination: pathInside(rootfs, mount.destination),
    }));
    k.inPieces(mounts, (piece) => {
      for (let i = 0; i < piece.length; i++) {
        const many = setup.many?.mount(k, setup.mounts, piece, i) ?? 0;
        if (many > 0) {
          i += many - 1;
          continue;
        }
        const mount = piece[i], kind = setup.mountKinds.get(mount.type ?? "");
        const special = kind !== undefined && !isBind(parseMountOptions(mount.options));
        (special ? kind : mountOne)(k, setup.mounts, mount);
        k.kick();
      }
      // The memory that the checks read is used again for the next piece.
      if (piece.length < mounts.length) setup.lifecycle.runWaiting("mount checks", k, setup);
    });
    fillDev(setup, mounts);
  },
  root(setup) {
    const { k, root, plan: { spec, noPivot, procAndSys } } = setup;
    if (!hasOwnMounts(setup)) return chrootInto(k, root);
    const propagation = spec.linux?.rootfsPropagation;
    setup.later(
      "found",
      noPivot ? moveInto(k, root, propagation, procAndSys) : pivotInto(k, root, propagation),
    );
  },
};

const hasOwnMounts = ({ plan }: Setup) => hasNamespace(plan.namespaces, "mount");

function fillDev(setup: Setup, mounts: readonly Mount[]): void {
  const { k, root, bindDevices, plan: { spec, rootfs, hostRoot, hasKcore } } = setup;
  const devices = spec.linux?.devices?.map((device) => ({
    ...device,
    path: pathInside(rootfs, device.path),
  }));
  const owner = devOwner(mounts, hostRoot);
  // Root of a user namespace cannot make devices. Without a mount namespace it cannot bind them either.
  if (owner === "host" || (bindDevices && !hasOwnMounts(setup))) checkDeviceNodes(k, root, devices ?? []);
  else if (owner === "container") makeDevices(k, root, devicesToMake(devices), hasKcore, bindDevices);
}
