/**
 * Lists of CPUs or memory nodes: cpuset(7), section List format.
 *
 * @module
 */

/** Highest number that a list may name; the kernel knows at most 8192 CPUs and 1024 memory nodes. */
const HIGHEST = 8191;

/**
 * The numbers of a list such as `0-3,7`, in its order. An empty list has none.
 *
 * @throws Error saying what is wrong with the list.
 */
export function parseCpuList(text: string): Set<number> {
  const numbers = new Set<number>();
  for (const part of text.split(",")) {
    const item = part.trim();
    if (item === "") continue;
    const range = /^(\d+)(?:-(\d+))?$/.exec(item);
    if (!range) throw new Error(`${JSON.stringify(item)} is neither a number nor a range such as 0-3`);
    const first = Number(range[1]), last = Number(range[2] ?? range[1]);
    if (last < first) throw new Error(`range ${item} ends before it starts`);
    if (last > HIGHEST) throw new Error(`${last} is above the highest possible number, ${HIGHEST}`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}
