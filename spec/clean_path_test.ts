import { assertEquals } from "@std/assert";
import { cleanPath, pathNames } from "./clean_path.ts";

Deno.test("path names: dots, doubled slashes, parents", () => {
  assertEquals(pathNames("/a//b/./c/"), ["a", "b", "c"]);
  assertEquals(pathNames("../a/../../b"), ["b"]);
  assertEquals(pathNames("/"), []);
});

Deno.test("cleanPath resolves dots as if the path's start were the root", () => {
  const cases: [string, string][] = [
    ["", ""],
    ["/", "/"],
    ["/docker/abc", "/docker/abc"],
    ["/docker//abc/", "/docker/abc"],
    ["/../../docker", "/docker"],
    ["/a/./b/../c", "/a/c"],
    ["a/b", "a/b"],
    ["./a", "a"],
    ["../../etc", "etc"],
    ["a/../../b", "b"],
    ["..", ""],
    [".", ""],
  ];
  for (const [path, want] of cases) assertEquals(cleanPath(path), want, path);
});
