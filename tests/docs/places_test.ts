/** What `--debug` tells of its callers is true: each place names its own file, and the function around it. */
import { assert, assertEquals } from "@std/assert";
import { filesEndingIn, readPage } from "./pages.ts";

/** A function of a module, or a method or step: at most one level deep. */
const DECLARATION =
  /^(?:export )?(?:default )?(?:async )?function\*? (\w+)|^ {2}(?:(?:async|static) )*#?(\w+|"[^"]+")\((?:.*\{)?$/;
const PLACE = /"((?:[\w-]+\/)+\w+\.ts) ([\w ]+)"/g;
/** What stands there too, and declares nothing: keywords, and what is called over several lines. */
const KEYWORDS = ["if", "for", "while", "switch", "catch", "return", "debug", "sink"];

Deno.test("docs: the callers of debug records are where they say", () => {
  const wrong: string[] = [];
  let count = 0;
  for (const path of filesEndingIn(".ts", "runtime/").filter((path) => !path.endsWith("_test.ts"))) {
    let around: string | undefined;
    readPage(path).split("\n").forEach((line, index) => {
      const [, plain, member] = DECLARATION.exec(line) ?? [];
      const name = (plain ?? member)?.replaceAll('"', "");
      if (name !== undefined && !KEYWORDS.includes(name)) around = name;
      for (const [, file, func] of line.matchAll(PLACE)) {
        count++;
        if (file !== path || func !== around) {
          wrong.push(`${path}:${index + 1}: ${file} ${func}, not ${around}`);
        }
      }
    });
  }
  assertEquals(wrong, []);
  assert(count > 40, `${count} places`);
});
