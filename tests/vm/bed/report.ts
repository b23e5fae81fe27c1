/**
 * One report from the reports of many test files.
 * @module
 */

/** How the tests of one file ended inside the machine. */
export interface FileReport {
  /** Path of the file below the top. */
  file: string;
  /** Its JUnit report; "" where it came to no end. */
  xml: string;
  /** Whether `deno test` succeeded. */
  success: boolean;
  /** What is known of a failure that the report does not tell of. */
  why?: string;
  /** It was not begun: one skipped test. */
  left?: boolean;
}

/**
 * Joins JUnit reports. A file that failed without saying where (it does not load, or was ended at its time
 * limit) becomes a failed test case of its own.
 */
export function joinReports(reports: readonly FileReport[]): string {
  const cases = reports.flatMap(({ file, xml, success, why, left }) => {
    if (left) return [emptyCase(file, "<skipped/>")];
    const found = [...xml.matchAll(/<testcase [^>]*?(?:\/>|>.*?<\/testcase>)/gs)].map(([text]) => text);
    const told = found.some((text) => /<(?:failure|error)\b/.test(text));
    return success || told ? found : [...found, emptyCase(file, failure(why ?? "no report of a failure"))];
  });
  return document(cases);
}

/** The report of a part that was left out: one skipped test case. */
export function skippedReport(name: string): string {
  return document([emptyCase(name, "<skipped/>")]);
}

/** The report of a part that could not be run: one failed test case. */
export function failedReport(name: string, why: string): string {
  return document([emptyCase(name, failure(why))]);
}

function failure(why: string): string {
  return `<failure message="${plain(why)}"/>`;
}

function emptyCase(name: string, content: string): string {
  return `<testcase name="${plain(name)}">${content}</testcase>`;
}

function plain(text: string): string {
  return text.replace(/[&<>"]/g, "_");
}

function document(cases: readonly string[]): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${cases.join("\n")}\n</testsuites>\n`;
}
