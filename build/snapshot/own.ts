/**
 * What a compiled program runs to take its own snapshot: `--take-snapshot`. The build makes one text of it,
 * which is a part of the program.
 * @module
 */
import { keepSnapshotOfCompiled } from "./of_compiled.ts";

const said = await keepSnapshotOfCompiled(Deno.execPath());
console.log(`started engine: ${said}`);
Deno.exit(said.startsWith("none") ? 1 : 0);
