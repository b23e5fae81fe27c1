/** The table of commands and flags: what help, completion and man pages are made of is all there. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { allCommands, loadCommand } from "./commands.ts";
import { parseOperands, withHelp } from "./completion/operands.ts";
import type { Flag } from "./flags.ts";
import { GLOBAL_FLAGS } from "./globals.ts";

const COMMANDS = await allCommands();

/** A text in one line that says something. */
function assertLine(text: string, what: string): void {
  assertMatch(text, /^\S.{3,}[^\s.]$/, `${what}: one line of words without a full stop`);
}

function assertFlags(flags: readonly Flag[], what: string): void {
  for (const { name, short, kind, usage, values, default: given } of flags) {
    assertLine(usage, `${what} --${name}: usage`);
    assertMatch(name, /^[a-z][a-z0-9-]+$/, `${what} --${name}`);
    if (short !== undefined) assertMatch(short, /^[a-zA-Z]$/, `${what} --${name}`);
    assert(kind !== "bool" || values === undefined, `${what} --${name}: a switch has no values`);
    if (Array.isArray(values)) {
      assert(
        given === undefined || values.includes(given),
        `${what} --${name}: its default is no value of it`,
      );
    }
  }
  const names = withHelp(flags).flatMap(({ name, short }) => short === undefined ? [name] : [name, short]);
  assertEquals(names, [...new Set(names)], `${what}: a flag of each name`);
}

Deno.test("commands: each has its own name, a purpose and a description, and so has each flag", async () => {
  assertFlags(GLOBAL_FLAGS, "tsrun");
  for (const command of COMMANDS) {
    const { name, usage, description, flags } = command;
    assertEquals(await loadCommand(name), command);
    assertLine(usage, `${name}: usage`);
    assert(description.trim().length > usage.length / 2, `${name}: a description`);
    assertFlags(flags, name);
  }
});

Deno.test("commands: the operands in the usage line are as many as the command takes", () => {
  for (const { name, operands, minArgs, maxArgs } of COMMANDS) {
    const parsed = parseOperands(operands);
    for (const { name: operand } of parsed) assertMatch(operand, /^[a-z][a-z |-]*$/, `${name} ${operands}`);
    const least = parsed.filter(({ optional }) => !optional).length;
    const most = parsed.some(({ repeated }) => repeated) ? Infinity : parsed.length;
    // `exec` is given a program, or --process; ps takes options of another program.
    assert(minArgs <= least && least <= Math.max(minArgs, 2), `${name} ${operands}: at least ${minArgs}`);
    assert(most === maxArgs || maxArgs === Infinity, `${name} ${operands}: at most ${maxArgs}`);
  }
});

/** Commands of which runc has none, and which have something to print. */
const OWN = ["completion", "configure", "doctor", "explain", "mounts", "trace", "validate", "wait"];

Deno.test("commands: those that runc does not have print text or JSON, by one flag", () => {
  for (const { name, flags } of COMMANDS.filter(({ name }) => OWN.includes(name))) {
    const { usage, values, default: given } = flags.find(({ name }) => name === "format")!;
    assertEquals([usage, values, given], ["text or json", ["text", "json"], "text"], name);
  }
});
