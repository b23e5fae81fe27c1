import { assertEquals, assertThrows } from "@std/assert";
import { moduleBody } from "./module_body.ts";

const body = (code: string, name = "a.js") => moduleBody({ name, code });

Deno.test("module body: imports of every form, and a list of exports", () => {
  const { body: text, imports, onDemand } = body(
    `import*as q from"./z.js";import{b as plus,$c}from"../s/shared-1.js";import"./y.js";` +
      `function f(){return import("./cold.js")}var r=plus;export{f as g,f,r as default};`,
    "room/a.js",
  );
  assertEquals(imports, ["room/z.js", "s/shared-1.js", "room/y.js"]);
  assertEquals(onDemand, ["room/cold.js"]);
  assertEquals(
    text,
    `"use strict";const q=$require("room/z.js");const {b:plus,$c}=$require("s/shared-1.js");` +
      `$require("room/y.js");function f(){return $import("room/cold.js")}var r=plus;;` +
      `return{g:f,f:f,default:r};\n`,
  );
});

Deno.test("module body: what only looks like an import or an export stays as it is", () => {
  for (
    const code of [
      `var s='import{a}from"./b.js";export{a};'`,
      'var s=`export{a};${1}import("./x.js")`',
      `var r=/import("x")[/export{a}]/g`,
      `/* import"./b.js"; */var a=1//export{a};`,
      `var o={import:1,export:2};o.import+o.export`,
    ]
  ) {
    assertEquals(body(code), { body: `"use strict";${code}\n`, imports: [], onDemand: [] });
  }
});

Deno.test("module body: code may end in anything before its exports", () => {
  assertEquals(body(`var a=1\nexport{a}`).body, `"use strict";var a=1\n;return{a:a};\n`);
  assertEquals(
    body(`import {a} from "./b.js"\na(1)\n`).body,
    `"use strict";const {a}=$require("b.js");a(1)\n`,
  );
});

Deno.test("module body: statements of a module that are not understood are an error of the build", () => {
  for (
    const code of [
      `var u=import.meta.url`,
      `export default 1`,
      `export var a=1`,
      `var a=1,b=2;export{a};export{b};`,
      `import x from"./y.js";`,
      `import{default as x}from"y";`,
      `import x from"./y.json"with{type:"json"};`,
      `import("node:vm")`,
      `import("./a"+b)`,
      `export*from"./a.js";`,
      `export{a}from"./a.js";`,
      `var a=1;export{a as"b c"};`,
      `var a=;`,
    ]
  ) {
    assertThrows(() => body(code, "odd.js"), Error, "cannot link chunk odd.js", code);
  }
});
