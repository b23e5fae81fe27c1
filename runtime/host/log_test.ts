import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { formatRecord, Log, type LogRecord, writeText } from "./log.ts";

const TIME = new Date("2026-11-22T03:51:42.987Z");
const PLACE = "runtime/host/log_test.ts test";

Deno.test("log: text is logrus' text", () => {
  assertEquals(
    formatRecord("text", "error", 'exec: "x": not found\n', TIME),
    `time="2026-11-22T03:51:42Z" level=error msg="exec: \\"x\\": not found\\n"\n`,
  );
});

Deno.test("log: JSON is one object on one line", () => {
  const line = formatRecord("json", "error", "a\nb", TIME);
  assertEquals(line.indexOf("\n"), line.length - 1);
  assertEquals(JSON.parse(line), { level: "error", msg: "a\nb", time: "2026-11-22T03:51:42Z" });
  assertEquals(JSON.parse(formatRecord("json", "error", "a", TIME, "ENOENT_CONTAINER")), {
    level: "error",
    msg: "a",
    time: "2026-11-22T03:51:42Z",
    code: "ENOENT_CONTAINER",
  });
});

Deno.test("log: the caller is told as runc tells it, with --debug alone", () => {
  assertEquals(
    formatRecord("text", "debug", "a", TIME, undefined, PLACE),
    `time="2026-11-22T03:51:42Z" level=debug msg="a" func="test()" file="runtime/host/log_test.ts"\n`,
  );
  const { func, file } = JSON.parse(formatRecord("json", "debug", "a", TIME, undefined, PLACE));
  assertEquals([func, file], ["test", "runtime/host/log_test.ts"]);
  const sent: LogRecord[] = [];
  const service = { send: (record: LogRecord) => void sent.push(record) };
  for (const debug of [false, true]) {
    new Log({ service, format: "json", debug }).warn("careful", PLACE);
    assertEquals(sent.at(-1)!.place, debug ? PLACE : undefined);
  }
});

Deno.test("log: a file is appended to, and debug records need --debug", () => {
  const file = Deno.makeTempFileSync();
  try {
    new Log({ file, format: "json", debug: false }).debug("hidden", PLACE);
    assertEquals(Deno.readTextFileSync(file), "");
    new Log({ file, format: "json", debug: true }).debug("shown", PLACE);
    new Log({ file, format: "json", debug: false }).warn("careful");
    const records = Deno.readTextFileSync(file).trimEnd().split("\n").map((line) => JSON.parse(line));
    assertEquals(records.map(({ level, msg }) => [level, msg]), [["debug", "shown"], ["warning", "careful"]]);
    for (const { time } of records) assertMatch(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("log: a warning waits until the command has done its work, and goes with its failure", () => {
  const file = Deno.makeTempFileSync();
  const levels = () =>
    Deno.readTextFileSync(file).split("\n").filter((line) => line !== "").map((line) =>
      JSON.parse(line).level
    );
  try {
    const log = new Log({ file, format: "json", debug: false });
    log.warnLater("careful");
    assertEquals(levels(), []);
    log.settle();
    log.settle();
    assertEquals(levels(), ["warning"]);
    Deno.truncateSync(file);
    log.warnLater("careful");
    log.error("failed", "EIO_TEST");
    assertEquals(levels(), ["error"]);
    Deno.truncateSync(file);
    new Log({ file, format: "json", debug: true }).warnLater("careful");
    assertEquals(levels(), ["warning"]);
  } finally {
    Deno.removeSync(file);
  }
});

Deno.test("log: one that cannot be written to is no failure of the command", () => {
  const log = new Log({ file: "/dev/full", format: "text", debug: false });
  log.warn("goes on");
  log.error("is said on standard error", "EIO_TEST");
});

Deno.test("log: output that cannot be written says so", () => {
  const full = Deno.openSync("/dev/full", { write: true });
  try {
    assertThrows(() => writeText(full, "x"), RuntimeError, "write the log: no space left on device");
  } finally {
    full.close();
  }
});

Deno.test("log: a file that cannot be opened is an error at once", () => {
  assertThrows(
    () => new Log({ file: "/nonexistent/log", format: "text", debug: false }),
    RuntimeError,
    "open /nonexistent/log: no such file or directory",
  );
});

Deno.test("log: no character of a message is a command to a terminal, and none ends the line", () => {
  const message = 'x"\nlevel=error\u001b[2J\u009b2J\u007f\u2028y';
  for (const format of ["text", "json"] as const) {
    const record = formatRecord(format, "error", message, new Date(0));
    // deno-lint-ignore no-control-regex -- They are what must not be there.
    assertEquals(/[\x00-\x1f\x7f-\x9f\u2028]/.test(record.trimEnd()), false);
    if (format === "json") assertEquals(JSON.parse(record).msg, message);
  }
});
