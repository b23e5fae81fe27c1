/**
 * A chart of horizontal bars as SVG, for a README: readable on light and dark pages, without scripts or fonts
 * of its own. A bar ends at the median, its whisker spans the 10th to the 90th percentile, and a pale
 * part at its beginning shows the share of the floor.
 */

/** One bar. */
export interface Bar {
  /** Name of the series it belongs to; decides the colour. */
  series: string;
  value: number;
  /** Ends of the whisker. */
  low?: number;
  high?: number;
  /** The part of `value` that the empty Deno program takes. */
  floor?: number;
}

/** Bars of one case, under one label. */
export interface Group {
  label: string;
  bars: Bar[];
}

/** A part of the chart with an axis of its own. */
export interface Panel {
  title: string;
  /** Text of a value, unit included. */
  format: (value: number) => string;
  groups: Group[];
}

/** A chart. `series` gives the order of the legend and the colours. */
export interface Chart {
  title: string;
  subtitle: string;
  series: string[];
  panels: Panel[];
}

const WIDTH = 860;
const LEFT = 190;
const RIGHT = 110;
const BAR = 16;
const BAR_GAP = 4;
const GROUP_GAP = 14;
const MARGIN = 24;

/**
 * Colours that people with colour blindness can tell apart (after Okabe and Ito), for light and dark pages.
 */
const COLOURS = [
  { light: "#0072b2", dark: "#56b4e9" },
  { light: "#d98200", dark: "#f0b43c" },
  { light: "#008f66", dark: "#3ec79d" },
  { light: "#8a5a83", dark: "#cc9cc4" },
];

