/**
 * The difference of two texts in the form of diff -u, which patch(1) takes.
 * @module
 */

/** Lines around a change. */
const CONTEXT = 3;

/** Lines of a text, and whether its last one lacks a newline. */
function linesOf(text: string): { lines: string[]; open: boolean } {
  if (text === "") return { lines: [], open: false };
  const open = !text.endsWith("\n");
  return { lines: (open ? text : text.slice(0, -1)).split("\n"), open };
}

/**
 * The difference, in one hunk from the first line that differs to the last one; empty if there is none.
 *
 * @param before Undefined for a file that is made.
 * @param after Undefined for a file that is removed.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return "";
  const old = linesOf(before ?? ""), now = linesOf(after ?? "");
  const marked = [...lineUp(mark(old), mark(now))];
  const first = Math.max(0, marked.findIndex(([sign]) => sign !== " ") - CONTEXT);
  const last = marked.findLastIndex(([sign]) => sign !== " ") + CONTEXT + 1;
  const shown = marked.slice(first, last);
  const count = (lines: readonly string[], sign: string) => lines.filter((line) => line[0] !== sign).length;
  const range = (sign: string, whole: string | undefined) => {
    const length = count(shown, sign), skipped = count(marked.slice(0, first), sign);
    return `${whole === undefined || length === 0 ? skipped : skipped + 1},${length}`;
  };
  const name = (text: string | undefined) => text === undefined ? "/dev/null" : path;
  return `--- ${name(before)}\n+++ ${name(after)}\n@@ -${range("+", before)} +${range("-", after)} @@\n` +
    shown.map((line) => `${line}\n`).join("");
}

/** A last line without a newline is another one than the same line with it. */
function mark({ lines, open }: { lines: string[]; open: boolean }): string[] {
  return open ? [...lines.slice(0, -1), `${lines.at(-1)}\n\\ No newline at end of file`] : lines;
}

/** Each line behind its sign: a space, `-` or `+`. */
function* lineUp(old: readonly string[], now: readonly string[]): Generator<string> {
  let head = 0, tail = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head++;
  const most = Math.min(old.length, now.length) - head;
  while (tail < most && old[old.length - 1 - tail] === now[now.length - 1 - tail]) tail++;
  for (const line of old.slice(0, head)) yield ` ${line}`;
  yield* lineUpMiddle(old.slice(head, old.length - tail), now.slice(head, now.length - tail));
  for (const line of old.slice(old.length - tail)) yield ` ${line}`;
}

/** The longest common subsequence of two short lists of lines. */
function* lineUpMiddle(old: readonly string[], now: readonly string[]): Generator<string> {
  const length = old.map(() => new Uint32Array(now.length + 1));
  length.push(new Uint32Array(now.length + 1));
  for (let i = old.length - 1; i >= 0; i--) {
    for (let j = now.length - 1; j >= 0; j--) {
      length[i][j] = old[i] === now[j]
        ? length[i + 1][j + 1] + 1
        : Math.max(length[i + 1][j], length[i][j + 1]);
    }
  }
  let i = 0, j = 0;
  while (i < old.length || j < now.length) {
    if (i < old.length && j < now.length && old[i] === now[j]) {
      yield ` ${old[i++]}`;
      j++;
    } else if (i < old.length && (j === now.length || length[i + 1][j] >= length[i][j + 1])) {
      yield `-${old[i++]}`;
    } else yield `+${now[j++]}`;
  }
}
