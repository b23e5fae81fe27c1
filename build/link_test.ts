import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { link, loader } from "./link.ts";
import type { Usual } from "./usual.ts";

/** Runs linked text as the end of a file and returns what it printed. */
async function run(text: string, firstLines = "", member?: "all" | "usual"): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/loader.mjs`, loader("Deno.args.shift()", member));
    await Deno.writeTextFile(`${dir}/chunks`, firstLines + text);
    const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", `${dir}/loader.mjs`, `${dir}/chunks`],
    }).output();
    assert(success, new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

/** No usual modules. */
const NONE: Usual = { commands: [], features: [] };

const SHARED = {
  name: "shared-1.js",
  code: `var n=0;function add(a){return n+=a}export{add as b,n as count};`,
};

Deno.test("loader: a program that cannot be read is one line, and no trace", async () => {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/loader.mjs`, loader("Deno.args.shift()"));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-config", `${dir}/loader.mjs`, `${dir}/missing`],
    }).output();
    assertEquals(code, 1);
    assertEquals(
      new TextDecoder().decode(stderr),
      "tsrun: cannot read the program: No such file or directory\n",
    );
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("link: static and dynamic imports, renamed exports, one evaluation", async () => {
  const text = link(
    [
      {
        name: "main.js",
        code: `import{b as plus}from"./shared-1.js";plus(2);` +
          `var{command:c}=await import("./cold-2.js");console.log(c("x"),Deno.args.length);`,
      },
      {
        name: "cold-2.js",
        code: `import{b,count}from"./shared-1.js";function r(x){return x+b(1)}export{r as command};`,
      },
      SHARED,
    ],
    "main.js",
    NONE,
    {},
    true,
  );
  assertEquals(await run(text), "x3 0\n");
});

Deno.test("link: the text is found behind first lines of any length", async () => {
  const text = link([{ name: "main.js", code: `console.log("in place")` }], "main.js", NONE, {}, true);
  assertEquals(await run(text, "#!/bin/sh\n" + "// x\n".repeat(100)), "in place\n");
});

Deno.test("link: TSRUN_BUILD is what the build said", async () => {
  const text = link([{ name: "main.js", code: `console.log(TSRUN_BUILD.kind)` }], "main.js", NONE, {
    kind: "bundle",
  }, true);
  assertEquals(await run(text), "bundle\n");
});

const chunk = (name: string, code: string) => ({ name, code });

/** Two usual modules in folders, and what they need; two modules of one base name. */
const TREE = [
  chunk(
    "main.js",
    `for(const c of Deno.args)(await import("./room/create.js")).r(c);import("./room/start.js");` +
      `import("./other/start.js");await import("./cold-1.js");`,
  ),
  chunk(
    "room/create.js",
    `import{c}from"../both-1.js";import{o}from"../own-1.js";function r(x){o(c(x))}export{r};`,
  ),
  chunk("room/start.js", `import{c}from"../both-1.js";c("start");`),
  chunk("other/start.js", `import{c}from"../both-1.js";import"../alone-1.js";c("other");`),
  chunk("both-1.js", `function c(x){return x+"!"}export{c};`),
  chunk("own-1.js", `import{b}from"./cold-2.js";function o(x){b(x)}export{o};`),
  chunk("alone-1.js", `var a=1;`),
  chunk("cold-1.js", `import{b}from"./cold-2.js";b("cold");export{b};`),
  chunk("cold-2.js", `function b(x){console.log(x)}export{b};`),
];

/** Which scripts each chunk is in, by the linked text. */
function scriptsOf(text: string): Record<string, number[]> {
  const names: string[] = JSON.parse(text.slice(0, text.indexOf("\n")));
  const [, list] = /where:(\[.*?\]),\n/.exec(text) ?? [];
  const where: (number | number[])[] = JSON.parse(list);
  return Object.fromEntries(names.map((name, i) => [name, [where[i]].flat()]));
}

const rows = (...commands: string[][]): Usual => ({ commands, features: [] });
const CREATE_AND_START = rows(["room/create.ts"], ["room/start.ts"]);

Deno.test("link: chunks that the same usual modules need are one script, and all of them can be imported", async () => {
  const text = link(TREE, "main.js", CREATE_AND_START, {}, false);
  assertEquals(await run(text), "cold\n");
  const scripts = scriptsOf(text);
  assertEquals(scripts["room/create.js"], scripts["own-1.js"]);
  const others = ["room/create.js", "room/start.js", "other/start.js", "alone-1.js", "both-1.js", "cold-1.js"]
    .map((name) => scripts[name].join());
  assertEquals(new Set(others).size, 6);
});

Deno.test("link: a script for each command, with all that it needs, evaluated once", async () => {
  const text = link(TREE, "main.js", CREATE_AND_START, {}, true);
  assertEquals(await run(text), "cold\n");
  const scripts = scriptsOf(text);
  assertEquals(scripts["room/create.js"], scripts["own-1.js"]);
  assertEquals(scripts["both-1.js"].toSorted(), [...scripts["room/create.js"], ...scripts["room/start.js"]]);
  assertEquals([scripts["alone-1.js"].length, scripts["main.js"]], [1, [-1]]);
  // Both scripts have a chunk that counts how often it is run.
  const counting = [
    chunk("main.js", `await import("./a.js");await import("./b.js");console.log(globalThis.n);`),
    chunk("a.js", `import"./count.js";`),
    chunk("b.js", `import"./count.js";`),
    chunk("count.js", `var n=globalThis.n=(globalThis.n??0)+1;export{n};`),
  ];
  assertEquals(await run(link(counting, "main.js", rows(["a.ts"], ["b.ts"]), {}, true)), "1\n");
});

