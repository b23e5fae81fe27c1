import { assertEquals, assertThrows } from "@std/assert";
import { type Flag, parseBool, parseFlags, type ParseOptions, UsageError } from "./flags.ts";

const TABLE: readonly Flag[] = [
  { name: "bundle", short: "b", kind: "string", usage: "" },
  { name: "detach", short: "d", kind: "bool", usage: "" },
  { name: "preserve-fds", kind: "int", usage: "", default: 7 },
  { name: "env", short: "e", kind: "strings", usage: "" },
];

function parse(line: string, options?: ParseOptions) {
  const { flags, args, help } = parseFlags(TABLE, line.split(" ").filter((word) => word !== ""), options);
  return {
    bundle: flags.string("bundle"),
    detach: flags.bool("detach"),
    fds: flags.int("preserve-fds"),
    env: flags.strings("env"),
    args,
    help,
  };
}

const NONE = { bundle: "", detach: false, fds: 7, env: [], args: [], help: false };

Deno.test("flags: every way to write one", () => {
  for (const line of ["-bundle /b", "--bundle /b", "-bundle=/b", "--bundle=/b", "-b /b", "--b=/b"]) {
    assertEquals(parse(line), { ...NONE, bundle: "/b" }, line);
  }
  for (const line of ["-detach", "--detach", "-d", "--detach=true", "-d=1", "--d=T"]) {
    assertEquals(parse(line), { ...NONE, detach: true }, line);
  }
  assertEquals(parse("--detach --detach=false"), NONE);
});

Deno.test("flags: a value is the next word, whatever it looks like", () => {
  assertEquals(parse("--bundle --detach id"), { ...NONE, bundle: "--detach", args: ["id"] });
  assertEquals(parse("--preserve-fds -1"), { ...NONE, fds: -1 });
  assertEquals(parse("--bundle=a=b"), { ...NONE, bundle: "a=b" });
  assertEquals(parse("--bundle= id"), { ...NONE, args: ["id"] });
});

Deno.test("flags: allowed after operands", () => {
  assertEquals(parse("id --bundle /b -d"), { ...NONE, bundle: "/b", detach: true, args: ["id"] });
});

Deno.test("flags: unknown ones after an operand are operands, as many as there may be", () => {
  assertEquals(parse("id -9", { maxArgs: 2 }), { ...NONE, args: ["id", "-9"] });
  assertThrows(() => parse("-9 id", { maxArgs: 2 }), UsageError, "flag provided but not defined: -9");
  assertThrows(() => parse("id -9 -8", { maxArgs: 2 }), UsageError, "flag provided but not defined: -8");
  assertThrows(
    () => parse("id --bundel", { maxArgs: 1 }),
    UsageError,
    "flag provided but not defined: -bundel",
  );
});

Deno.test("flags: a command that stops at its first operand leaves the rest alone", () => {
  assertEquals(parse("-d id --bundle x -- y", { stopAtOperand: true }), {
    ...NONE,
    detach: true,
    args: ["id", "--bundle", "x", "--", "y"],
  });
});

Deno.test("flags: two dashes right behind the operand that a command stops at are left out, once", () => {
  const options = { stopAtOperand: true, dropDashes: true };
  assertEquals(parse("id -- -b x", options), { ...NONE, args: ["id", "-b", "x"] });
  assertEquals(parse("id -- -- x", options), { ...NONE, args: ["id", "--", "x"] });
  assertEquals(parse("id x -- y", options), { ...NONE, args: ["id", "x", "--", "y"] });
  assertEquals(parse("-- id -- x", options), { ...NONE, args: ["id", "--", "x"] });
});

Deno.test("flags: two dashes end them, one dash is an operand", () => {
  assertEquals(parse("-d -- -b id"), { ...NONE, detach: true, args: ["-b", "id"] });
  assertEquals(parse("- -d"), { ...NONE, detach: true, args: ["-"] });
});

Deno.test("flags: may be repeated; commas separate nothing, the last one counts", () => {
  assertEquals(parse("-e A=1,2 --env B=2 id -e C"), { ...NONE, env: ["A=1,2", "B=2", "C"], args: ["id"] });
  assertEquals(parse("-b 1 -b 2"), { ...NONE, bundle: "2" });
});

Deno.test("flags: numbers in Go's notation", () => {
  for (const [text, value] of [["3", 3], ["+3", 3], ["-3", -3], ["0x10", 16], ["0b11", 3], ["-0o17", -15]]) {
    assertEquals(parse(`--preserve-fds ${text}`).fds, value);
  }
});

Deno.test("flags: mistakes, in the words that clients match", () => {
  const cases = {
    "--bundle": "flag needs an argument: -bundle",
    "id -b": "flag needs an argument: -b",
    "--bogus=1": "flag provided but not defined: -bogus",
    "---d": "bad flag syntax: ---d",
    "-=d": "bad flag syntax: -=d",
    "-d=maybe": 'invalid boolean value "maybe" for -d: parse error',
    "--preserve-fds x": 'invalid value "x" for flag -preserve-fds: parse error',
    "--preserve-fds=1.5": 'invalid value "1.5" for flag -preserve-fds: parse error',
    "--preserve-fds=": 'invalid value "" for flag -preserve-fds: parse error',
    "--preserve-fds 99999999999999999":
      'invalid value "99999999999999999" for flag -preserve-fds: value out of range',
  };
  for (const [line, message] of Object.entries(cases)) {
    assertEquals(assertThrows(() => parse(line), UsageError).message, message);
  }
});

Deno.test("flags: help is understood everywhere", () => {
  assertEquals(parse("id --help").help, true);
  assertEquals(parse("-h").help, true);
  assertEquals(parse("--help=false").help, false);
  assertEquals(parse("id -h", { stopAtOperand: true }).help, false);
});

Deno.test("flags: asking for one that is not declared is a mistake of the program", () => {
  const { flags } = parseFlags(TABLE, []);
  assertThrows(() => flags.string("bundel"), TypeError);
  assertThrows(() => flags.bool("bundle"), TypeError);
  assertEquals(flags.has("bundle"), false);
});

Deno.test("flags: truth as Go reads it", () => {
  assertEquals(["1", "t", "T", "TRUE", "true", "True"].map(parseBool), Array(6).fill(true));
  assertEquals(["0", "f", "F", "FALSE", "false", "False"].map(parseBool), Array(6).fill(false));
  assertEquals(["yes", "", "tRUE"].map(parseBool), Array(3).fill(undefined));
});
