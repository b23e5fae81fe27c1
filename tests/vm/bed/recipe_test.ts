import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { imageKey, mmdebstrapArguments, parseSources, type Recipe } from "./recipe.ts";

const TARGETS = `Debian http://a.example/debian bookworm main
Debian http://a.example/debian bookworm main
Debian http://a.example/debian bookworm contrib
Debian http://a.example/debian bookworm-updates main
Other https://b.example/apt stable main
Debian http://a.example/debian-security bookworm-security main
`;

const RECIPE: Recipe = { suite: "bookworm", packages: ["one", "two"], scripts: ["a", "b"], size: "1G" };

Deno.test("parseSources: Debian's own archives, each once", () => {
  assertEquals(parseSources(TARGETS), {
    suite: "bookworm",
    lines: [
      "deb http://a.example/debian bookworm main",
      "deb http://a.example/debian bookworm-updates main",
      "deb http://a.example/debian-security bookworm-security main",
    ],
  });
  assertEquals(
    parseSources("Debian http://a.example/debian trixie main\n", "/k.gpg")?.lines,
    ["deb [signed-by=/k.gpg] http://a.example/debian trixie main"],
  );
});

Deno.test("parseSources: undefined on another distribution, and where apt has no lists", () => {
  assertEquals(parseSources("Ubuntu http://a.example/ubuntu noble main\n"), undefined);
  assertEquals(parseSources(" http://a.example/debian bookworm main\n"), undefined);
  assertEquals(parseSources(""), undefined);
});

Deno.test("imageKey: the same for the same recipe, another one for any change", async () => {
  const key = await imageKey(RECIPE);
  assert(/^bookworm-[0-9a-f]{16}$/.test(key), key);
  assertEquals(await imageKey(structuredClone(RECIPE)), key);
  const others: Partial<Recipe>[] = [
    { suite: "trixie" },
    { packages: ["one"] },
    { scripts: ["a", "c"] },
    { scripts: ["ab"] },
    { size: "2G" },
  ];
  for (const other of others) assertNotEquals(await imageKey({ ...RECIPE, ...other }), key);
});

Deno.test("mmdebstrapArguments: packages, tree, and lines of sources, in this order at the end", () => {
  const sources = { suite: "bookworm", lines: ["deb x bookworm main"] };
  const args = mmdebstrapArguments(RECIPE, sources, "/tree", 'sh hook "$1"');
  assert(args.includes("--include=one,two"));
  assert(args.includes('--customize-hook=sh hook "$1"'));
  assertEquals(args.slice(-3), ["bookworm", "/tree", "deb x bookworm main"]);
});
