/**
 * Sweeps: one command, run again and again, each time with a fault at another of its system calls.
 * @module
 */
import { strerror } from "../../ffi/errno.ts";
import { difference } from "./facts.ts";
import { complaint, type Ended, LIMIT, Place } from "./place.ts";
import type { Scenario } from "./scenarios.ts";
import { readText } from "../lib/process.ts";
import { type Fault, type Role, trace, type Traced } from "./tracer.ts";

/** What a fault is: SIGKILL, or the errno that a call fails with. */
export type Act = "kill" | number;

/**
 * Of every so many points one is tried; all of them with `./x test faults --all`, which sets the variable.
 */
export const EVERY: number = Number(Deno.env.get("TSRUN_FAULTS_EVERY") ?? "25");
/** Only these points, as `role:index`, are tried where the variable is set. */
const ONLY = Deno.env.get("TSRUN_FAULT_POINTS")?.split(",");
const SIGKILL = 9;
/**
 * Calls of an init from where it makes the arena its own, which closes it and reports, to where it waits for
 * the end of tsrun's part. From there on create looks at it no more.
 */
const CUT_OFF_CALLS = ["mmap", "close", "write"].length;

export const ERRNOS: Readonly<Record<string, number>> = {
  ENOMEM: 12,
  EIO: 5,
  ENOSPC: 28,
  EAGAIN: 11,
  EINTR: 4,
  EMFILE: 24,
};

/** Where and what. */
interface Point extends Fault {
  act: Act;
}

/** What a sweep came to. */
export interface Outcome {
  /** Calls that count, of each process. */
  calls: Record<string, number>;
  points: number;
  /** Points that met no call: the command was over before. */
  missed: number;
  /** Commands that went well in spite of the fault. */
  survived: number;
  /** What was wrong, and what was left behind: a line each. */
  faults: string[];
  leftovers: string[];
}

function nameOf(act: Act): string {
  if (act === "kill") return "SIGKILL";
  return Object.entries(ERRNOS).find(([, errno]) => errno === act)?.[0] ?? strerror(act);
}

/** Counts on from sweep to sweep, so that a short one has its point, too, now and then. */
let counter = 0;

