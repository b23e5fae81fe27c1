/** The table of docs/errors.md and the codes of the program are the same. */
import { assert, assertEquals } from "@std/assert";
import { isShipped } from "../rooms.ts";
import { sources } from "../sources.ts";
import { readPage } from "./pages.ts";

/** A code as a whole literal; in comments it stands in other marks. */
const CODE = /"(E[A-Z0-9]+_[A-Z0-9_]+)"/g;

function codesOfProgram(): string[] {
  const found = new Set<string>();
  for (const path of sources().filter(isShipped)) {
    const code = readPage(path).replace(/^ *(?:\/\*\*|\*|\/\/).*$/gm, "");
    for (const [, name] of code.matchAll(CODE)) found.add(name);
  }
  return [...found].sort();
}

Deno.test("docs/errors.md lists every code, once, in order, and no other", () => {
  const listed = [...readPage("docs/errors.md").matchAll(/^\| `(E\w+)` +\| (.+?) *\|$/gm)];
  assertEquals(listed.map(([, code]) => code), codesOfProgram());
  for (const [, code, meaning] of listed) assert(meaning.length > 10, `${code} says what it means`);
});
