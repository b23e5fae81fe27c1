/** What is left of many lives of containers. */
import { skip } from "../lib/skip.ts";
import { say } from "./say.ts";
import { soak, table } from "./soak.ts";

const LIVES = 500;
/** Seconds that it may take in a run of all tests. */
const LONGEST = 90;
const NAME = `soak: ${LIVES} containers and execs leave nothing`;

if (Deno.uid() !== 0) skip(NAME, "needs root");
else {
  Deno.test(NAME, () => {
    const soaked = soak(LIVES, LONGEST);
    const { lives, seconds, leaks } = soaked;
    const why = lives < LIVES
      ? ` (not ${LIVES}: the machine is slow, or others work on it; the limit is ${LONGEST} s)`
      : "";
    say(
      `soak: ${lives} containers and execs${why} in ${seconds.toFixed(0)} s; before, and after\n${
        table(soaked)
      }`,
    );
    if (leaks.length > 0) throw new Error(leaks.join("\n"));
  });
}
