/**
 * The order of measuring. In every round each runtime has every turn once, one directly after the other, so
 * that other work of the machine costs all of them the same.
 */
import { CommandError, SampleBook, type Stage, type Subject, subjectsOf, type UnitName } from "./cases.ts";
import { balancedOrders } from "./samples.ts";

/** How often and how densely to measure. */
export interface Pace {
  /** Rounds that count. */
  runs: number;
  /** Rounds before them that do not: files come into the page cache, runtimes fill their own caches. */
  warmup: number;
  /**
   * Milliseconds of rest after each turn. The kernel takes network and IPC namespaces down after the last
   * process has gone; without a rest the next turn would pay for it.
   */
  pause: number;
  /** Called after each round with its number, from 1 to `runs`. */
  progress?: (round: number) => void;
}

/** What the rounds yielded. */
export interface Measured {
  book: SampleBook;
  /** One line per failed turn. */
  failures: string[];
}

/** A subject that failed this often gets no more turns: it does not work on this machine. */
const MOST_FAILURES = 3;

/**
 * Lets `milliseconds` pass, and pending signals reach their listeners. Throws what `signal` was aborted with.
 */
export async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  signal.throwIfAborted();
}

/** The subject of a turn: a runtime, or the floor. */
type Turn = { name: string; take(book: SampleBook): void };

/** The turns of one unit with one configuration, the floor among them. */
function turnsOf(stage: Stage, subjects: Subject[], unit: UnitName): Turn[] {
  const turns: Turn[] = subjects.map((subject) => ({
    name: subject.runtime.name,
    take: (book) => subject[unit](book),
  }));
  return [...turns, { name: "floor", take: (book) => takeFloor(stage, book) }];
}

function takeFloor(stage: Stage, book: SampleBook): void {
  const end = stage.spawner.run(stage.floor.argv);
  if (end.code !== 0) throw new Error(`the empty Deno program (${stage.floor.how}) exits with ${end.code}`);
  book.add(SampleBook.key("floor"), end);
}

/** Measures all of the stage's units. */
export async function measureRounds(stage: Stage, pace: Pace, signal: AbortSignal): Promise<Measured> {
  const subjects = subjectsOf(stage);
  const failures: string[] = [];
  let book = new SampleBook();
  let alive = subjects;
  for (let round = -pace.warmup; round < pace.runs; round++) {
    if (round === 0) book = new SampleBook();
    for (const config of stage.configs) {
      for (const unit of stage.units) {
        const turns = turnsOf(stage, alive.filter((subject) => subject.config === config), unit);
        const orders = balancedOrders(turns.length);
        for (const place of orders[(round + pace.warmup) % orders.length]) {
          const failed = takeTurn(turns[place], book);
          if (failed !== undefined) {
            failures.push(`${config}: ${failed}`);
            const lost = alive.find((one) => one.config === config && one.runtime.name === turns[place].name);
            lost?.discard();
            if (lost && ++lost.failures >= MOST_FAILURES) alive = alive.filter((one) => one !== lost);
          }
          await rest(pace.pause, signal);
        }
      }
    }
    if (round >= 0) pace.progress?.(round + 1);
  }
  return { book, failures };
}

/** Takes one turn. The failure of a runtime's command is returned; any other error is thrown. */
function takeTurn(turn: Turn, book: SampleBook): string | undefined {
  try {
    turn.take(book);
    return undefined;
  } catch (error) {
    if (error instanceof CommandError) return error.message;
    throw error;
  }
}
