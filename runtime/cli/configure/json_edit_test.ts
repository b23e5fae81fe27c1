import { assertEquals, assertThrows } from "@std/assert";
import { type Json, JsonEditError, readValue, removeValue, setValue } from "./json_edit.ts";

const PATH = ["runtimes", "tsrun", "path"];

/** Sets tsrun's path, checks what the document means then, and that setting it again changes nothing. */
function set(text: string, path: readonly string[] = PATH, value: Json = "/t"): string {
  const after = setValue(text, path, value);
  assertEquals(readValue(after, path), value);
  assertEquals(setValue(after, path, value), after);
  return after;
}

Deno.test("setValue: an empty document, and an empty object", () => {
  const made = '{\n  "runtimes": {\n    "tsrun": {\n      "path": "/t"\n    }\n  }\n}';
  assertEquals([set(""), set(" \n")], [`${made}\n`, `${made}\n`]);
  assertEquals(set("{}"), made);
  assertEquals(set("{\n}\n"), `${made}\n`);
});

Deno.test("setValue: keeps order, indentation, spaces, and how lines end", () => {
  assertEquals(
    set('{\n\t"debug":true ,\n\n\t"hosts" : [ "a","}" ]\n}'),
    '{\n\t"debug":true ,\n\n\t"hosts" : [ "a","}" ],\n\t"runtimes": {\n\t\t"tsrun": {\n\t\t\t"path": "/t"\n\t\t}\n\t}\n}',
  );
  assertEquals(
    set('{\r\n    "debug": true\r\n}\r\n', ["a", "b"], 1),
    '{\r\n    "debug": true,\r\n    "a": {\r\n        "b": 1\r\n    }\r\n}\r\n',
  );
  assertEquals(set('{"debug":true}', ["a"], { b: 1 }), '{"debug":true, "a": {"b":1}}');
});

Deno.test("setValue: beside other runtimes, and in the place of an old value", () => {
  const before = '{\n  "runtimes": {\n    "kata": { "path": "/k" }\n  },\n  "debug": true\n}\n';
  const after =
    '{\n  "runtimes": {\n    "kata": { "path": "/k" },\n    "tsrun": {\n      "path": "/t"\n    }\n  },\n  "debug": true\n}\n';
  assertEquals(set(before), after);
  const old = '{ "runtimes": { "tsrun": { "runtimeArgs": ["--debug"], "path": "/old" } } }';
  assertEquals(set(old), '{ "runtimes": { "tsrun": { "runtimeArgs": ["--debug"], "path": "/t" } } }');
  assertEquals(set('{"a": {"x": 1}}', ["a"], "short"), '{"a": "short"}');
});

Deno.test("setValue: brackets and quotation marks in strings, names with escapes, a name given twice", () => {
  assertEquals(
    set('{"a": "}\\"{", "run\\u0074imes": {"x": "\\\\"}}', ["runtimes", "y"], 1),
    '{"a": "}\\"{", "run\\u0074imes": {"x": "\\\\", "y": 1}}',
  );
  assertEquals(set('{"a": 1, "a": 2}', ["a"], 3), '{"a": 1, "a": 3}');
  assertEquals(set('\uFEFF{"b": -1.5e3}', ["a"], null), '\uFEFF{"b": -1.5e3, "a": null}');
});

Deno.test("removeValue: what setValue has added goes, and all else stays", () => {
  for (
    const text of [
      '{\n  "debug": true\n}\n',
      '{\n\t"hosts": ["a"],\n\t"debug": true\n}',
      '{"debug":true}',
      '{\n  "runtimes": {\n    "kata": { "path": "/k" }\n  }\n}\n',
      '{"runtimes": {"kata": {}}, "x": [1, {"y": 2}]}',
    ]
  ) {
    assertEquals(removeValue(setValue(text, PATH, "/t"), PATH.slice(0, 2)), text);
    assertEquals(removeValue(text, PATH.slice(0, 2)), text);
  }
  assertEquals(removeValue('{"a": 1, "b": 2, "c": 3}', ["b"]), '{"a": 1, "c": 3}');
  assertEquals(removeValue('{\n  "a": 1,\n  "b": 2\n}', ["a"]), '{\n  "b": 2\n}');
  assertEquals(removeValue('{"runtimes": {"tsrun": {}}}', ["runtimes", "tsrun"]), "{}");
  assertEquals(removeValue('{"runtimes": 5}', ["runtimes", "tsrun"]), '{"runtimes": 5}');
  assertEquals(removeValue("", ["a"]), "");
});

Deno.test("setValue: what it refuses", () => {
  const refused = (text: string, words: string) =>
    assertThrows(() => setValue(text, PATH, "/t"), JsonEditError, words);
  refused("{", "not JSON: ");
  refused('{"a": 1,}', "not JSON: ");
  refused("[]", "must be a JSON object");
  refused("null", "must be a JSON object");
  refused('{"runtimes": []}', "runtimes: must be an object");
  refused('{"runtimes": {"tsrun": "x"}}', "runtimes.tsrun: must be an object");
});
