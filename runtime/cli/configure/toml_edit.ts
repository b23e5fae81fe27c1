/**
 * Changes of a TOML document in its own text, as far as `configure` needs them: top-level keys, keys of a
 * table, and a block of tables at the end that belongs to tsrun.
 *
 * Source: TOML 1.0. Tables are found by their headers; a table that is written inline is not.
 * @module
 */

/** A line of a document that says something, and the table that it belongs to. */
interface Line {
  /** Where it begins and ends in the text, without its newline. */
  start: number;
  end: number;
  /** The table whose header came last; empty before the first. */
  table: readonly string[];
  /** Whether it is the header itself. */
  header: boolean;
  text: string;
}

/** Takes apart a dotted key: `a."b.c".d`. */
export function parseKey(text: string): string[] {
  return [...text.matchAll(/\s*(?:"([^"]*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)/g)]
    .map(([, double, single, bare]) => double ?? single ?? bare);
}

function* linesOf(text: string): Generator<Line> {
  let table: readonly string[] = [], start = 0;
  for (const line of text.split("\n")) {
    const end = start + line.length;
    const header = /^\s*\[\[?([^\]]+)\]\]?\s*(?:#.*)?\r?$/.exec(line);
    if (header) table = parseKey(header[1]);
    yield { start, end, table, header: header !== null, text: line };
    start = end + 1;
  }
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((part, i) => part === other[i]);
}

/** Whether the document has a table of this name. */
export function hasTable(text: string, table: readonly string[]): boolean {
  return [...linesOf(text)].some((line) => line.header && same(line.table, table));
}

/** Where the text of a key's value begins and ends; undefined if the table does not have the key. */
function findValue(text: string, table: readonly string[], key: string): [number, number] | undefined {
  for (const line of linesOf(text)) {
    if (line.header || !same(line.table, table)) continue;
    const [, before, name] = /^(\s*([A-Za-z0-9_-]+)\s*=\s*)/.exec(line.text) ?? [];
    if (name !== key) continue;
    const start = line.start + before.length;
    return [start, endOfValue(text, start, line.end)];
  }
  return undefined;
}

/** An array may go on for many lines; any other value ends with its line, or with a comment. */
function endOfValue(text: string, start: number, lineEnd: number): number {
  const plain = /^(?:"(?:[^"\\]|\\.)*"|'[^']*'|[^\s#,\]]+)/;
  if (text[start] !== "[") return start + (plain.exec(text.slice(start, lineEnd))?.[0].length ?? 0);
  const array = /^\[(?:"(?:[^"\\]|\\.)*"|'[^']*'|#[^\n]*|[^\]"'#])*\]/.exec(text.slice(start));
  return array ? start + array[0].length : lineEnd;
}

/** The text of a key's value; undefined if the table does not have the key. */
export function readKey(text: string, table: readonly string[], key: string): string | undefined {
  const place = findValue(text, table, key);
  return place === undefined ? undefined : text.slice(...place);
}

/** The strings of an array. */
export function stringsOf(array: string): string[] {
  return [...array.matchAll(/#[^\n]*|"((?:[^"\\]|\\.)*)"|'([^']*)'/g)]
    .map(([, double, single]) => double ?? single).filter((text) => text !== undefined);
}

/**
 * Sets a key of a table that is there; the top of the document is an empty name.
 *
 * @param value As it stands in the text.
 */
export function setKey(text: string, table: readonly string[], key: string, value: string): string {
  const place = findValue(text, table, key);
  if (place) return text.slice(0, place[0]) + value + text.slice(place[1]);
  if (table.length === 0) return insertAtTop(text, `${key} = ${value}`);
  const header = [...linesOf(text)].find((line) => line.header && same(line.table, table))!;
  const indent = /^\s*/.exec(header.text)![0];
  return `${text.slice(0, header.end)}\n${indent}  ${key} = ${value}${text.slice(header.end)}`;
}

/** Behind the key `version`, or else at the beginning. */
function insertAtTop(text: string, line: string): string {
  const version = findValue(text, [], "version");
  if (version === undefined) return `${line}\n${text}`;
  const end = text.indexOf("\n", version[1]), at = end < 0 ? text.length : end;
  return `${text.slice(0, at)}\n${line}${text.slice(at)}`;
}

/** Adds a string to the array of a top-level key, which is made if it is missing. */
export function addToArray(text: string, key: string, item: string): string {
  const place = findValue(text, [], key), quoted = JSON.stringify(item);
  if (place === undefined) return setKey(text, [], key, `[${quoted}]`);
  const array = text.slice(...place), items = stringsOf(array);
  if (items.includes(item)) return text;
  const body = array.slice(0, -1).trimEnd(), tail = array.slice(body.length, -1);
  const comma = items.length === 0 || body.endsWith(",") ? "" : ",";
  const space = tail.includes("\n") ? `\n${/\n([ \t]*)\S[^\n]*$/.exec(body)?.[1] ?? "  "}` : comma && " ";
  return `${text.slice(0, place[0])}${body}${comma}${space}${quoted}${tail}]${text.slice(place[1])}`;
}

const BEGIN = (name: string) => `# tsrun configure: ${name} begins`;
const END = (name: string) => `# tsrun configure: ${name} ends`;

/** The document without the block of a name, and the block's text; "" if there is none. */
export function splitBlock(text: string, name: string): { rest: string; block: string } {
  const start = text.indexOf(BEGIN(name)), end = text.indexOf(END(name));
  if (start < 0 || end < start) return { rest: text, block: "" };
  const after = end + END(name).length;
  const newline = text[after] === "\n" ? 1 : 0;
  const rest = text.slice(0, start).replace(/\n\n$/, "\n") + text.slice(after + newline);
  return { rest, block: text.slice(start, after) };
}

/** Puts the block of a name at the end of a document. */
export function appendBlock(text: string, name: string, body: string): string {
  const before = text === "" ? "" : text.replace(/\n?$/, "\n\n");
  return `${before}${BEGIN(name)}\n${body}${END(name)}\n`;
}
