/** Every test that a page names is there, under that name. */
import { assert, assertEquals } from "@std/assert";
import { filesEndingIn, readPage, TOP } from "./pages.ts";

/** Titles of tests in a source: the first argument of what registers them, or `name:`. */
const TITLE =
  /(?:\b(?:contract|contractV2|contractSystemd|test|step|testClient|skip)\((?:hosts,)?\s*|\bname: )(?:"((?:\\.|[^"\\])+)"|`((?:\\.|[^`\\])+)`)/g;

/** Whether a title with places to fill in, such as `limits: ${name}`, can have become this name. */
function isTitle(title: string, name: string): boolean {
  const parts = title.replaceAll("\\`", "`").split(/\$\{[^}]*\}/);
  // A title of nothing but a place to fill in says nothing.
  if (parts.join("").length < 6) return false;
  const pattern = parts.map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&")).join(".+");
  return new RegExp(`^${pattern}$`).test(name);
}

function titles(path: string): string[] {
  return [...readPage(path).matchAll(TITLE)].map(([, plain, filled]) => plain ?? filled);
}

/**
 * Cells of tables that name a test: a file in the marks of code, a colon, a name; or a folder of
 * tests/golden.
 */
function namedTests(page: string): string[] {
  return readPage(page).split("\n").filter((line) => line.startsWith("|"))
    .flatMap((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .flatMap((cell) => cell.split("<br>")).map((text) => text.trim())
    .filter((text) => /^`[\w/]+_test\.ts`: ./.test(text) || text.startsWith("`tests/golden/"));
}

/** What is wrong with the name of a test, if anything. */
function problem(text: string): string | undefined {
  const [, path, name] = /^`([^`]+)`(?:: (.*))?$/.exec(text)!;
  if (name === undefined) return filesEndingIn("args", `${path}/`).length > 0 ? undefined : `no ${path}`;
  return titles(path).some((title) => isTitle(title, name)) ? undefined : `${path} has no test "${name}"`;
}

const PAGES = filesEndingIn(".md").filter((page) => namedTests(page).length > 0);

Deno.test("docs: pages that name tests are found", () => assert(PAGES.includes("docs/differences.md"), TOP));

for (const page of PAGES) {
  Deno.test(`${page}: the tests that it names are there`, () => {
    assertEquals(namedTests(page).map(problem).filter((text) => text !== undefined), []);
  });
}