Deno.test("link: the script of a feature has what its commands do not all have", () => {
  const feature = { modules: ["room/start.ts"], of: ["room/create.ts", "other/start.ts"] };
  const commands = [["room/create.ts"], ["other/start.ts"]];
  const scripts = scriptsOf(link(TREE, "main.js", { commands, features: [feature] }, {}, true));
  assertEquals([scripts["room/start.js"], scripts["both-1.js"].length], [[2], 2]);
  const bad = { commands: [["room/create.ts"]], features: [feature] };
  assertThrows(
    () => link(TREE, "main.js", bad, {}, true),
    Error,
    "no usual command for each of room/create.ts",
  );
});

Deno.test("link: a large script of a command is divided", async () => {
  const large = (name: string, next: string) =>
    chunk(name, `${next}var x="${"x".repeat(30_000)}";export{x};`);
  const text = link(
    [
      chunk("main.js", `const{x}=await import("./a.js");console.log(x.length);`),
      ...[large("a.js", `import"./b.js";`), large("b.js", `import"./c.js";`), large("c.js", "")],
    ],
    "main.js",
    rows(["a.ts"]),
    {},
    true,
  );
  assertEquals(await run(text), "30000\n");
  const scripts = scriptsOf(text);
  assertEquals(new Set(["a.js", "b.js", "c.js"].map((name) => scripts[name].join())).size, 3);
});

Deno.test("link: a usual module is found by its path, not by its base name; a row is one group", () => {
  for (const repeats of [true, false]) {
    const scripts = scriptsOf(link(TREE, "main.js", rows(["other/start.ts"]), {}, repeats));
    assertEquals(scripts["other/start.js"], scripts["alone-1.js"]);
    assert(scripts["room/start.js"][0] !== scripts["other/start.js"][0]);
    const row = scriptsOf(link(TREE, "main.js", rows(["other/start.ts", "room/start.ts"]), {}, repeats));
    assertEquals(row["other/start.js"], row["room/start.js"]);
  }
});

Deno.test("link: the scripts of usual modules can be compiled without the others", async () => {
  const text = link(TREE, "main.js", rows(["room/create.ts"]), {}, true);
  assertEquals(await run(text, "", "usual"), "");
  const names: string[] = JSON.parse(text.slice(0, text.indexOf("\n")));
  const spoilt = (name: string) =>
    text.replace(new RegExp(`(?<=\\b${names.indexOf(name)}:function[^{]*{[^}]*)}`), "}]");
  await assertRejects(() => run(spoilt("own-1.js"), "", "usual"), Error, "SyntaxError");
  assertEquals(await run(spoilt("cold-1.js"), "", "usual"), "");
  await assertRejects(() => run(spoilt("cold-1.js"), "", "all"), Error, "SyntaxError");
});

Deno.test("link: a usual module that is gone, or that nothing loads on demand, is an error of the build", () => {
  const withUsual = (module: string) => () =>
    link(TREE, "main.js", rows(["room/start.ts", module]), {}, true);
  assertThrows(withUsual("start.ts"), Error, "no chunk of the usual module start.ts");
  assertThrows(withUsual("own-1.ts"), Error, "nothing imports the usual module own-1.ts on demand");
});

Deno.test("link: an import of a chunk that is not there is an error of the build", () => {
  for (const code of [`import"./gone.js";`, `import("./gone.js");`]) {
    const broken = [chunk("dir/a.js", code), chunk("main.js", `import("./dir/a.js")`)];
    assertThrows(() => link(broken, "main.js", NONE, {}, true), Error, "chunk dir/a.js imports dir/gone.js");
  }
});

Deno.test("link: all scripts can be compiled without running the program", async () => {
  const cold = { name: "cold.js", code: `console.log("cold");function f(){return 1}export{f};` };
  const text = link(
    [{ name: "main.js", code: `console.log("main");await import("./cold.js");` }, cold],
    "main.js",
    NONE,
    {},
    true,
  );
  assertEquals(await run(text), "main\ncold\n");
  assertEquals(await run(text, "", "all"), "");
  const broken = text.replace("function f(){return 1}", "function f(){return 1]");
  await assertRejects(() => run(broken, "", "all"), Error, "SyntaxError");
});

Deno.test("link: a chunk that nothing imports is not evaluated", async () => {
  const text = link(
    [{ name: "main.js", code: "" }, { name: "cold.js", code: `throw new Error("evaluated")` }],
    "main.js",
    NONE,
    {},
    true,
  );
  assertEquals(await run(text), "");
});

Deno.test("link: the same input gives the same text in any order", () => {
  const main = { name: "main.js", code: `import"./shared-1.js";` };
  assertEquals(
    link([main, SHARED], "main.js", NONE, {}, true),
    link([SHARED, main], "main.js", NONE, {}, true),
  );
});

Deno.test("link: an entry that is not there, and text that is not ASCII, are errors of the build", () => {
  assertThrows(() => link([SHARED], "main.js", NONE, {}, true), Error, "no chunk main.js");
  assertThrows(
    () => link([{ name: "a.js", code: `"\u00e9"` }], "a.js", NONE, {}, true),
    Error,
    "not plain ASCII",
  );
});
