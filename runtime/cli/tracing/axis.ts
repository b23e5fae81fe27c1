/**
 * The axis of a picture: times of many commands to pixels. Time in which no command ran is a short break.
 * @module
 */

import type { Trace } from "../../host/tracing/trace.ts";

/** Pixels of a break, and the time in nanoseconds from which on there is one. */
const BREAK = 46, LONGEST_GAP = 3e6;
/** Pixels between two marks of the time, at least. */
const TICK = 60;

/** Time in which commands ran without a long gap. */
interface Section {
  /** Nanoseconds of the epoch. */
  start: bigint;
  end: bigint;
  /** Pixels where it begins. */
  x: number;
}

function lengthOf({ spans }: Trace): number {
  return Math.max(0, ...spans.map(({ start, duration }) => start + (duration ?? 0)));
}

/** Times to pixels. */
export class Axis {
  readonly #sections: Section[] = [];
  /** Pixels of a nanosecond. */
  readonly #scale: number;

  /** @param traces In any order. @param width Pixels that there are. */
  constructor(traces: readonly Trace[], width: number) {
    const sorted = traces.toSorted((a, b) => Number(a.start - b.start));
    for (const trace of sorted) {
      const end = trace.start + BigInt(lengthOf(trace)), last = this.#sections.at(-1);
      if (last === undefined || Number(trace.start - last.end) > LONGEST_GAP) {
        this.#sections.push({ start: trace.start, end, x: 0 });
      } else if (end > last.end) last.end = end;
    }
    const busy = this.#sections.reduce((sum, { start, end }) => sum + Number(end - start), 0);
    this.#scale = (width - BREAK * (this.#sections.length - 1)) / Math.max(busy, 1);
    let x = 0;
    for (const section of this.#sections) {
      section.x = x;
      x += Number(section.end - section.start) * this.#scale + BREAK;
    }
  }

  /** The place of a time of a trace, in nanoseconds after the trace's start. */
  at(trace: Trace, time: number): number {
    const section = this.#sections.findLast(({ start }) => start <= trace.start) ?? this.#sections[0];
    return section.x + (Number(trace.start - section.start) + time) * this.#scale;
  }

  /** The pixels of a duration. */
  width(duration: number): number {
    return duration * this.#scale;
  }

  /** Marks at round milliseconds of each section. */
  ticks(): { x: number; label: string }[] {
    const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 60000, 600000];
    const step = steps.find((ms) => ms * 1e6 * this.#scale >= TICK) ?? 3_600_000;
    return this.#sections.flatMap(({ start, end, x }) => {
      const count = Math.floor(Number(end - start) / 1e6 / step) + 1;
      return Array.from({ length: count }, (_, i) => ({
        x: Math.round((x + i * step * 1e6 * this.#scale) * 10) / 10,
        label: `${Math.round(i * step * 10) / 10} ms`,
      }));
    });
  }

  /** The breaks, with how long each is. */
  gaps(): { x: number; width: number; label: string }[] {
    return this.#sections.slice(1).map(({ start, x }, i) => ({
      x: Math.round((x - BREAK) * 10) / 10,
      width: BREAK - 4,
      label: lengthText(Number(start - this.#sections[i].end) / 1e6),
    }));
  }
}

function lengthText(milliseconds: number): string {
  if (milliseconds < 1000) return `${milliseconds.toFixed(0)} ms`;
  return milliseconds < 60_000
    ? `${(milliseconds / 1000).toFixed(1)} s`
    : `${(milliseconds / 60_000).toFixed(0)} min`;
}
