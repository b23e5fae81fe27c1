/** The formats of traces, of a trace that is written down here. */
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import type { Trace, TraceSpan } from "../../host/tracing/trace.ts";
import { formatChrome, parseChrome } from "./chrome.ts";
import { readTraces } from "./merge.ts";
import { formatOtlp, parseTraceparent } from "./otlp.ts";
import { formatPicture } from "./picture.ts";
import { formatTable } from "./table.ts";
import { traceFileName, traceTarget } from "./target.ts";

const SPAN = { process: 0, detail: "", stage: "", step: "" };
const MS = 1_000_000;

function sample(command: string, later = 0n, id = "box"): Trace {
  const call = (i: number): TraceSpan => ({
    ...{
      process: 1,
      kind: "call",
      name: "mount",
      detail: `mount("<${i}>", NULL)`,
      stage: "mounts",
      step: "",
    },
    ...{ start: 6 * MS + i * 1000 + 1, duration: i * 100, result: 0 },
  });
  const failed: TraceSpan = { ...call(13), errno: "EPERM", duration: 900_000 };
  delete failed.result;
  return {
    ...{ start: 1_700_000_000_000_000_123n + later, command, id, status: 0, traceparent: undefined },
    processes: [{ name: "tsrun", pid: 41 }, { name: "init", pid: 42 }, { name: "process", pid: 0 }],
    spans: [
      { ...SPAN, kind: "command", name: `tsrun ${command}`, start: 0, duration: 10 * MS },
      { ...SPAN, kind: "part", name: "engine started", start: 0, duration: 5 * MS },
      { ...SPAN, process: 1, kind: "stage", name: "mounts", start: 6 * MS, duration: MS },
      ...Array.from({ length: 12 }, (_, i) => call(i)),
      failed,
      {
        ...SPAN,
        process: 2,
        kind: "call",
        name: "setsid",
        detail: "setsid()",
        start: 9 * MS,
        duration: undefined,
      },
    ],
  };
}

Deno.test("trace as json: events as Chrome's, and all of it can be read back", () => {
  const traces = [sample("create"), sample("start", 20_000_000n)];
  const document = JSON.parse(formatChrome(traces));
  const [name] = document.traceEvents;
  assertEquals(name, { ph: "M", pid: 41, tid: 41, name: "process_name", args: { name: "tsrun create" } });
  const stage = document.traceEvents.find(({ name }: { name: string }) => name === "mounts");
  assertEquals([stage.ph, stage.pid, stage.tid, stage.cat, stage.ts, stage.dur], [
    "X",
    42,
    42,
    "stage",
    6000,
    1000,
  ]);
  const last = document.traceEvents.at(-1);
  assertEquals([last.ph, last.ts, last.args], ["i", 29000, { call: "setsid()" }]);
  assert(last.pid > 4_000_000);
  assertEquals(parseChrome(formatChrome(traces)), traces);
});

Deno.test("trace as json: other documents are not taken for traces", () => {
  for (
    const text of [
      "",
      "[]",
      "null",
      "{}",
      '{"traceEvents":[]}',
      '{"traceEvents":[],"otherData":{"tsrun":[]}}',
    ]
  ) {
    assertEquals(parseChrome(text), undefined, text);
  }
  assertEquals(
    parseChrome(formatChrome([sample("create")]).replace('"version":1', '"version":2')),
    undefined,
  );
});

Deno.test("trace as a table: the ten costliest calls, each with its answer", () => {
  const text = formatTable([sample("create")]);
  assertStringIncludes(text, "tsrun create box: 10.000 ms, exit status 0, 2023-11-14T22:13:20.000000123Z\n");
  const rows = text.split("costliest calls:\n")[1].split("\n\n")[0].split("\n").slice(1);
  assertEquals(rows.length, 10);
  assertEquals(rows[0], '  0.900  init     mounts  mount("<13>", NULL) = EPERM');
  assertEquals(rows[1], '  0.001  init     mounts  mount("<11>", NULL) = 0');
  assertStringIncludes(text, "\n  1.000     13  init     mounts\n");
  assertStringIncludes(text, "\n  5.000  engine started\n");
});

Deno.test("trace as a picture: one axis, names, tooltips, and nothing but XML", () => {
  const text = formatPicture([sample("create"), sample("start", 3_000_000_000n)]);
  assertStringIncludes(text, ">tsrun create, start: box</text>");
  assertStringIncludes(text, "<title>mount(&quot;&lt;13&gt;&quot;, NULL) = EPERM: 0.900 ms (mounts)</title>");
  assertStringIncludes(text, ">3.0 s</text>");
  assertStringIncludes(text, ">init 42</text>");
  for (const [, x] of text.matchAll(/ x="([^"%]+)"/g)) assert(Number(x) >= 0 && Number(x) < 1400, x);
  // Every element is closed: what is left without tags of pairs and single tags has no mark.
  const left = text.replace(/<(\w+)(?: [^<>]*)?\/>/g, "").replace(
    /<(title|text|style)[^<>]*>[^<]*<\/\1>/g,
    "",
  )
    .replace(/<rect [^<>]*>\s*<\/rect>/g, "");
  assertEquals(left.replace(/\s+/g, " ").trim().replace(/^<svg [^>]*>(.*)<\/svg>$/, "$1").trim(), "");
});

