import { assertEquals } from "@std/assert";
import { pageSizeNames } from "./hugetlb.ts";

Deno.test("pageSizeNames speaks as the hugetlb controller does", () => {
  const directories = [
    "hugepages-64kB",
    "hugepages-2048kB",
    "hugepages-32768kB",
    "hugepages-1048576kB",
    "other",
    "hugepages-kB",
  ];
  assertEquals(pageSizeNames(directories), ["64KB", "2MB", "32MB", "1GB"]);
  assertEquals(pageSizeNames([]), []);
});
