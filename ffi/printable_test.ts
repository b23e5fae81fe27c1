import { assert, assertEquals } from "@std/assert";
import { RuntimeError, TsrunError } from "./errors.ts";
import { printable, printableJson } from "./printable.ts";

Deno.test("printable: one line, and nothing that steers a terminal", () => {
  assertEquals(printable('time=… level=error msg="x" ü 日本'), 'time=… level=error msg="x" ü 日本');
  assertEquals(printable("a\r\n\tb\x00\x7f\x9b2J"), "a\\r\\n\\tb\\u0000\\u007f\\u009b2J");
  assertEquals(printable("a\u2028b\u202ec"), "a\\u2028b\\u202ec");
  for (let code = 0; code < 0xa0; code++) {
    const text = printable(String.fromCharCode(code));
    assert(/^[\x20-\x7e]+$/.test(text), `character ${code}`);
    assertEquals(printable(text), text);
  }
});

Deno.test("printable: what is not seen is shown", () => {
  const unseen =
    "\u00ad\u061c\u180e\u200b\u200d\u200f\u2060\u2064\u2066\u206f\ufeff\ufff9\u{e0001}\u{e0041}\u{e007f}";
  for (const one of unseen) {
    assert(/^a(?:\\u[0-9a-f]{4})+b$/.test(printable(`a${one}b`)), `character ${one.codePointAt(0)}`);
    assertEquals(JSON.parse(printableJson(JSON.stringify(one))), one);
  }
  // What is seen stays: an emoji, a flag, a Persian digit.
  assertEquals(printable("\u{1f600}\u{1f1e9}\u{1f1ea}\u06f1"), "\u{1f600}\u{1f1e9}\u{1f1ea}\u06f1");
});

Deno.test("printable: the message of every error, whatever it quotes", () => {
  const raw = "x\nforged\x1b[2J", shown = "x\\nforged\\u001b[2J";
  assertEquals(new RuntimeError("EINVAL_TEST", `a: ${raw}`).message, `a: ${shown}`);
  assertEquals(
    new TsrunError({ code: "EINVAL_TEST", operation: raw, object: raw, reason: raw }).message,
    `${shown} ${shown}: ${shown}`,
  );
  const { message } = new TsrunError({ code: "EINVAL_TEST", operation: "a", reason: "b", message: raw });
  assertEquals(message, shown);
});

Deno.test("printable: a JSON document keeps its lines and its values", () => {
  const value = { a: "x\n\u009b31m\u202e\u2028\u007f", b: ["\t"] },
    text = printableJson(JSON.stringify(value, null, 2));
  assertEquals(JSON.parse(text), value);
  assertEquals(/[\x7f-\x9f\u2028\u202e]/.test(text), false);
  assertEquals(text.split("\n").length, 6);
});
