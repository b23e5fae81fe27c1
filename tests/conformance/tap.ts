/**
 * Reads the Test Anything Protocol, as the programs of the OCI runtime-tools, bats and crun's tests write it.
 * @module
 */

/** How one case ended. */
export type Ending = "pass" | "fail" | "skip";

/** One case of a program. */
export interface Case {
  /** What the program calls it; a further case of the same name has its number after it. */
  name: string;
  ending: Ending;
  /** Why it was skipped, or the comments that follow its line, without their marks. */
  said: string;
}

/** What a program's output holds. */
export interface Tap {
  cases: Case[];
  /** Cases that the plan promises; undefined where there is no plan. */
  planned: number | undefined;
  /** The reason for which the program gave up, or left all cases out. */
  stopped?: { ending: Ending; reason: string };
}

const PLAN = /^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?$/i;
const CASE = /^(not )?ok\b\s*\d*\s*(?:- )?(.*)$/;
const DIRECTIVE = /(?:^|\s+)# *(skip|todo)\S*\s*(.*)$/i;
/** How long a case took, as crun's tests say it behind the name. */
const DURATION = /\s*# [\d.]+ ?m?s\s*$/;
/** What differs from run to run: names made by mktemp(3) and its like, identifiers, numbers of processes. */
const CHANGING = /[0-9a-f]{8}-[0-9a-f-]{27}|\/tmp\/\S*|\b\d{5,}\b/g;

/** Reads the whole output of a program. Lines that are no TAP are passed over. */
export function parseTap(text: string): Tap {
  const tap: Tap = { cases: [], planned: undefined };
  const times = new Map<string, number>();
  for (const line of text.split("\n")) {
    const plan = PLAN.exec(line), result = CASE.exec(line), bail = /^Bail out!\s*(.*)$/.exec(line);
    if (plan) {
      tap.planned = Number(plan[1]);
      if (plan[2] !== undefined) tap.stopped = { ending: "skip", reason: plan[2] };
    } else if (bail) tap.stopped = { ending: "fail", reason: `gave up: ${bail[1]}` };
    else if (result) tap.cases.push(readCase(result[1] !== undefined, result[2], times));
    else if (line.startsWith("#") && tap.cases.length > 0) {
      const last = tap.cases[tap.cases.length - 1];
      last.said += `${last.said && "\n"}${line.replace(/^# ?/, "")}`;
    }
  }
  return tap;
}

/** A case from the description of its line. @param times How often each name has come. */
function readCase(failed: boolean, text: string, times: Map<string, number>): Case {
  const [directive, word, reason] = DIRECTIVE.exec(text) ?? [""];
  const words = text.slice(0, text.length - directive.length).replace(DURATION, "");
  const plain = words.replace(CHANGING, "…").trim() || "no name";
  const time = (times.get(plain) ?? 0) + 1;
  times.set(plain, time);
  return {
    name: time === 1 ? plain : `${plain} (${time})`,
    // A case that is known to fail is no failure, and no success.
    ending: word !== undefined ? "skip" : failed ? "fail" : "pass",
    said: reason ?? "",
  };
}

/** How a program ended. */
export interface Ended {
  stdout: string;
  stderr: string;
  /** Exit status; undefined when it was ended at its time limit. */
  status: number | undefined;
}

/** Name of the case that stands for a program as a whole. */
export const WHOLE = "the program itself";

/**
 * All cases of a program. What no case of its own tells becomes one more: a time limit, a plan that was not
 * kept, or an exit status without a failed case.
 *
 * @param limit The time limit in seconds, for the message.
 */
export function casesOf({ stdout, stderr, status }: Ended, limit: number): Case[] {
  const { cases, planned, stopped } = parseTap(stdout);
  const whole = (ending: Ending, said: string) => [...cases, { name: WHOLE, ending, said }];
  const trouble = `${status === undefined ? "" : `exit status ${status}`}\n${stderr}`.trim();
  if (status === undefined) return whole("fail", `ended after ${limit} s\n${stderr}`.trim());
  if (stopped) return whole(stopped.ending, stopped.reason);
  // Some programs announce no case whatever they do, and some have none where all is well.
  if (planned === 0 && cases.length === 0 && status === 0) return whole("pass", "");
  if (planned && planned !== cases.length) {
    return whole("fail", `${planned} cases were planned, ${cases.length} came; ${trouble}`);
  }
  const failed = cases.some(({ ending }) => ending === "fail");
  if (status !== 0 && !failed) return whole("fail", trouble);
  if (cases.length === 0) return whole("fail", `no case came; ${trouble}`);
  return cases;
}