Deno.test("trace as OTLP: spans in spans, below the caller's", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { resourceSpans: [{ resource, scopeSpans: [{ spans }] }] } = JSON.parse(
    formatOtlp([{ ...sample("create"), traceparent }]),
  );
  assertEquals(resource.attributes[0], { key: "service.name", value: { stringValue: "tsrun" } });
  const [command, part, stage, call] = spans;
  assertEquals([command.traceId, command.parentSpanId], [
    traceparent.slice(3, 35),
    traceparent.slice(36, 52),
  ]);
  assertEquals([part.parentSpanId, stage.parentSpanId, call.parentSpanId], [
    command.spanId,
    command.spanId,
    stage.spanId,
  ]);
  assertEquals([command.startTimeUnixNano, command.endTimeUnixNano], [
    "1700000000000000123",
    "1700000000010000123",
  ]);
  assertEquals(spans.length, 16);
  const own = JSON.parse(formatOtlp([sample("create")])).resourceSpans[0].scopeSpans[0].spans[0];
  assert(/^[0-9a-f]{32}$/.test(own.traceId) && own.parentSpanId === undefined);
});

Deno.test("trace: a TRACEPARENT that is none is not taken over", () => {
  const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
  assertEquals(parseTraceparent(good)?.parentId, "b7ad6b7169203331");
  assertEquals(parseTraceparent(`01${good.slice(2)}-more`)?.parentId, "b7ad6b7169203331");
  const zeros = good.replace(/b7ad\w+/, "0".repeat(16));
  for (const bad of ["", "x", `${good}-more`, good.replace("00-", "ff-"), good.toUpperCase(), zeros]) {
    assertEquals(parseTraceparent(bad), undefined, bad);
  }
});

Deno.test("trace: the format is the suffix's or the flag's, and what has none is a directory", () => {
  const target = (path: string, format = "", directory = false) => traceTarget(path, format, () => directory);
  assertEquals(target("/a/b.svg"), { directory: "/a", name: "b.svg", format: "svg" });
  assertEquals(target("/b.txt"), { directory: "/", name: "b.txt", format: "txt" });
  assertEquals(target("/a/b.out", "otlp"), { directory: "/a", name: "b.out", format: "otlp" });
  assertEquals(target("/var/log/tsrun"), { directory: "/var/log/tsrun", name: undefined, format: "json" });
  assertEquals(target("/a/b.d/", "svg"), { directory: "/a/b.d", name: undefined, format: "svg" });
  assertEquals(target("/a/b.json", "", true).name, undefined);
  assertEquals(target("/a/.hidden").name, undefined);
  assertThrows(() => target("/a/b.png"), RuntimeError, "no format is known by .png");
  assertThrows(() => target("/a/b.svg", "png"), RuntimeError, 'invalid --trace-format "png"');
});

Deno.test("trace: names of files sort by time, and an id cannot lead elsewhere", () => {
  assertEquals(traceFileName(sample("create"), "json"), "20231114T221320.000000Z-create-box-41.json");
  assertEquals(
    traceFileName(sample("exec", 5_000n, "../../x"), "otlp"),
    "20231114T221320.000005Z-exec-.._.._x-41.json",
  );
});

Deno.test("trace merge: traces of one container in the order of time, others are left out", () => {
  const directory = Deno.makeTempDirSync();
  try {
    const put = (name: string, text: string) => Deno.writeTextFileSync(`${directory}/${name}`, text);
    assertThrows(() => readTraces(directory, ""), RuntimeError, "no trace");
    put("1.json", formatChrome([sample("delete", 9n)]));
    put("2.json", formatChrome([sample("create")]));
    put("3.json", "{}");
    put("4.svg", "<svg/>");
    put("5.json", formatChrome([sample("features", 0n, "")]));
    assertEquals(readTraces(directory, "").map(({ command }) => command), ["create", "delete"]);
    put("6.json", formatChrome([sample("create", 1n, "other")]));
    assertThrows(() => readTraces(directory, ""), RuntimeError, 'choose one by --id: "box", "other"');
    assertEquals(readTraces(directory, "other").map(({ id }) => id), ["other"]);
    assertThrows(() => readTraces(directory, "none"), RuntimeError, 'no trace of the container "none"');
    assertThrows(() => readTraces(`${directory}/no`, ""), RuntimeError, "no such file or directory");
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});
