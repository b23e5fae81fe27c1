/**
 * A context of mounts for tests. Steps that are put off are kept, and run when a test asks for it.
 * @module
 */

import { AT_RECURSIVE, S_IFDIR } from "../ffi/constants.ts";
import type { DryKernel } from "../ffi/dry.ts";
import type { Fd } from "../ffi/kernel.ts";
import type { Mount } from "../spec/types.ts";
import { callsOf, type Script, scripted, stat, statfs } from "../tests/lib/scripted.ts";
import type { MountContext } from "./mount_context.ts";
import { mountOne } from "./mounts.ts";

/** Descriptor of the rootfs. */
export const ROOT = 3;
const TMPFS_MAGIC = 0x01021994;

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

/** A context of the bundle that the mounts of tests belong to. */
export const newContext = (): TestContext => testContext(ROOT, "/bundle");

/** Mounts one entry with scripted answers; the destination lies on a tmpfs unless told otherwise. */
export function mounted(mount: Mount, script: Script = {}, context = newContext()): DryKernel {
  const k = scripted({ fstatfs: statfs(TMPFS_MAGIC), statx: stat(S_IFDIR | 0o755), ...script });
  mountOne(k, context, mount);
  for (const check of context.steps["mount checks"]) check();
  return k;
}

/** A bind mount of /src on /data. */
export const bind = (options: string[], more: Partial<Mount> = {}): Mount => ({
  destination: "/data",
  source: "/src",
  type: "bind",
  options,
  ...more,
});
/** A tmpfs. */
export const tmpfs = (options: string[] = [], destination = "/t"): Mount => ({
  destination,
  type: "tmpfs",
  source: "tmpfs",
  options,
});

/**
 * The attributes that a mount is given: what is set, cleared, its propagation, and whether with all below.
 */
export function attributes(k: DryKernel): unknown[] {
  return callsOf(k, "mount_setattr").map(({ args: [, , flags, words] }) => {
    const [set, clear, propagation] = words as number[];
    return { set, clear, propagation, below: ((flags as number) & AT_RECURSIVE) !== 0 };
  });
}
