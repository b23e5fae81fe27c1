import { assertEquals, assertThrows } from "@std/assert";
import { countReport, PARTS, select } from "./parts.ts";

Deno.test("select: all parts, some parts, a filter", () => {
  assertEquals(select([]), { parts: PARTS, filter: undefined });
  assertEquals(select(["clients", "unit"]).parts.map((part) => part.name), ["unit", "clients"]);
  assertEquals(select(["unit", "kill: signals"]).filter, "kill: signals");
  assertEquals(select(["--filter=unit"]), { parts: PARTS, filter: "unit" });
  assertThrows(() => select(["a", "b"]), Error, "unexpected argument b");
  assertThrows(() => select(["--fast"]), Error, "unexpected argument --fast");
});

/** Runs a file of tests and counts its report. */
async function report(source: string, filter = "") {
  const dir = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${dir}/a_test.ts`, source);
    const args = [
      "test",
      "--no-check",
      "--no-config",
      `--junit-path=${dir}/report.xml`,
      `--filter=${filter}`,
      `${dir}/a_test.ts`,
    ];
    const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: dir }).output();
    const xml = await Deno.readTextFile(`${dir}/report.xml`).catch(() => undefined);
    return countReport(xml, success, filter);
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
  assertEquals(await report("const a = ;"), { passed: 0, failed: 1, skipped: 0 });
  assertEquals(countReport(undefined, true), { passed: 0, failed: 0, skipped: 0 });
});
