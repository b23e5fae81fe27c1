/**
 * Two commands on one id: the first is stopped before one of its calls, the others run meanwhile.
 * @module
 */
import { exists, readText } from "../lib/process.ts";
import { complaint, type Ended, LIMIT, Place } from "./place.ts";
import { spawn } from "./ptrace.ts";
import { EVERY } from "./sweep.ts";
import { type Made, trace } from "./tracer.ts";

/** A command and its rivals. */
export interface Race {
  name: string;
  /** Makes what the first command works on. */
  prepare?: (place: Place) => void;
  first: (place: Place) => string[];
  /** One after the other, on the same id. */
  rivals: (place: Place) => string[][];
  /** What has to be true at the end, by how the commands ended; a line for each thing that is not. */
  judge: (place: Place, first: Ended, rivals: readonly Ended[]) => string[];
}

/** What a race came to. */
export interface Raced {
  points: number;
  faults: string[];
}

/**
 * Milliseconds that the first command stands still: more than unhindered rivals take, where it matters
 * most.
 */
const PAUSE = 200, LONG_PAUSE = 1500;
/** Calls by which a container changes hands: all of them are tried, whatever the others. */
const HANDS: ReadonlySet<string> = new Set(["mknodat", "unlinkat"]);
const SLEEP = { process: { args: ["/bin/sleep", "1000"] } };

function waitUntil(done: () => boolean, milliseconds: number): boolean {
  const end = performance.now() + milliseconds;
  while (!done()) {
    if (performance.now() > end) return false;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
  return true;
}

/** Commands that run by themselves; what became of them is asked for at the end. */
class Rivals {
  readonly #base: string;

  constructor(readonly place: Place, readonly commands: readonly string[][]) {
    this.#base = `${place.dir}/${place.id}.rival`;
  }

  /** @param pause Longest wait for their end, in milliseconds. */
  start(pause: number): void {
    const quote = (word: string) => `'${word}'`;
    const lines = this.commands.map((command, i) => {
      const words = this.place.argv(...command).map(quote).join(" ");
      return `${words} </dev/null >${this.#base}${i}.out 2>${this.#base}${i}.err; echo $? >${this.#base}${i}.code`;
    });
    spawn(["/bin/sh", "-c", `${lines.join("\n")}\n: >${this.#base}.done`]);
    waitUntil(() => this.#over(), pause);
  }

  #over(): boolean {
    return exists(`${this.#base}.done`);
  }

  ends(): Ended[] {
    if (!waitUntil(() => this.#over(), LIMIT * 1000)) throw new Error("the rivals do not end");
    return this.commands.map((_, i) => {
      const [code, stdout, stderr] = ["code", "out", "err"].map((kind) =>
        readText(`${this.#base}${i}.${kind}`)
      );
      return { code: Number(code), stdout, stderr };
    });
  }
}

/**
 * The calls that are tried: each while the directory may be there and is not locked, and some of the
 * others.
 */
function pointsOf(calls: readonly Made[]): { index: number; pause: number }[] {
  const own = calls.filter(({ role }) => role === "tsrun");
  const lock = own.find(({ name }) => name === "flock")?.index ?? -1;
  const made = own.find(({ name, index }) => name === "mkdir" && index < lock)?.index ?? lock;
  return own.flatMap(({ name, index }) => {
    if (index >= made && index <= lock) return [{ index, pause: LONG_PAUSE }];
    const tried = HANDS.has(name) || index % EVERY === EVERY >> 1;
    return tried ? [{ index, pause: PAUSE }] : [];
  });
}

/** Runs the first command once for each of its calls that is tried. */
export async function race(run: Race): Promise<Raced> {
  const place = new Place(SLEEP), raced: Raced = { points: 0, faults: [] };
  try {
    place.next();
    run.prepare?.(place);
    const argv = place.argv(...run.first(place));
    const { calls } = trace({ argv, ...place.files("command"), limit: LIMIT });
    await remove(place);
    for (const { index, pause } of pointsOf(calls)) {
      raced.points++;
      raced.faults.push(...await tryAt(place, run, index, pause));
    }
    return raced;
  } finally {
    place.remove();
  }
}

/** @returns What is wrong, a line each. */
async function tryAt(place: Place, run: Race, index: number, pause: number): Promise<string[]> {
  place.next();
  run.prepare?.(place);
  const rivals = new Rivals(place, run.rivals(place)), files = place.files("command");
  const act = () => rivals.start(pause);
  const argv = place.argv(...run.first(place));
  const { code, hung, met } = trace({
    argv,
    ...files,
    fault: { role: "tsrun", index, act },
    limit: 2 * LIMIT,
  });
  const faults: string[] = [];
  if (met !== undefined) {
    const first = { code, stdout: readText(files.stdout), stderr: readText(files.stderr) };
    const ends = rivals.ends();
    if (hung) faults.push("does not end");
    for (const ended of [first, ...ends]) {
      const wrong = complaint(ended);
      if (wrong !== undefined) faults.push(`${wrong}: ${JSON.stringify(ended.stderr)}`);
    }
    faults.push(...run.judge(place, first, ends));
  }
  faults.push(...await remove(place));
  return faults.map((text) => `${run.name}: stopped at call ${index}, ${met}: ${text}`);
}

async function remove(place: Place): Promise<string[]> {
  const faults: string[] = [];
  const { code, stderr } = place.plain("delete", "delete", "--force", place.id);
  if (code !== 0 || stderr !== "") faults.push(`delete --force: exit status ${code}: ${stderr}`);
  const left = await place.left();
  if (left.length > 0) {
    faults.push(`leaves ${left.join(", ")}`);
    await place.sweepUp();
  }
  place.forget();
  return faults;
}
