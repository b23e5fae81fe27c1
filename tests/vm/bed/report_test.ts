import { assertEquals } from "@std/assert";
import { countReport, testCases } from "../../../build/junit.ts";
import { failedReport, joinReports, skippedReport } from "./report.ts";

const GOOD = '<testsuites><testsuite name="a"><testcase name="x" time="1"></testcase>' +
  '<testcase name="y"><skipped/></testcase></testsuite></testsuites>';
const BAD =
  '<testsuites><testsuite name="b"><testcase name="z"><failure message="no">why</failure></testcase>' +
  "</testsuite></testsuites>";

Deno.test("joinReports: the tests of all files are counted", () => {
  const xml = joinReports([
    { file: "a_test.ts", xml: GOOD, success: true },
    { file: "b_test.ts", xml: BAD, success: false },
  ]);
  assertEquals(countReport(xml, true), { passed: 1, failed: 1, skipped: 1 });
});

Deno.test("joinReports: a file that came to no end, or failed outside of its tests, is a failure", () => {
  assertEquals(
    countReport(joinReports([{ file: "a_test.ts", xml: "", success: false }]), true),
    { passed: 0, failed: 1, skipped: 0 },
  );
  assertEquals(
    countReport(joinReports([{ file: "a_test.ts", xml: GOOD, success: false }]), true),
    { passed: 1, failed: 1, skipped: 1 },
  );
});

Deno.test("joinReports: what is known of such a failure is told; a file that was not begun is skipped", () => {
  const xml = joinReports([
    { file: "a_test.ts", xml: "", success: false, why: "ended after 5 s" },
    { file: "b_test.ts", xml: "", success: false, left: true },
  ]);
  assertEquals(testCases(xml).map(({ name, outcome, failure }) => [name, outcome, failure]), [
    ["a_test.ts", "failed", "ended after 5 s"],
    ["b_test.ts", "skipped", ""],
  ]);
});

Deno.test("failedReport: one failed test that says why", () => {
  const [test] = testCases(failedReport("vm", 'no "disk"'));
  assertEquals([test.name, test.outcome, test.failure], ["vm", "failed", "no _disk_"]);
});

Deno.test("skippedReport: one skipped test, found by the filter that it is named after", () => {
  assertEquals(countReport(skippedReport("vm"), true), { passed: 0, failed: 0, skipped: 1 });
  assertEquals(countReport(skippedReport("kill: a"), true, "kill: a"), { passed: 0, failed: 0, skipped: 1 });
});
