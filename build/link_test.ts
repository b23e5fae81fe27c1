import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { functionBody, link, loader } from "./link.ts";

/** Runs linked text as the end of a file and returns what it printed. */
async function run(text: string, firstLines = "", member?: "all"): Promise<string> {
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

const SHARED = {
  name: "shared-1.js",
  code: `var n=0;function add(a){return n+=a}export{add as b,n as count};`,
};

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
    {},
  );
  assertEquals(await run(text), "x3 0\n");
});

Deno.test("link: the text is found behind first lines of any length", async () => {
  const text = link([{ name: "main.js", code: `console.log("in place")` }], "main.js", {});
  assertEquals(await run(text, "#!/bin/sh\n" + "// x\n".repeat(100)), "in place\n");
});

Deno.test("link: TSRUN_BUILD is what the build said", async () => {
  const text = link([{ name: "main.js", code: `console.log(TSRUN_BUILD.kind)` }], "main.js", {
    kind: "bundle",
  });
  assertEquals(await run(text), "bundle\n");
});

Deno.test("link: chunks that the same commands need are one script, and all of them can be imported", async () => {
  const chunk = (name: string, code: string) => ({ name, code });
  const text = link(
    [
      chunk(
        "main.js",
        `for(const c of Deno.args)(await import("./create-1.js")).r(c);await import("./cold-1.js");`,
      ),
      chunk(
        "create-1.js",
        `import{c}from"./both-1.js";import{o}from"./own-1.js";function r(x){o(c(x))}export{r};`,
      ),
      chunk("start-1.js", `import{c}from"./both-1.js";c("start");`),
      chunk("both-1.js", `function c(x){return x+"!"}export{c};`),
      chunk("own-1.js", `import{b}from"./cold-2.js";function o(x){b(x)}export{o};`),
      chunk("cold-1.js", `import{b}from"./cold-2.js";b("cold");export{b};`),
      chunk("cold-2.js", `function b(x){console.log(x)}export{b};`),
    ],
    "main.js",
    {},
  );
  assertEquals(await run(text), "cold\n");
  const scripts = JSON.parse(/where:(\{[^}]*\})/.exec(text)![1]);
  assertEquals(scripts["create-1.js"], scripts["own-1.js"]);
  const others = ["create-1.js", "start-1.js", "both-1.js", "cold-1.js"].map((name) => scripts[name]);
  assertEquals(new Set(others).size, 4);
});

Deno.test("link: all scripts can be compiled without running the program", async () => {
  const cold = { name: "cold.js", code: `console.log("cold");function f(){return 1}export{f};` };
  const text = link(
    [{ name: "main.js", code: `console.log("main");await import("./cold.js");` }, cold],
    "main.js",
    {},
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
    {},
  );
  assertEquals(await run(text), "");
});

Deno.test("link: the same input gives the same text in any order", () => {
  const main = { name: "main.js", code: `import"./shared-1.js";` };
  assertEquals(link([main, SHARED], "main.js", {}), link([SHARED, main], "main.js", {}));
});

Deno.test("link: statements of a module that are not understood are an error of the build", () => {
  for (
    const code of [`var u=import.meta.url`, `export default 1`, `import x from"y";`, `export*from"./a.js";`]
  ) {
    assertThrows(() => functionBody({ name: "odd.js", code }), Error, "cannot link chunk odd.js");
  }
  assertThrows(() => link([SHARED], "main.js", {}), Error, "no chunk main.js");
  assertThrows(() => link([{ name: "a.js", code: `"\u00e9"` }], "a.js", {}), Error, "not plain ASCII");
});
