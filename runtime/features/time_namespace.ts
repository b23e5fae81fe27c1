/**
 * A time namespace of the container's own, with `linux.timeOffsets`. init/time_namespace.ts makes it.
 *
 * The stage makes it, as root. If only root of the container's user namespace may make it, the init does.
 * @module
 */

import { RuntimeError } from "../../ffi/errors.ts";
import { makeTimeNamespace } from "../../init/time_namespace.ts";
import { callerIsRoot, kernelIsAtLeast } from "../host/caller.ts";
import type { CreateFeature, CreateRequest } from "./feature.ts";

/** @throws {RuntimeError} If the kernel does not let the init enter a namespace that it has made itself. */
export function forCreate({ spec }: CreateRequest): CreateFeature {
  const offsets = spec.linux?.timeOffsets;
  if (callerIsRoot()) {
    return {
      stagePlan: (plan) => ({
        ...plan,
        prepare(k) {
          plan.prepare?.(k);
          makeTimeNamespace(k, offsets);
        },
      }),
    };
  }
  if (!kernelIsAtLeast(6, 1)) {
    throw new RuntimeError(
      "EPERM_ROOTLESS",
      "a time namespace without root's rights needs Linux 6.1 or later",
    );
  }
  return { steps: () => ({ clocks: ({ k }) => makeTimeNamespace(k, offsets) }) };
}
