/**
 * Tables for people: columns that fit the terminal. Where the output is no terminal, nothing is cut.
 * @module
 */

/** A column of a table. */
export interface Column {
  title: string;
  /** Which side of a text is left out where there is no room for all of it; absent: neither, if possible. */
  cut?: "start" | "end";
}

/** Spaces between columns. */
const GAP = 2;
/** Characters that a column keeps that is cut. */
const LEAST = 8;

/** A text of so many characters at most: what is left out is an ellipsis. */
export function cutText(text: string, width: number, side: "start" | "end" = "end"): string {
  const letters = [...text];
  if (letters.length <= width) return text;
  if (width < 2) return letters.slice(0, width).join("");
  return side === "end"
    ? `${letters.slice(0, width - 1).join("")}…`
    : `…${letters.slice(letters.length - width + 1).join("")}`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/**
 * Lines of a table.
 *
 * The columns that may be cut give up what is too much, the widest first; the end of a line that is too long
 * all the same is left out.
 *
 * @param rows Cells without control characters.
 * @param screen Columns of the terminal; undefined: as many as it takes.
 */
export function fitTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  screen?: number,
): string {
  const widths = columns.map(({ title }, i) =>
    Math.max(lengthOf(title), ...rows.map((row) => lengthOf(row[i])))
  );
  if (screen !== undefined) shrink(columns, widths, screen);
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, i) => {
      const text = screen === undefined ? cell : cutText(cell, widths[i], columns[i].cut);
      return text + " ".repeat(widths[i] - lengthOf(text));
    });
    const whole = padded.join(" ".repeat(GAP)).trimEnd();
    return (screen === undefined ? whole : cutText(whole, screen)) + "\n";
  };
  return [columns.map(({ title }) => title), ...rows].map(line).join("");
}

/** Takes from the columns that may be cut what is too much for the screen. */
function shrink(columns: readonly Column[], widths: number[], screen: number): void {
  const total = () => widths.reduce((sum, width) => sum + width, GAP * (widths.length - 1));
  for (let over = total() - screen; over > 0; over--) {
    const widest = columns.reduce(
      (best, { cut }, i) => cut !== undefined && widths[i] > (best < 0 ? LEAST : widths[best]) ? i : best,
      -1,
    );
    if (widest < 0) return;
    widths[widest]--;
  }
}

/** Lines of other programs, cut to the terminal. */
export function fitLines(text: string, screen: number): string {
  return text.split("\n").map((line) => cutText(line.replaceAll("\t", " "), screen)).join("\n");
}
