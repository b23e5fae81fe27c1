/** tests/conformance/CASES.md: each case of another suite is in one row, which names a test. */
import { assert, assertEquals } from "@std/assert";
import { readPage } from "./pages.ts";

const PAGE = "tests/conformance/CASES.md";

/** Cases of runc's suite and programs of the runtime-tools when the tables were made. */
const CASES = 352, PROGRAMS = 43;

Deno.test(`${PAGE}: every case once, each with a test`, () => {
  const named: string[] = [];
  let programs = 0, file = "";
  for (const line of readPage(PAGE).split("\n")) {
    if (line.startsWith("#")) file = line.replace(/^#+ /, "");
    const [cases, test] = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim());
    if (cases === undefined || /^-+$/.test(cases) || test === "test") continue;
    assert(test.startsWith("`"), line);
    if (file.startsWith("Validation")) programs++;
    else named.push(...cases.split("<br>").map((name) => `${file}: ${name}`));
  }
  assertEquals(named.filter((name, index) => named.indexOf(name) !== index), []);
  assertEquals([named.length, programs], [CASES, PROGRAMS]);
});
