import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Results } from "./bench.ts";
import { SampleBook, type Series } from "./cases.ts";
import { chartOf, memoryTable, readingNotes, targetsOf, wallTable } from "./report.ts";
import { renderMarkdown, renderText } from "./tables.ts";

const around = (middle: number): Series => {
  const wall = Array.from({ length: 30 }, (_, index) => middle + (index % 5 - 2) / 4);
  return { wall, cpu: wall };
};

/** Results of a machine where tsrun's create takes `create` ms over a floor of 20, and runc's takes 30. */
function resultsWith(create: number, pss: number): Results {
  return {
    format: 1,
    date: "2026-01-02T03:04:05Z",
    machine: {
      ...{
        kernel: "6.1",
        system: "Debian",
        arch: "x86_64",
        cpu: "CPU",
        cores: 2,
        virtual: true,
        memory: 2 ** 31,
      },
      ...{ cgroups: "v1", deno: "2", load: [0, 0, 0] },
    },
    runtimes: ["tsrun", "runc"].map((name) => ({ name, path: `/${name}`, version: "1" })),
    floor: { how: "an empty program", wall: "20", cpu: "20" },
    settings: {
      ...{
        runs: 30,
        warmup: 1,
        pause: 0,
        runtimes: ["tsrun", "runc"],
        configs: ["small"],
        units: ["lifecycle"],
        paths: {},
        clients: [],
        clientRounds: 0,
      },
      ...{ created: true, limit: true, search: { step: 4096, repeats: 3 }, pty: 0, manyMounts: 0 },
    },
    notes: ["crun is not installed"],
    failures: [],
    samples: { "floor": around(20), "tsrun/small/create": around(create), "runc/small/create": around(30) },
    memory: {
      "tsrun/small": {
        created: { processes: 1, pss, rss: 2 * pss, charge: null },
        limit: 102400,
        execRoom: 4096,
      },
      "runc/small": { created: { processes: 1, pss: 9e6, rss: 1e7, charge: 2500000 }, limit: null },
    },
  };
}

const bookOf = (results: Results) => new SampleBook(results.samples);

Deno.test("targetsOf: met, missed, and too close", () => {
  const verdicts = (create: number, pss: number) => {
    const results = resultsWith(create, pss);
    return targetsOf(results, bookOf(results));
  };
  assertEquals(verdicts(40, 150_000).map(({ met }) => met), [true, true, true]);
  assertEquals(verdicts(60, 250_000).map(({ met }) => met), [false, false, true]);
  assertStringIncludes(verdicts(40, 1)[0].text, "takes 20.00");
  assertStringIncludes(verdicts(50, 1)[0].text, "too close");
  assert(!verdicts(40, 1)[0].text.includes("too close"));
});

Deno.test("wallTable: medians, ratio, and what is beyond the floor", () => {
  const book = bookOf(resultsWith(45, 1));
  const table = wallTable(book, ["tsrun", "runc"], "small")!;
  assertEquals(table.header, ["", "tsrun", "runc", "tsrun/runc", "tsrun beyond floor"]);
  assertEquals(table.rows.length, 1);
  assertStringIncludes(table.rows[0][1], "45.0 (");
  assertStringIncludes(table.rows[0][3], "1.50 [");
  assertStringIncludes(table.rows[0][4], "25.00 [");
  assertEquals(wallTable(book, ["tsrun", "runc"], "docker"), undefined);
});

Deno.test("a runtime that failed early is not compared: its rounds were others", () => {
  const results = resultsWith(40, 1);
  results.samples["runc/small/create"].wall.splice(10);
  assertEquals(wallTable(bookOf(results), ["tsrun", "runc"], "small")!.rows[0][3], "—");
  assertEquals(targetsOf(results, bookOf(results)).filter(({ text }) => text.includes("runc create")), []);
});

Deno.test("memoryTable: a limit not found is not a limit not looked for", () => {
  const rows = memoryTable(resultsWith(1, 100_000))!.rows;
  assertEquals(rows[0].slice(2), ["100 KB", "200 KB", "—", "102 KB", "4 KB"]);
  assertEquals(rows[1].slice(-2), ["none found", "—"]);
});

Deno.test("readingNotes: notes and failures are not lost", () => {
  const results = { ...resultsWith(1, 1), failures: ["small: tsrun create: broken"] };
  const notes = readingNotes(results).join("\n");
  assertStringIncludes(notes, "crun is not installed");
  assertStringIncludes(notes, "FAILED: small: tsrun create: broken");
});

Deno.test("chartOf: the floor is tsrun's alone", () => {
  const results = resultsWith(45, 1);
  const [panel] = chartOf(results, bookOf(results)).panels;
  assertEquals(panel.groups.map(({ label }) => label), ["create"]);
  assertEquals(panel.groups[0].bars.map(({ series, floor }) => [series, floor]), [["tsrun", 20], [
    "runc",
    undefined,
  ]]);
});

Deno.test("tables: text columns line up, Markdown escapes its sign", () => {
  const table = { title: "t", header: ["", "a|b"], rows: [["long name", "1"], ["x", "22–3"]] };
  const lines = renderText(table).split("\n").slice(1, 5);
  assertEquals(new Set(lines.map((line) => [...line].length)).size, 1);
  assertStringIncludes(renderMarkdown(table), "|  | a\\|b |\n| --- | ---: |\n| long name | 1 |");
});
