/** The version stands in one place, and the other places agree. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { build } from "../runtime/host/build_info.ts";
import { readEdition, releaseDate } from "./edition.ts";

const CHANGELOG = Deno.readTextFileSync(new URL("../CHANGELOG.md", import.meta.url));

Deno.test("edition: a program run from its sources has the version of deno.json", () => {
  assertEquals(build.kind, "source");
  assertEquals(build.version, readEdition().version);
});

Deno.test("edition: the changelog's newest version is that of deno.json, and the versions go down", () => {
  const headings = [...CHANGELOG.matchAll(/^## (.*)$/gm)].map(([, text]) => text);
  const versions = headings.filter((text) => text !== "[Unreleased]").map((text) => {
    assertMatch(text, /^\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d$/);
    return text.slice(1, text.indexOf("]"));
  });
  assertEquals(versions[0], readEdition().version);
  const rank = (version: string) => version.split(".").reduce((sum, part) => sum * 1000 + Number(part), 0);
  versions.slice(1).forEach((version, i) => assert(rank(version) < rank(versions[i]), version));
});

Deno.test("edition: every part of the changelog has a heading of its form, and something below it", () => {
  const parts = CHANGELOG.split(/^### /m).slice(1);
  assert(parts.length > 0);
  for (const part of parts) {
    assertMatch(part, /^(Added|Changed|Deprecated|Removed|Fixed|Security)\n\n- /);
  }
});

Deno.test("edition: a date is a version's own", () => {
  assertEquals(releaseDate("## [1.0.1] - 2026-02-03\n## [1.0.0] - 2026-01-02\n", "1.0.0"), "2026-01-02");
  assertEquals(releaseDate("## [1.0.0]\n", "1.0.0"), undefined);
});
