/** Every file that a page of the project names is there. */
import { assertEquals } from "@std/assert";
import { filesEndingIn, readPage, TOP } from "./pages.ts";

const AREAS = "spec|ffi|init|runtime|build|docs|tests|bench|\\.ci";
/** `ffi/libc.ts` or `runtime/cgroups/` in the marks of code; not a pattern such as `ffi/*.ts`. */
const CODE = new RegExp("`((?:" + AREAS + ")/[\\w./-]*)`", "g");
/** `mounts.ts` in the page of a folder: a file of that folder. */
const NEIGHBOUR = /`(\w+\.ts|\w+\/)`/g;
const LINK = /\]\(([^)#:]+)(?:#[^)]*)?\)/g;

function exists(path: string): boolean {
  try {
    return Boolean(Deno.statSync(path));
  } catch {
    return false;
  }
}

for (const page of filesEndingIn(".md")) {
  Deno.test(`${page}: the files that it names are there`, () => {
    const text = readPage(page), folder = new URL(page, `file://${TOP}`).href;
    const named = [...text.matchAll(CODE)].map(([, path]) => TOP + path);
    const beside = page.includes("/") && page.endsWith("README.md")
      ? [...text.matchAll(NEIGHBOUR)].map(([, path]) => new URL(path, folder).pathname)
      : [];
    const linked = [...text.matchAll(LINK)].map(([, path]) => new URL(path, folder).pathname);
    assertEquals([...named, ...beside, ...linked].filter((path) => !exists(path)), []);
  });
}
