import { assert, assertEquals, assertThrows } from "@std/assert";
import { parseConfig, parseJson } from "./parse.ts";
import { dockerConfig } from "./spec_testing.ts";

Deno.test("parseJson keeps 64-bit integers exact", () => {
  assertEquals(parseJson('{"a":18446744073709551615,"b":[-9223372036854775808],"c":9007199254740991}'), {
    a: 18446744073709551615n,
    b: [-9223372036854775808n],
    c: 9007199254740991,
  });
  assertEquals(parseJson('{"a":1e300,"b":1.5,"c":"18446744073709551615"}'), {
    a: 1e300,
    b: 1.5,
    c: "18446744073709551615",
  });
});

Deno.test("parseJson says so of a document that is nested too deep", () => {
  const depth = 1_000_000;
  const text = `${"[".repeat(depth)}1234567890123456789${"]".repeat(depth)}`;
  assertThrows(() => parseJson(text), SyntaxError, "nested too deep");
});

Deno.test("parseJson leaves out what is null", () => {
  assertEquals(parseJson('{"a":null,"b":{"c": null},"d":[null, 1],"e":"null"}'), {
    b: {},
    d: [null, 1],
    e: "null",
  });
  assertEquals(parseJson("null"), null);
  assertThrows(() => parseJson("{"), SyntaxError);
});

Deno.test("parseConfig reads null and large integers as parseJson does, and they stay plain", () => {
  const config = dockerConfig();
  config.process.rlimits[0].hard = 1;
  config.process.capabilities.inheritable = null;
  const text = JSON.stringify(config).replace('"hard":1,', '"hard":18446744073709551615,');
  const reading = parseConfig(text);
  assert(reading.plain);
  assertEquals(reading.config, parseJson(text));
});

Deno.test("parseConfig does not judge what is not plain", () => {
  const config = dockerConfig();
  config.linux.namespaces.push({ type: "user" });
  assertEquals(parseConfig(JSON.stringify(config)), { config, plain: false, warnings: [] });
  assertEquals(parseConfig("null"), { config: null, plain: false, warnings: [] });
  assertThrows(() => parseConfig(""), SyntaxError);
});
