/** SECURITY.md: each limit of what is read is a constant of the file that the table names. */
import { assert, assertEquals } from "@std/assert";
import { readPage, readTable } from "./pages.ts";

Deno.test("docs: the limits in SECURITY.md are constants of the files that it names", () => {
  const rows = readTable(readPage("SECURITY.md"), "Limits of what is read");
  assert(rows.length > 10);
  const lost = rows.map(({ name }) => name).filter((text) => {
    const [constant, path] = text.split(" in ");
    return !new RegExp(`\\b${constant}(: number)? = `).test(readPage(path));
  });
  assertEquals(lost, []);
});
