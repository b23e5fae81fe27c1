/** Every file that a page of the project names is there. */
import { assertEquals } from "@std/assert";
import { filesEndingIn, readPage, TOP } from "./pages.ts";

const AREAS = "spec|ffi|init|runtime|build|docs|tests|bench|\\.ci";
/** `ffi/libc.ts` or `runtime/cgroups/` in the marks of code; not a pattern such as `ffi/*.ts`. */
const CODE = new RegExp("`((?:" + AREAS + ")/[\\w./-]*)`", "g");
/** `mounts.ts` or `v1/` in the page of a folder: below that folder, or below the top. */
const NEIGHBOUR = /`([\w/]+(?:\.ts|\/))`/g;
const LINK = /\]\(([^)#:]+)(?:#[^)]*)?\)/g;

function exists(path: string): boolean {
  try {
    return Boolean(Deno.statSync(path));
  } catch {
    return false;
  }
}

/** The folder of a page, with a slash at its end. */
function folderOf(page: string): string {
  return TOP + page.slice(0, page.lastIndexOf("/") + 1);
}

for (const page of filesEndingIn(".md")) {
  Deno.test(`${page}: the files that it names are there`, () => {
    const text = readPage(page);
    const named = [...text.matchAll(CODE)].map(([, path]) => TOP + path);
    const beside = page.includes("/") && page.endsWith("README.md")
      ? [...text.matchAll(NEIGHBOUR)].map(([, path]) =>
        exists(TOP + path) ? TOP + path : folderOf(page) + path
      )
      : [];
    const linked = [...text.matchAll(LINK)].map(([, path]) => folderOf(page) + path);
    assertEquals([...named, ...beside, ...linked].filter((path) => !exists(path)), []);
  });
}
