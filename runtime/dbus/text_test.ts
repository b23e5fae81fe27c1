import { assertEquals, assertThrows } from "@std/assert";
import { parseVariant } from "./text.ts";
import type { Value } from "./value.ts";

Deno.test("values written as text", () => {
  const cases: [string, string, Value][] = [
    ["true", "b", true],
    [" false ", "b", false],
    ["12", "i", 12],
    ["-3", "i", -3],
    ["0x10", "i", 16],
    ["010", "i", 8],
    ["1.5", "d", 1.5],
    ["2e3", "d", 2000],
    ["uint64 18446744073709551615", "t", 2n ** 64n - 1n],
    ["int64 -5", "x", -5n],
    ["byte 255", "y", 255],
    ["uint16 7", "q", 7],
    ["double 3", "d", 3],
    ["boolean true", "b", true],
    ["'inactive-or-failed'", "s", "inactive-or-failed"],
    [`"it's"`, "s", "it's"],
    [`'a\\'b\\n\\u00e4\\\\'`, "s", "a'b\nä\\"],
    ["objectpath '/a'", "o", "/a"],
    ["b'ab'", "ay", new Uint8Array([97, 98, 0])],
    ["[1, 2]", "ai", [1, 2]],
    ["['a.target', 'b.target']", "as", ["a.target", "b.target"]],
    ["@as []", "as", []],
    ["@au [1, 2]", "au", [1, 2]],
    ["[uint32 1, 2]", "au", [1, 2]],
    ["[byte 1, 2]", "ay", new Uint8Array([1, 2])],
    ["[[1], [2, 3]]", "aai", [[1], [2, 3]]],
    ["<uint32 5>", "v", { signature: "u", value: 5 }],
  ];
  for (const [text, signature, value] of cases) assertEquals(parseVariant(text), { signature, value }, text);
});

Deno.test("texts that are no values", () => {
  const cases: [string, string][] = [
    ["", "unexpected end"],
    ["inactive", 'unexpected "inactive"'],
    ["1 2", 'unexpected "2"'],
    ["'open", "unterminated string"],
    ["'open\\", "unterminated string"],
    ["[1, 2", "unexpected end"],
    ["[1 2]", 'unexpected "2]"'],
    ["[1, 'a']", "is not of type"],
    ["[]", "an empty array needs a type"],
    ["2147483648", 'is not of type "i"'],
    ["byte 256", 'is not of type "y"'],
    ["uint32 -1", 'is not of type "u"'],
    ["uint64 1.5", 'is not of type "t"'],
    ["uint64 'a'", 'is not of type "t"'],
    ["uint64 true", 'is not of type "t"'],
    ["uint64 byte 1", 'is not of type "t"'],
    ["@z 1", "invalid D-Bus signature"],
    ["12abc", "bad number"],
    ["089", "bad number"],
    ["'\\uzzzz'", "bad unicode escape"],
    ["('a', 1)", "unexpected"],
    ["{'a': 1}", "unexpected"],
    ["constructor 1", "unexpected"],
  ];
  for (const [text, message] of cases) assertThrows(() => parseVariant(text), TypeError, message, text);
});
