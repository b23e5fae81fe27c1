/**
 * `./x soak [N]`: N containers and execs, 500 by default, with counts of what is there before and after.
 * @module
 */
import { soak, table } from "./soak.ts";

const USUAL = 500, DAY = 86_400;

const [text = String(USUAL), ...rest] = Deno.args;
if (!/^[1-9]\d*$/.test(text) || rest.length > 0) {
  console.error("soak: give the number of containers, such as 500");
  Deno.exit(2);
}
if (Deno.uid() !== 0) {
  console.error("soak: needs root");
  Deno.exit(2);
}
const soaked = soak(Number(text), DAY);
console.log(
  `${soaked.lives} containers and execs in ${soaked.seconds.toFixed(0)} s; before, and after\n${
    table(soaked)
  }`,
);
for (const leak of soaked.leaks) console.log(`left behind: ${leak}`);
Deno.exit(soaked.leaks.length > 0 ? 1 : 0);
