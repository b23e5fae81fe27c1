/**
 * Huge page limits: the host's page sizes, and the files of each.
 *
 * Source: runtime-spec config-linux.md "Huge page limits"; kernel document admin-guide/cgroup-v1/hugetlb.rst.
 * @module
 */
import { ENOENT } from "../../ffi/errno.ts";
import { toDecimal } from "../../spec/integers.ts";
import type { LinuxHugepageLimit } from "../../spec/types.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { Row } from "./row.ts";

/** The kernel's list of page sizes, as directories such as `hugepages-2048kB`. */
export const HUGEPAGES_DIRECTORY = "/sys/kernel/mm/hugepages";

/**
 * Page sizes in the names of the hugetlb controller.
 *
 * @param directories Names in {@linkcode HUGEPAGES_DIRECTORY}.
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { pageSizeNames } from "./hugetlb.ts";
 * assertEquals(pageSizeNames(["hugepages-2048kB"])[0], "2MB");
 * ```
 */
export function pageSizeNames(directories: readonly string[]): string[] {
  const names: string[] = [];
  for (const directory of directories) {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(directory)?.[1]);
    if (kilobytes >= 1 << 20) names.push(`${kilobytes >> 20}GB`);
    else if (kilobytes >= 1 << 10) names.push(`${kilobytes >> 10}MB`);
    else if (kilobytes > 0) names.push(`${kilobytes}KB`);
  }
  return names;
}

/**
 * Two rows for each page size: the limit on use, and the limit on reservation.
 *
 * The page size becomes part of a file's name, so only sizes of this host are accepted.
 *
 * @param place The controller's key in the paths, and the end of the files' names. Both differ between v1 and
 * v2.
 * @throws {RuntimeError} for a page size that the host lacks.
 */
export function hugetlbRows(
  limits: readonly LinuxHugepageLimit[],
  hostPageSizes: readonly string[],
  place: { controller: string; suffix: string } = { controller: "hugetlb", suffix: "limit_in_bytes" },
): Row[] {
  return limits.flatMap(({ pageSize, limit }) => {
    if (!hostPageSizes.includes(pageSize)) {
      const known = hostPageSizes.length ? hostPageSizes.join(", ") : "none";
      throw new RuntimeError(
        "EINVAL_RESOURCES",
        `invalid hugepage size ${JSON.stringify(pageSize)} (this host has: ${known})`,
      );
    }
    const row = {
      controller: place.controller,
      group: "hugepageLimits" as const,
      convert: () => toDecimal(limit),
    };
    return [
      { ...row, file: `hugetlb.${pageSize}.${place.suffix}` },
      // Kernels before 5.7 count use only.
      { ...row, file: `hugetlb.${pageSize}.rsvd.${place.suffix}`, tolerate: [ENOENT] },
    ];
  });
}
