/**
 * A context of mounts for tests. Steps that are put off are kept, and run when a test asks for it.
 * @module
 */

import type { Fd } from "../ffi/kernel.ts";
import type { MountContext } from "./mount_context.ts";

/** A context with the steps that were put off. */
export interface TestContext extends MountContext {
  /** Steps of each stage, in the order in which they came. */
  readonly steps: Record<"mount checks" | "read-only mounts", (() => void)[]>;
}

/** A context of a bundle. @param root Descriptor of the rootfs. */
export function testContext(root: Fd, bundle: string): TestContext {
  const steps: TestContext["steps"] = { "mount checks": [], "read-only mounts": [] };
  const later: MountContext["later"] = (stage, step) => void steps[stage].push(step);
  return { root, bundle, steps, later, fresh: new Set(), missed: 0, copyUp: () => {} };
}