/** Text of an SVG element or attribute. */
export function escapeXml(text: string): string {
  return text.replace(/[<>&"]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

/** Round steps for an axis from 0 to at least `max`: at most about six of them. */
export function axisTicks(max: number): number[] {
  const raw = max > 0 ? max / 5 : 1;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 2.5, 5].find((factor) => factor * power >= raw * (1 - 1e-9)) ?? 10);
  const count = Math.ceil(max / step - 1e-9);
  return Array.from({ length: Math.max(1, count) + 1 }, (_, index) => index * step);
}

function styleOf(series: string[]): string {
  const colours = series.map((_, index) => COLOURS[index % COLOURS.length]);
  const fills = (scheme: "light" | "dark") =>
    colours.map((colour, index) => `.s${index}{fill:${colour[scheme]}}`).join("");
  return `<style>
text{font:13px system-ui,"DejaVu Sans",Helvetica,Arial,sans-serif;fill:#1f2328}
.title{font-size:17px;font-weight:600}.panel{font-size:14px;font-weight:600}.small{font-size:11px;fill:#57606a}
.page{fill:#ffffff}.grid{stroke:#d0d7de;stroke-width:1}.whisker{stroke:#1f2328;stroke-width:1.2;fill:none}
.veil{fill:#ffffff;fill-opacity:.55}${fills("light")}
@media (prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9198a1}.page{fill:#0d1117}.grid{stroke:#30363d}
.whisker{stroke:#e6edf3}.veil{fill:#0d1117}${fills("dark")}}
</style>`;
}

/** A number for an SVG attribute: two decimals are finer than any screen. */
function at(value: number): string {
  return `${Math.round(value * 100) / 100}`;
}

function text(x: number, y: number, content: string, attributes = ""): string {
  return `<text x="${at(x)}" y="${at(y)}"${attributes && ` ${attributes}`}>${escapeXml(content)}</text>`;
}

function drawBar(
  bar: Bar,
  index: number,
  y: number,
  scale: (value: number) => number,
  format: Panel["format"],
): string {
  const middle = y + BAR / 2;
  const parts = [
    `<rect class="s${index}" x="${LEFT}" y="${at(y)}" width="${
      at(Math.max(1, scale(bar.value)))
    }" height="${BAR}"/>`,
  ];
  if (bar.floor !== undefined) {
    const width = at(scale(Math.min(bar.floor, bar.value)));
    parts.push(`<rect class="veil" x="${LEFT}" y="${at(y)}" width="${width}" height="${BAR}"/>`);
  }
  if (bar.low !== undefined && bar.high !== undefined) {
    const [low, high] = [LEFT + scale(bar.low), LEFT + scale(bar.high)];
    const tick = (x: number) => `M${at(x)} ${at(middle - 4)}v8`;
    parts.push(`<path class="whisker" d="M${at(low)} ${at(middle)}H${at(high)}${tick(low)}${tick(high)}"/>`);
  }
  const end = LEFT + scale(Math.max(bar.value, bar.high ?? 0));
  parts.push(text(end + 6, middle + 4, format(bar.value)));
  return parts.join("\n");
}

/** Draws a panel with its top at `top`; returns the SVG and the height it took. */
function drawPanel(panel: Panel, series: string[], top: number): { svg: string; height: number } {
  const ends = panel.groups.flatMap(({ bars }) => bars.map((bar) => Math.max(bar.value, bar.high ?? 0)));
  const ticks = axisTicks(Math.max(0, ...ends));
  const span = WIDTH - LEFT - RIGHT;
  const scale = (value: number) => value / ticks[ticks.length - 1] * span;
  const parts = [text(MARGIN, top + 16, panel.title, 'class="panel"')];
  const first = top + 32;
  let y = first;
  const rows: string[] = [];
  for (const group of panel.groups) {
    const height = group.bars.length * (BAR + BAR_GAP) - BAR_GAP;
    rows.push(text(LEFT - 10, y + height / 2 + 4, group.label, 'text-anchor="end"'));
    for (const bar of group.bars) {
      rows.push(drawBar(bar, series.indexOf(bar.series), y, scale, panel.format));
      y += BAR + BAR_GAP;
    }
    y += GROUP_GAP - BAR_GAP;
  }
  const bottom = y - GROUP_GAP + 6;
  for (const tick of ticks) {
    const x = LEFT + scale(tick);
    parts.push(`<path class="grid" d="M${at(x)} ${at(first - 6)}V${at(bottom)}"/>`);
    parts.push(text(x, bottom + 14, panel.format(tick), 'class="small" text-anchor="middle"'));
  }
  return { svg: [...parts, ...rows].join("\n"), height: bottom + 14 - top };
}

function drawLegend(chart: Chart, y: number): string {
  let x = MARGIN;
  const parts = chart.series.map((name, index) => {
    const entry = `<rect class="s${index}" x="${x}" y="${y - 11}" width="13" height="13"/>${
      text(x + 19, y, name)
    }`;
    x += 19 + name.length * 8 + 22;
    return entry;
  });
  const floored = chart.panels.flatMap(({ groups }) => groups.flatMap(({ bars }) => bars));
  const index = chart.series.indexOf(floored.find(({ floor }) => floor !== undefined)?.series ?? "");
  if (index >= 0) {
    const box = (style: string) => `<rect class="${style}" x="${x}" y="${y - 11}" width="13" height="13"/>`;
    parts.push(box(`s${index}`) + box("veil") + text(x + 19, y, "of which the empty Deno program"));
  }
  return parts.join("\n");
}

/** The chart as an SVG document. */
export function renderChart(chart: Chart): string {
  const parts: string[] = [];
  let y = 106;
  for (const panel of chart.panels.filter(({ groups }) => groups.some(({ bars }) => bars.length > 0))) {
    const { svg, height } = drawPanel(panel, chart.series, y);
    parts.push(svg);
    y += height + 26;
  }
  const height = Math.round(y - 6);
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img">
<title>${escapeXml(chart.title)}</title>
${styleOf(chart.series)}
<rect class="page" width="${WIDTH}" height="${height}" rx="6"/>
${text(MARGIN, 34, chart.title, 'class="title"')}
${text(MARGIN, 55, chart.subtitle, 'class="small"')}
${drawLegend(chart, 84)}
${parts.join("\n")}
</svg>
`;
}
