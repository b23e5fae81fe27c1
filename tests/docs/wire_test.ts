/** docs/wire.md says what the code does. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import { Label } from "../../ffi/recorder.ts";
import { Memory } from "../../ffi/memory.ts";
import {
  cgroupField,
  DATA_BASE,
  MOST_CGROUPS,
  PROGRAM_BASE,
  textField,
  TEXTS,
  wordField,
  WORDS,
} from "../../ffi/prepared.ts";
import { OPERATIONS } from "../../ffi/record.ts";
import { type Channel, RECORD_SIZE, RemoteKernel } from "../../ffi/remote.ts";
import { syscallNumber } from "../../ffi/syscalls.ts";
import { decodeFailureReports } from "../../init/failure_report.ts";
import { ARENA, ARENA_SIZE } from "../../init/image.ts";
import { decodeStartReport } from "../../init/start_report.ts";
import { readInterface, readPage, readTable } from "./pages.ts";

const PAGE = readPage("docs/wire.md");

/** Offset and size of each row of a table of a layout. */
function layout(heading: string): { at: number; size: number; content: string }[] {
  return readTable(PAGE, heading).map((row) => ({
    at: Number(row.offset),
    size: Number(row.bytes),
    content: row.content,
  }));
}

for (
  const [heading, name] of [
    ["state.json", "ContainerState"],
    ["The cgroup record", "CgroupRecord"],
    ["The resctrl record", "ResctrlRecord"],
  ]
) {
  Deno.test(`docs/wire.md: the fields of ${name}`, () => {
    const table = readTable(PAGE, heading).map(({ field, type }) => [field, type]);
    assertEquals(Object.fromEntries(table), readInterface(name));
  });
}

Deno.test("docs/wire.md: the layout of a record", () => {
  const rows = layout("A record");
  const [number, mask, args, result, onError, onPositive] = rows.map(({ at }) => at);
  const last = rows.at(-1)!;
  assertEquals(last.at + last.size, RECORD_SIZE);
  for (const [i, { at, size }] of rows.slice(0, -1).entries()) assertEquals(at + size, rows[i + 1].at);
  assertStringIncludes(PAGE, `A record takes ${RECORD_SIZE} bytes`);

  const memory = new Memory(new ArrayBuffer(1 << 20), ARENA);
  const k = new RemoteKernel(memory, {} as Channel);
  const elsewhere = new Label();
  elsewhere.address = 1234;
  const opened = k.open("/", 0);
  k.call("fsync", [opened], { onError: elsewhere, onPositive: elsewhere });
  k.jump(elsewhere);
  const first = k.prepare() - ARENA;
  const second = first + RECORD_SIZE, third = second + RECORD_SIZE, fourth = third + RECORD_SIZE;
  const { view } = memory;
  assertEquals(view.getInt32(second + number, true), syscallNumber("fsync"));
  assertEquals(view.getUint32(second + mask, true), 1);
  assertEquals(view.getUint32(second + args, true), ARENA + first + result);
  assertEquals(view.getUint32(second + onError, true), 1234);
  assertEquals(view.getUint32(second + onPositive, true), 1234);
  assertEquals([third, fourth].map((record) => view.getInt32(record + number, true)), [-2, -1]);
  assertEquals(view.getUint32(third + args, true), 1);
});

Deno.test("docs/wire.md: the arena", () => {
  assertStringIncludes(PAGE, `0x${ARENA.toString(16)}`);
  assertStringIncludes(PAGE, `a memfd of ${ARENA_SIZE / (1 << 20)} MiB`);
});

Deno.test("docs/wire.md: the report of a startContainer hook", () => {
  const rows = layout("exec.fifo");
  const [number, poll, exec, siginfo, stdout, stderr] = rows;
  const report = new Uint8Array(stderr.at + stderr.size);
  const view = new DataView(report.buffer);
  const write = ({ at }: { at: number }, text: string) => report.set(new TextEncoder().encode(text), at);
  const read = () => decodeStartReport(report, [{ path: "/a" }, { path: "/b", timeout: 2 }]);
  view.setBigInt64(number.at, 2n, true);
  view.setBigInt64(poll.at, 1n, true);
  view.setInt32(siginfo.at + 8, 1, true);
  view.setInt32(siginfo.at + 24, 7, true);
  write(stdout, "said");
  write(stderr, "complained");
  assertEquals(
    read(),
    "error running startContainer hook #1: exit status 7, stdout: said, stderr: complained",
  );
  view.setBigInt64(poll.at, 0n, true);
  assertStringIncludes(read(), "ran past specified timeout of 2.0s");
  view.setBigInt64(exec.at, -2n, true);
  assertStringIncludes(read(), "fork/exec /b: no such file or directory");
});

Deno.test("docs/wire.md: messages of exec's report socket", () => {
  const [pid, errno, text] = readTable(PAGE, "The report socket of exec").map(({ bytes }) => parseInt(bytes));
  const message = (size: number, value: bigint) => {
    const bytes = new Uint8Array(size);
    new DataView(bytes.buffer).setBigInt64(0, value, true);
    return bytes;
  };
  const step = new TextEncoder().encode("exec /x".padEnd(text));
  assertEquals(decodeFailureReports([message(pid, 77n)]), { pid: 77, failure: undefined });
  assertEquals(decodeFailureReports([message(pid, 77n), message(errno, -2n), step]), {
    pid: 77,
    failure: "exec /x: no such file or directory",
  });
});

Deno.test("docs/wire.md: the prepared file", () => {
  const rows = layout("The prepared file");
  const [, , texts, words, cgroups, rest] = rows.map(({ at }) => at);
  for (const [i, { at, size }] of rows.slice(0, -1).entries()) assertEquals(at + size, rows[i + 1].at);
  assertEquals([textField("root"), wordField("recordSize"), cgroupField(0)].map((at) => at - DATA_BASE), [
    texts,
    words,
    cgroups,
  ]);
  assertEquals(cgroupField(MOST_CGROUPS + 1) - DATA_BASE, rest);
  const named = (list: readonly string[]) => list.filter((name) => !PAGE.includes(`\`${name}\``));
  assertEquals([...named(TEXTS), ...named(WORDS)], []);
  for (const base of [DATA_BASE, PROGRAM_BASE]) assertStringIncludes(PAGE, `0x${base.toString(16)}`);
  const numbers = Object.entries(OPERATIONS).filter(([name]) => name === "compare" || name === "copy");
  assertEquals(numbers.map(([, number]) => number), [-3, -4]);
});
