/**
 * Paths of the configuration that begin with the path that the rootfs has on the host.
 * @module
 */

import { cleanPath } from "../spec/clean_path.ts";

/**
 * A path of the configuration as the container sees it. If it begins with the path of the rootfs on the host,
 * the rest of it counts, as for runc.
 *
 * @param rootfs Absolute and clean.
 */
export function pathInside(rootfs: string, path: string): string {
  if (rootfs === "/" || !path.startsWith("/")) return path;
  const clean = cleanPath(path);
  return clean === rootfs || clean.startsWith(`${rootfs}/`) ? clean.slice(rootfs.length) || "/" : path;
}
