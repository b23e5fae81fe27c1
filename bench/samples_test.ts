import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  balancedOrders,
  bootstrap,
  difference,
  median,
  quantile,
  ratio,
  seededRandom,
  summarize,
} from "./samples.ts";

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

Deno.test("bootstrap: about 95 of 100 intervals hold the true ratio", () => {
  const random = seededRandom(7);
  const around = (middle: number) => Array.from({ length: 40 }, () => middle + (random() - 0.5) * 4);
  let held = 0;
  for (let trial = 0; trial < 100; trial++) {
    const { low, high } = bootstrap([around(20), around(40)], (a, b) => median(a) / median(b), 300);
    assert(high - low < 0.15, `the interval ${low}..${high} says nothing`);
    if (low <= 0.5 && 0.5 <= high) held++;
  }
  assert(held >= 88 && held <= 100, `${held} of 100`);
});

Deno.test("ratio and difference: the figure is that of the medians, inside its interval", () => {
  const [a, b] = [[8, 9, 10, 11, 12], [18, 19, 20, 21, 30]];
  assertEquals(ratio(a, b).value, 0.5);
  const gap = difference(b, a, 2);
  assertEquals(gap.value, 0);
  assert(gap.low <= 0 && 0 <= gap.high && gap.low < gap.high);
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
