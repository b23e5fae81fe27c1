/** Tables for terminals and for Markdown from one description. */

/** A table; its first column is text, the others are figures and stand to the right. */
export interface Table {
  title: string;
  header: string[];
  rows: string[][];
  /** Remarks below the table, one line each. */
  notes?: string[];
}

/** The table for a terminal, with columns as wide as their widest cell. */
export function renderText({ title, header, rows, notes = [] }: Table): string {
  const widths = header.map((_, column) =>
    Math.max(...[header, ...rows].map((row) => [...row[column]].length))
  );
  const pad = (cell: string, column: number) => {
    const blank = " ".repeat(widths[column] - [...cell].length);
    return column === 0 ? cell + blank : blank + cell;
  };
  const line = (row: string[]) => row.map(pad).join("  ").trimEnd();
  const rule = widths.map((width) => "─".repeat(width)).join("  ");
  return [title, line(header), rule, ...rows.map(line), ...notes, ""].join("\n");
}

/** The table in Markdown. */
export function renderMarkdown({ title, header, rows, notes = [] }: Table): string {
  const line = (row: string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = line(header.map((_, column) => column === 0 ? "---" : "---:"));
  return [
    `### ${title}`,
    "",
    line(header),
    rule,
    ...rows.map(line),
    "",
    ...notes.flatMap((note) => [note, ""]),
  ].join("\n");
}
