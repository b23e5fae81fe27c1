import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { annotatedProperties } from "./annotations.ts";

const P = "org.systemd.property.";

Deno.test("annotations become properties of the unit", () => {
  assertEquals(
    annotatedProperties({
      "org.example": "true",
      [`${P}CollectMode`]: "'inactive-or-failed'",
      [`${P}TimeoutStopUSec`]: "uint64 123456789",
      [`${P}TimeoutStopSec`]: "456",
      [`${P}RuntimeMaxSec`]: "1.5",
      [`${P}After`]: "['a.service']",
      // No unit of time: no small letter stands before it.
      [`${P}XSec`]: "1",
    }),
    [
      ["CollectMode", { signature: "s", value: "inactive-or-failed" }],
      ["TimeoutStopUSec", { signature: "t", value: 123456789n }],
      ["TimeoutStopUSec", { signature: "t", value: 456_000_000n }],
      ["RuntimeMaxUSec", { signature: "t", value: 1_500_000n }],
      ["After", { signature: "as", value: ["a.service"] }],
      ["XSec", { signature: "i", value: 1 }],
    ],
  );
});

Deno.test("wrong annotations are named", () => {
  const cases: [string, string, string][] = [
    ["Ab", "1", `annotation ${P}Ab name incorrect: too short`],
    ["Exec1", "1", `annotation ${P}Exec1 name incorrect: contains non-alphabetic character`],
    ["After", "a.service", `annotation ${P}After=a.service value parse error: unexpected "a.service"`],
    ["TimeoutStopSec", "'5'", `annotation ${P}TimeoutStopSec='5' value parse error: not a number`],
  ];
  for (const [name, value, message] of cases) {
    assertThrows(() => annotatedProperties({ [P + name]: value }), RuntimeError, message);
  }
});
