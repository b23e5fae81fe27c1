/** Tables that fit the terminal. */
import { assert, assertEquals } from "@std/assert";
import { changesTable } from "./changes.ts";
import { cutText, fitLines, fitTable } from "./table.ts";
import { formatAge, formatBytes, seconds } from "./units.ts";

const COLUMNS = [{ title: "ID", cut: "end" }, { title: "PID" }, { title: "BUNDLE", cut: "start" }] as const;
const ROWS = [["a", "1", "/run/containers/a-long-way-down/box"], [
  "a-container-with-a-long-name",
  "22",
  "/b",
]];

Deno.test("table: without a terminal nothing is cut", () => {
  assertEquals(
    fitTable(COLUMNS, ROWS),
    "ID                            PID  BUNDLE\n" +
      "a                             1    /run/containers/a-long-way-down/box\n" +
      "a-container-with-a-long-name  22   /b\n",
  );
});

Deno.test("table: on a terminal the widest columns give way, and no line is longer than it", () => {
  assertEquals(
    fitTable(COLUMNS, ROWS, 40),
    "ID                PID  BUNDLE\n" +
      "a                 1    …ong-way-down/box\n" +
      "a-container-wit…  22   /b\n",
  );
  for (let screen = 1; screen < 90; screen++) {
    for (const line of fitTable(COLUMNS, ROWS, screen).trimEnd().split("\n")) {
      assert([...line].length <= screen, `${screen}: ${line}`);
    }
  }
  assertEquals(fitTable(COLUMNS, ROWS, 80), fitTable(COLUMNS, ROWS));
  assertEquals(fitTable(COLUMNS, [], 80), "ID  PID  BUNDLE\n");
});

Deno.test("table: texts are cut by characters, not by halves of them", () => {
  assertEquals(cutText("a🦕b🦕c", 4), "a🦕b…");
  assertEquals(cutText("a🦕b🦕c", 4, "start"), "…b🦕c");
  assertEquals([cutText("ab", 1), cutText("ab", 2), cutText("", 0)], ["a", "ab", ""]);
  assertEquals(fitLines("UID\tPID\na long line\n", 6), "UID P…\na lon…\n");
});

Deno.test("table: limits that an update changed, before and now", () => {
  const before = { memory: { limit: 64n << 20n, swap: -1 }, cpu: { shares: 512 }, pids: { limit: 5 } };
  const after = {
    memory: { limit: 1n << 30n, swap: -1 },
    cpu: { cpus: "0-1", shares: 512 },
    pids: { limit: -1 },
  };
  assertEquals(
    // deno-lint-ignore no-explicit-any -- the types of sizes are wider in a document than in these literals
    changesTable(before as any, after as any),
    "LIMIT         BEFORE  NOW\n" +
      "memory.limit  64 MiB  1 GiB\n" +
      "pids.limit    5       none\n" +
      "cpu.cpus      -       0-1\n",
  );
  assertEquals(changesTable({ pids: { limit: 5 } }, { pids: { limit: 5 } }, 80), "");
  const list = { blockIO: { weightDevice: [{ major: 8, minor: 0, weight: 100 }] } };
  assert(changesTable({}, list).includes('[{"major":8,"minor":0,"weight":100}]'));
});

Deno.test("units: bytes, seconds and ages", () => {
  assertEquals([0n, 1023n, 1024n, 1_048_575n, 1n << 63n].map(formatBytes), [
    "0 B",
    "1023 B",
    "1 KiB",
    "1 MiB",
    "8 EiB",
  ]);
  assertEquals([0n, 1_000_000_000n, 61_000_000_001n].map(seconds), ["0", "1", "61.000000001"]);
  assertEquals([-5, 1000, 59_999, 60_000, 7_200_000, 86_400_000 * 400].map(formatAge), [
    "0 seconds ago",
    "1 second ago",
    "59 seconds ago",
    "1 minute ago",
    "2 hours ago",
    "400 days ago",
  ]);
});
