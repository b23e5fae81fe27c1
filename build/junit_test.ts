import { assertEquals } from "@std/assert";
import { countReport, testCases } from "./junit.ts";

/** Runs files of tests and counts their report. */
async function report(source: string, filter = "", other = "") {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/a_test.ts`, source);
    await Deno.writeTextFile(`${dir}/b_test.ts`, other);
    const args = [
      "test",
      "--no-check",
      "--no-config",
      `--junit-path=${dir}/report.xml`,
      `--filter=${filter}`,
      `${dir}/a_test.ts`,
      `${dir}/b_test.ts`,
    ];
    const { success, stdout } = await new Deno.Command(Deno.execPath(), { args, cwd: dir }).output();
    const xml = await Deno.readTextFile(`${dir}/report.xml`).catch(() => undefined);
    return countReport(xml, success, filter, new TextDecoder().decode(stdout));
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("countReport: each test once, whatever its steps and its name", async () => {
  const counts = await report(`
    Deno.test("a", () => {});
    Deno.test("a < b > c & \\"d\\"", () => {});
    Deno.test("fails", () => { throw new Error("<skipped/>"); });
    Deno.test({ name: "skipped", ignore: true, fn() {} });
    Deno.test("steps", async (t) => {
      await t.step("one", () => {});
      await t.step("two", () => { throw new Error("no"); });
    });
    Deno.test("more steps", async (t) => { await t.step("one", (u) => u.step("inner", () => {})); });
    Deno.test("last", () => {});`);
  assertEquals(counts, { passed: 4, failed: 2, skipped: 1 });
});

Deno.test("countReport: what a filter leaves out is not counted", async () => {
  const counts = await report(
    `Deno.test("an 'a' & <b>", () => {}); Deno.test("c", () => {}); Deno.test({ name: "'a' & <", ignore: true, fn() {} });`,
    "'a' & <",
  );
  assertEquals(counts, { passed: 1, failed: 0, skipped: 1 });
});

Deno.test("countReport: what cannot be loaded or parsed is a failure", async () => {
  assertEquals(await report(`throw new Error("load")`), { passed: 0, failed: 1, skipped: 0 });
  const failing = `Deno.test("a", () => { throw new Error("no"); });`;
  assertEquals(await report(failing, "", `throw new Error("load")`), { passed: 0, failed: 2, skipped: 0 });
  assertEquals(await report("const a = ;"), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(countReport(undefined, true), { passed: 0, failed: 0, skipped: 0 });
});

Deno.test("testCases: a failed test says what it and its steps failed with", () => {
  const xml =
    `<testcase name="a &lt;1&gt;" classname="./a_test.ts" line="1"><failure message="1 test step failed">` +
    `1 step.</failure></testcase><testcase name="b" classname="./a_test.ts"/>` +
    `<testcase name="a &lt;1&gt; &gt; in" classname="./a_test.ts"><failure message="no">x &amp; y&#10;z</failure></testcase>`;
  assertEquals(testCases(xml), [
    { name: "a <1>", file: "./a_test.ts", outcome: "failed", failure: "1 step.\nin: x & y\nz" },
    { name: "b", file: "./a_test.ts", outcome: "passed", failure: "" },
  ]);
});
