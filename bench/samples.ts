/**
 * Statistics for small sets of timings on a machine that is not quiet.
 *
 * Timings of processes have a long right tail (another process had the core), so nothing here uses
 * a mean or a standard deviation: medians, quantiles and resampling only.
 */

/** What is reported of one set of samples; every figure has the unit of the samples. */
export interface Summary {
  /** Number of samples. */
  n: number;
  min: number;
  p10: number;
  median: number;
  p90: number;
  max: number;
  /** Median absolute deviation from the median, unscaled. */
  mad: number;
}

/** A figure with the interval that holds it in 95 of 100 resamplings. */
export interface Estimate {
  value: number;
  low: number;
  high: number;
}

/**
 * The `q` quantile (0 to 1) by linear interpolation between the two nearest order statistics
 * (Hyndman and Fan's definition 7). Throws a RangeError for an empty set.
 */
export function quantile(samples: readonly number[], q: number): number {
  if (samples.length === 0) throw new RangeError("cannot take a quantile of no samples");
  if (!(q >= 0 && q <= 1)) throw new RangeError(`cannot take quantile ${q}: it is not between 0 and 1`);
  const sorted = Float64Array.from(samples).sort();
  const position = (sorted.length - 1) * q;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

/** The middle of the samples: half of them are not above it. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Median absolute deviation from the median: a spread that single outliers cannot move. */
export function medianAbsoluteDeviation(samples: readonly number[]): number {
  const middle = median(samples);
  return median(samples.map((sample) => Math.abs(sample - middle)));
}

/** All figures reported of one set of samples. */
export function summarize(samples: readonly number[]): Summary {
  return {
    n: samples.length,
    min: quantile(samples, 0),
    p10: quantile(samples, 0.1),
    median: median(samples),
    p90: quantile(samples, 0.9),
    max: quantile(samples, 1),
    mad: medianAbsoluteDeviation(samples),
  };
}

/**
 * A seeded generator of numbers in [0, 1) (mulberry32), so that a report computed twice from the same
 * samples says the same. Not for secrets.
 */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/**
 * Percentile bootstrap (95 %) of a figure of independent sets: each is resampled with replacement, and
 * `figure` is taken of each group of resamples.
 */
export function bootstrap(
  sets: readonly (readonly number[])[],
  figure: (...sets: (readonly number[])[]) => number,
  resamples = 2000,
): Estimate {
  const random = seededRandom(1);
  const again = (from: readonly number[]) => from.map(() => from[Math.floor(random() * from.length)]);
  const figures = Array.from({ length: resamples }, () => figure(...sets.map(again)));
  return { value: figure(...sets), low: quantile(figures, 0.025), high: quantile(figures, 0.975) };
}

/** Ratio of the medians, `a` over `b`. */
export function ratio(a: readonly number[], b: readonly number[]): Estimate {
  return bootstrap([a, b], (left, right) => median(left) / median(right));
}

/** Difference of the medians, `a` minus `times` times `b`. */
export function difference(a: readonly number[], b: readonly number[], times = 1): Estimate {
  return bootstrap([a, b], (left, right) => median(left) - times * median(right));
}

/**
 * The orders in which `count` subjects take their turns, one array per round: a Williams design. Over one
 * full set of rounds every subject takes every place and follows every other equally often, so that
 * what one leaves behind for the next (the kernel takes namespaces down after the process has gone)
 * falls on all alike. Even counts need `count` rounds, odd ones twice as many.
 */
export function balancedOrders(count: number): number[][] {
  const first: number[] = [];
  for (let step = 0, low = 0, high = count - 1; step < count; step++) {
    first.push(step % 2 === 1 ? high-- : low++);
  }
  const orders = first.map((_, shift) => first.map((subject) => (subject + shift) % count));
  return count % 2 === 0 ? orders : [...orders, ...orders.map((order) => order.toReversed())];
}