/** Runs one sweep. */
export class Sweep {
  #place!: Place;
  readonly #outcome: Outcome = {
    calls: {},
    points: 0,
    missed: 0,
    survived: 0,
    faults: [],
    leftovers: [],
  };
  #expected: string[] = [];

  /** @param every Of every so many points one is tried. */
  constructor(readonly scenario: Scenario, readonly acts: readonly Act[], readonly every: number = EVERY) {}

  async run(): Promise<Outcome> {
    const { host, settings, user } = this.scenario;
    using on = await host?.();
    this.#place = new Place(settings, user, on?.cgroupOf);
    this.#place.within = on?.within ?? [];
    try {
      for (const point of await this.#points()) await this.#try(point);
      return this.#outcome;
    } finally {
      this.#place.remove();
    }
  }

  /** Runs the command once without a fault. @returns The points that are tried. */
  async #points(): Promise<Point[]> {
    const { traced, ended } = this.#command();
    if (traced.code !== 0) {
      await this.#end();
      throw new Error(`fails without a fault: ${ended.stderr}`);
    }
    this.#expected = this.scenario.facts(this.#place, ended);
    await this.#end();
    const calls = this.#outcome.calls;
    for (const { role } of traced.calls) calls[role] = (calls[role] ?? 0) + 1;
    const all = traced.calls.flatMap(({ role, index }) => this.acts.map((act) => ({ role, index, act })));
    if (ONLY !== undefined) return all.filter(({ role, index }) => ONLY.includes(`${role}:${index}`));
    return all.filter(() => counter++ % this.every === Math.floor(this.every / 2));
  }

  /** Makes a container and runs the command on it. */
  #command(fault?: Fault): { traced: Traced; ended: Ended } {
    const place = this.#place, { scenario } = this;
    place.next();
    scenario.prepare?.(place);
    const files = place.files("command");
    const init = scenario.opensGate ? JSON.parse(place.done("state", place.id)).pid as number : undefined;
    const argv = place.argv(...scenario.args(place));
    const traced = trace({ argv, runtime: place.runtime, ...files, fault, init, limit: LIMIT });
    const { code } = traced;
    return { traced, ended: { code, stdout: readText(files.stdout), stderr: readText(files.stderr) } };
  }

  async #try(point: Point): Promise<void> {
    const { traced, ended } = this.#command(point);
    this.#outcome.points++;
    if (traced.met === undefined) this.#outcome.missed++;
    const at = `${point.role} ${point.index}, ${nameOf(point.act)} at ${traced.met ?? "no call"}`;
    const fault = (text: string) =>
      this.#outcome.faults.push(
        `${this.scenario.name}: ${at}: ${text}; exit status ${ended.code}: ${JSON.stringify(ended.stderr)}`,
      );
    if (Deno.env.has("TSRUN_FAULTS_VERBOSE")) console.log(at, ended.code, ended.stderr.trim());
    const killed = point.act === "kill" && point.role === "tsrun" && traced.met !== undefined;
    if (traced.hung) fault(`still running after ${LIMIT} s`);
    else if (killed) this.#afterKill(ended, fault);
    else if (ended.code !== 0) await this.#afterFailure(ended, fault);
    else if (this.#isOutlived(point, traced)) this.#afterOutlived(ended, fault);
    else this.#afterSuccess(ended, fault);
    await this.#end(fault, at);
  }

  #afterKill({ code }: Ended, fault: (text: string) => void): void {
    if (code !== 128 + SIGKILL) fault("tsrun was not killed");
    const list = this.#place.plain("list", "list");
    if (list.code !== 0) fault(`list fails afterwards: ${list.stderr}`);
  }

  /** Does the command succeed before the call is made? */
  #isOutlived({ role }: Point, { before }: Traced): boolean {
    const cut = before.lastIndexOf("mmap");
    return this.scenario.leavesInit === true && role === "init" && cut >= 0 &&
      before.length - cut >= CUT_OFF_CALLS;
  }

  /** The container is as without a fault, or its init has ended. */
  #afterOutlived(ended: Ended, fault: (text: string) => void): void {
    const failed = this.scenario.failed?.(this.#place) ?? [];
    const said: string[] = [];
    if (this.#place.status() === "created") this.#afterSuccess(ended, (text) => said.push(text));
    else this.#outcome.survived++;
    // An init that was killed may have been about to end.
    if (said.length === 0 && failed.length === 0) return;
    const status = this.#place.status();
    if (status !== "stopped") said.forEach(fault);
    for (const text of failed) fault(`succeeds, but ${text}`);
  }

  #afterSuccess(ended: Ended, fault: (text: string) => void): void {
    this.#outcome.survived++;
    const wrong = complaint(ended);
    if (wrong !== undefined) fault(wrong);
    try {
      const other = difference(this.#expected, this.scenario.facts(this.#place, ended));
      if (other.length > 0) fault(`succeeds, but the container ${other.slice(0, 5).join("; ")}`);
    } catch (error) {
      fault(`succeeds, but ${error instanceof Error ? error.message : error}`);
    }
  }

  async #afterFailure(ended: Ended, fault: (text: string) => void): Promise<void> {
    const wrong = complaint(ended);
    if (wrong !== undefined) fault(wrong);
    for (const text of this.scenario.failed?.(this.#place) ?? []) fault(`fails, but ${text}`);
    if (!this.scenario.undoes) return;
    const left = await this.#place.left();
    if (left.length > 0) fault(`fails and leaves ${left.join(", ")}`);
  }

  /** Removes the container, and looks for what is there then. */
  async #end(fault?: (text: string) => void, at = "no fault"): Promise<void> {
    const place = this.#place;
    const state = place.plain("state", "state", place.id);
    const wrong = complaint(state);
    if (wrong !== undefined) fault?.(`state ${wrong}: ${state.stderr}`);
    const removal = place.plain("delete", "delete", "--force", place.id);
    if (removal.code !== 0 || removal.stderr !== "") {
      fault?.(`delete --force: exit status ${removal.code}: ${removal.stderr}`);
    }
    const left = await place.left();
    if (left.length > 0) {
      this.#outcome.leftovers.push(`${this.scenario.name}: ${at}: ${left.join(", ")}`);
      await place.sweepUp();
    }
    place.forget();
  }
}

/** The roles of a sweep with their calls, in words. */
export function callsOf(calls: Readonly<Partial<Record<Role, number>>>): string {
  return Object.entries(calls).map(([role, count]) => `${role} ${count}`).join(", ");
}
