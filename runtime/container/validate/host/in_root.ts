/**
 * Looks at a path as the container will see it: links are followed within the root filesystem. Nothing is
 * opened, so an image that changes meanwhile can only spoil the answer.
 * @module
 */

import { pathNames } from "../../../../spec/clean_path.ts";
import type { FileKind } from "../../../host/view.ts";
import type { Question } from "./check.ts";

/** The most links on a path, as in the kernel: path_resolution(7). */
const MAX_LINKS = 40;

/** What a path in the root filesystem leads to; `unsure` where a link leads below a mount of the config. */
export function kindInRoot(
  { spec, host, rootfs }: Question,
  path: string,
): FileKind | "unsure" | undefined {
  const mounts = spec.mounts?.map(({ destination = "" }) => `/${pathNames(destination).join("/")}`) ?? [];
  let left = pathNames(path), links = 0;
  const walked: string[] = [];
  while (left.length > 0) {
    const [name, ...rest] = left;
    if (name === "..") {
      walked.pop();
      left = rest;
      continue;
    }
    const here = `/${[...walked, name].join("/")}`;
    if (mounts.includes(here)) return "unsure";
    const target = host.link(`${rootfs}${here}`);
    if (target === undefined) {
      walked.push(name);
      left = rest;
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    if (target.startsWith("/")) walked.length = 0;
    left = [...target.split("/").filter((it) => it !== "" && it !== "."), ...rest];
  }
  return host.kind(`${rootfs}/${walked.join("/")}`);
}
