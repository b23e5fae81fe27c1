import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { balancedOrders, difference, median, quantile, ratio, seededRandom, summarize } from "./samples.ts";

Deno.test("median of odd, even and single sets", () => {
  assertEquals(median([3, 1, 2]), 2);
  assertEquals(median([4, 1, 2, 3]), 2.5);
  assertEquals(median([7]), 7);
});

Deno.test("median sorts by value, not by text", () => assertEquals(median([10, 9, 100]), 10));

Deno.test("quantile interpolates between order statistics", () => {
  assertAlmostEquals(quantile([1, 2, 3, 4, 5], 0.1), 1.4);
  assertAlmostEquals(quantile([1, 2, 3, 4, 5], 0.9), 4.6);
  assertThrows(() => quantile([], 0.5), RangeError);
  assertThrows(() => quantile([1], 1.5), RangeError);
});

Deno.test("summarize: one outlier moves neither the median nor the deviation", () => {
  const quiet = summarize([10, 11, 12, 13, 14]);
  const noisy = summarize([10, 11, 12, 13, 9999]);
  assertEquals([quiet.n, quiet.min, quiet.median, quiet.max, quiet.mad], [5, 10, 12, 14, 1]);
  assertEquals([noisy.median, noisy.mad], [quiet.median, quiet.mad]);
});

Deno.test("ratio and difference hold the true figure within their interval", () => {
  const random = seededRandom(7);
  const around = (middle: number) => Array.from({ length: 60 }, () => middle + (random() - 0.5) * 4);
  const [a, b] = [around(20), around(40)];
  const half = ratio(a, b);
  assert(half.low < 0.5 && 0.5 < half.high, `${half.low}..${half.high}`);
  assert(half.high - half.low < 0.1);
  const gap = difference(b, a, 2);
  assert(gap.low <= gap.value && gap.value <= gap.high);
  assertAlmostEquals(gap.value, median(b) - 2 * median(a));
});

Deno.test("the same samples give the same interval", () => {
  assertEquals(ratio([1, 2, 3, 4], [2, 3, 4, 5]), ratio([1, 2, 3, 4], [2, 3, 4, 5]));
});

Deno.test("balancedOrders: every place and every predecessor equally often", () => {
  for (const count of [1, 2, 3, 4, 5, 6]) {
    const orders = balancedOrders(count);
    const places = new Map<string, number>();
    const pairs = new Map<string, number>();
    const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
    for (const order of orders) {
      assertEquals(order.toSorted(), Array.from({ length: count }, (_, i) => i));
      order.forEach((subject, place) => {
        add(places, `${subject}@${place}`);
        if (place > 0) add(pairs, `${order[place - 1]}>${subject}`);
      });
    }
    assertEquals(places.size, count * count);
    assertEquals(pairs.size, count * (count - 1));
    assertEquals(new Set(places.values()).size, 1);
    assert(new Set(pairs.values()).size <= 1);
  }
});
