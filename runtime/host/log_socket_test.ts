import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { LocalKernel } from "../../ffi/local.ts";
import { UnixListener } from "../../tests/lib/unix_listener.ts";
import { encodeJournal, formatSyslog, openLogSocket } from "./log_socket.ts";
import { Log, type LogRecord } from "./log.ts";

const K = new LocalKernel();
const TIME = new Date(2026, 10, 7, 4, 5, 6);

function record(message: string, changes: Partial<LogRecord> = {}): LogRecord {
  return { level: "error", message, time: TIME, ...changes };
}

/** Runs a test with a directory for a socket. */
async function withSocket(
  type: "stream" | "datagram",
  test: (listener: UnixListener) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    using listener = new UnixListener(`${directory}/socket`, type);
    await test(listener);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("journald: a field a line", () => {
  const text = new TextDecoder().decode(encodeJournal("web", record("failed", { code: "EIO_LOG" })));
  assertEquals(text, "PRIORITY=3\nSYSLOG_IDENTIFIER=web\nTSRUN_CODE=EIO_LOG\nMESSAGE=failed\n");
});

Deno.test("journald: the caller is in the journal's own fields", () => {
  const place = "runtime/host/log_socket_test.ts test";
  const text = new TextDecoder().decode(encodeJournal("web", record("failed", { place })));
  assertMatch(text, /\nCODE_FILE=runtime\/host\/log_socket_test\.ts\nCODE_FUNC=test\nMESSAGE=failed\n$/);
});

Deno.test("journald: a message of several lines has its length before it, so that it adds no field", () => {
  const bytes = encodeJournal("web", record("é\nPRIORITY=0", { level: "debug" }));
  const text = new TextDecoder().decode(bytes);
  assertEquals(text, "PRIORITY=7\nSYSLOG_IDENTIFIER=web\nMESSAGE\n\x0d\0\0\0\0\0\0\0é\nPRIORITY=0\n");
});

Deno.test("syslog: severity, local time, name and pid", () => {
  const line = formatSyslog("web", record("a\nb", { level: "warning" }));
  assertEquals(line, `<12>Nov  7 04:05:06 web[${Deno.pid}]: a b`);
});

Deno.test("log: a service gets records, the name and the code", () =>
  withSocket("datagram", async (listener) => {
    const service = openLogSocket(K, "journald:", listener.path);
    new Log({ service, format: "json", debug: false }).error("it \x1b[31mfailed", "EIO_LOG");
    const { text } = await listener.message();
    assertMatch(text, /^PRIORITY=3\nSYSLOG_IDENTIFIER=tsrun\nTSRUN_CODE=EIO_LOG\nMESSAGE=it .*failed\n$/);
    assertEquals(text.includes("\x1b"), false);
  }));

Deno.test("log: a long message is cut, and arrives", () =>
  withSocket("datagram", async (listener) => {
    openLogSocket(K, "syslog:web", listener.path).send(record("x".repeat(1_000_000)));
    assertEquals((await listener.message()).text.startsWith("<11>Nov  7 04:05:06 web["), true);
  }));

Deno.test("syslog: a service that takes a stream", () =>
  withSocket("stream", async (listener) => {
    openLogSocket(K, "syslog:web", listener.path).send(record("failed"));
    assertMatch((await listener.message()).text, /web\[\d+\]: failed\0$/);
  }));

Deno.test("log: a service that does not run", () => {
  assertThrows(
    () => openLogSocket(K, "journald:web", "/nonexistent/socket"),
    Error,
    "open journald:web: dial unix /nonexistent/socket: no such file or directory (is the service running?)",
  );
});
