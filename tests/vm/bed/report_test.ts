import { assertEquals } from "@std/assert";
import { countReport } from "../../../build/junit.ts";
import { joinReports, skippedReport } from "./report.ts";

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

Deno.test("skippedReport: one skipped test, found by the filter that it is named after", () => {
  assertEquals(countReport(skippedReport("vm"), true), { passed: 0, failed: 0, skipped: 1 });
  assertEquals(countReport(skippedReport("kill: a"), true, "kill: a"), { passed: 0, failed: 0, skipped: 1 });
});
