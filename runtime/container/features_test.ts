import { assertEquals } from "@std/assert";

const HERE = new URL(".", import.meta.url).pathname;

/** Modules below a directory that are a feature, by their paths as the table has them. */
function* featureModules(directory: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(HERE + directory)) {
    const path = `${directory}/${name}`;
    if (isDirectory) yield* featureModules(path);
    else if (
      /^export (?:async )?(?:function|const) for(?:Create|Exec)\b/m.test(Deno.readTextFileSync(HERE + path))
    ) {
      yield path;
    }
  }
}

Deno.test("features: every one of them is in the table, once", () => {
  const table = Deno.readTextFileSync(`${HERE}features.ts`);
  const listed = [...table.matchAll(/import\("([^"]+)"\)/g)].map(([, path]) => path);
  const there = [...featureModules("../features"), ...featureModules("./create")];
  assertEquals(listed.toSorted(), there.toSorted());
});
