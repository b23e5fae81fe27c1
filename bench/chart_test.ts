import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { axisTicks, type Chart, escapeXml, renderChart } from "./chart.ts";

const CHART: Chart = {
  title: "a < b & c",
  subtitle: "medians",
  series: ["tsrun", "runc"],
  panels: [{
    title: "times",
    format: (value) => `${value} ms`,
    groups: [{
      label: "create",
      bars: [{ series: "tsrun", value: 30, low: 28, high: 40, floor: 20 }, { series: "runc", value: 60 }],
    }],
  }, { title: "nothing here", format: String, groups: [] }],
};

/** Values of an attribute of the elements whose class is `name`. */
function widths(svg: string, name: string): number[] {
  return [...svg.matchAll(new RegExp(`<rect class="${name}" x="190"[^>]* width="([\\d.]+)"`, "g"))].map((m) =>
    Number(m[1])
  );
}

Deno.test("axisTicks: round steps that reach the largest value", () => {
  assertEquals(axisTicks(48), [0, 10, 20, 30, 40, 50]);
  assertEquals(axisTicks(0.9), [0, 0.2, 0.4, 0.6000000000000001, 0.8, 1]);
  assertEquals(axisTicks(0), [0, 1]);
  for (const max of [1, 3, 7.3, 12, 99, 100, 101, 12345]) {
    const ticks = axisTicks(max);
    assert(ticks[ticks.length - 1] >= max && ticks.length >= 3 && ticks.length <= 7, `${max}: ${ticks}`);
  }
});

Deno.test("renderChart: bars are as long as their values, the floor's part as its share", () => {
  const svg = renderChart(CHART);
  const [[ours], [theirs], [floor]] = [widths(svg, "s0"), widths(svg, "s1"), widths(svg, "veil")];
  assertEquals(theirs / ours, 2);
  assert(Math.abs(floor / ours - 20 / 30) < 0.001);
});

Deno.test("renderChart: texts are escaped, empty panels left out, every tag closed", () => {
  const svg = renderChart(CHART);
  assertStringIncludes(svg, "a &#60; b &#38; c");
  assert(!svg.includes("nothing here"));
  const stack: string[] = [];
  for (const [, close, name, empty] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (close) assertEquals(stack.pop(), name);
    else if (!empty) stack.push(name);
  }
  assertEquals(stack, []);
});

Deno.test("renderChart: everything lies inside the picture", () => {
  const svg = renderChart(CHART);
  const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(svg)!.map(Number);
  for (const [, x, y] of svg.matchAll(/<text x="([\d.]+)" y="([\d.]+)"/g)) {
    assert(Number(x) > 0 && Number(x) < width && Number(y) > 0 && Number(y) < height);
  }
});

Deno.test("renderChart: colours for dark pages", () => {
  const svg = renderChart(CHART);
  assertStringIncludes(svg, "prefers-color-scheme:dark");
  assertEquals([...svg.matchAll(/\.s1\{fill:(#[0-9a-f]{6})\}/g)].length, 2);
});

Deno.test("escapeXml leaves nothing that XML reads", () =>
  assertEquals(escapeXml('<"&>'), "&#60;&#34;&#38;&#62;"));
