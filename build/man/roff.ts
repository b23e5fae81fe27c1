/**
 * Pages in the language of man(7).
 * @module
 */

/** Columns of a line of a page's source. */
const WIDTH = 80;

/** Text as it is, wherever it stands. */
export function roffText(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-").replaceAll("'", "\\(aq");
  return escaped.replace(/^\./gm, "\\&.");
}

/** Words as they are typed. */
export function bold(text: string): string {
  return `\\fB${roffText(text)}\\fR`;
}

/** The name of something. */
export function italic(text: string): string {
  return `\\fI${roffText(text)}\\fR`;
}

/** Breaks lines of roff at spaces, and keeps a word that begins with a full stop from being a request. */
function folded(roff: string): string {
  return roff.split("\n").map((line) => {
    const lines = [""];
    for (const word of line.split(" ")) {
      const last = lines[lines.length - 1];
      if (last !== "" && last.length + word.length >= WIDTH) lines.push(word);
      else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
    }
    return lines.map((text) => text.replace(/^[.]/, "\\&.")).join("\n");
  }).join("\n");
}

/**
 * A paragraph of plain text: each sentence on a line of its own, as man-pages(7) wants it; what stands in
 * backquotes is bold.
 */
export function roffParagraph(text: string): string {
  const words = text.replace(/\s*\n\s*/g, " ").replace(/([.:;]) +(?=[A-Z`])/g, "$1\n");
  return folded(words.split("`").map((part, i) => i % 2 === 1 ? bold(part) : roffText(part)).join(""));
}

/** One section. @param lines Of roff. */
export function section(title: string, ...lines: string[]): string {
  return `.SH ${title}\n${lines.join("\n").replace(/^\.PP\n/, "")}\n`;
}

/** A row of a list: what is explained, and its explanation in plain text. @param head In roff. */
export function entry(head: string, text: string): string {
  return `.TP\n${head}\n${roffParagraph(text)}`;
}

/** Lines of a terminal. */
export function example(text: string): string {
  return `.PP\n.in +4n\n.EX\n${roffText(text)}\n.EE\n.in`;
}

/** What all pages have in common. */
export interface Edition {
  version: string;
  /** YYYY-MM-DD. */
  date: string;
}

/** A whole page of section 8. @param sections Made by {@linkcode section}. */
export function page(title: string, { version, date }: Edition, sections: readonly string[]): string {
  const head = [title.toUpperCase(), "8", date, `tsrun ${version}`, "Containers"];
  return `.\\" Made from the table of commands and flags of tsrun (build/man).\n` +
    `.TH ${head.map((word) => `"${word}"`).join(" ")}\n${sections.join("")}`;
}
