/**
 * The manual pages: one of tsrun, and one of each command, from the table of commands and flags.
 * @module
 */
import type { Command } from "../../runtime/cli/command.ts";
import { flagFill, parseOperands, withHelp } from "../../runtime/cli/completion/operands.ts";
import type { Flag } from "../../runtime/cli/flags.ts";
import { bold, type Edition, entry, example, italic, page, roffParagraph, section } from "./roff.ts";
import { DESCRIPTION, ENVIRONMENT, EXAMPLES, EXIT_STATUS, FILES, OTHER_PAGES } from "./texts.ts";

/** What stands for a flag's value. */
function valueName(flag: Flag): string | undefined {
  const fill = flagFill(flag);
  if (fill === undefined) return undefined;
  if (typeof fill !== "string") return fill.map(bold).join("|");
  return italic(fill !== "text" ? fill : flag.kind === "int" ? "number" : "value");
}

/** A flag as it is typed: `--name=value, -n value`. */
function flagHead(flag: Flag): string {
  const value = valueName(flag);
  const long = bold(`--${flag.name}`) + (value === undefined ? "" : `=${value}`);
  if (flag.short === undefined) return long;
  return `${long}, ${bold(`-${flag.short}`)}${value === undefined ? "" : ` ${value}`}`;
}

function flagEntry(flag: Flag): string {
  const { usage, default: given, kind } = flag;
  const first = /^[a-z]+\b(?![=:])/.test(usage) ? usage[0].toUpperCase() + usage.slice(1) : usage;
  const again = kind === "strings" && !usage.includes("repeated") ? " May be repeated." : "";
  const without = given === undefined ? "" : ` Default: ${given}.`;
  return entry(flagHead(flag), `${first}.${again}${without}`);
}

/** Operands of a usage line in roff. */
function operandsOf(usage: string): string {
  return parseOperands(usage).map(({ name, fill, optional, repeated }) => {
    const word = typeof fill === "string" ? italic(name) : fill.map(bold).join("|");
    const whole = repeated ? `${word} ...` : word;
    return optional ? `[${whole}]` : whole;
  }).join(" ");
}

/** Name of a command's page. */
export function pageName(command: string): string {
  return `tsrun-${command}`;
}

/** References to pages, as `.BR name (section),`. */
function seeAlso(references: readonly (readonly [name: string, section: number])[]): string {
  return references.map(([name, number], i) =>
    `.BR ${name.replaceAll("-", "\\-")} (${number})${i < references.length - 1 ? "," : ""}`
  ).join("\n");
}

/** The page of a command. */
export function commandPage(command: Command, edition: Edition): string {
  const { name, usage, description, operands, flags } = command;
  const examples = EXAMPLES[name] ?? [];
  const status = EXIT_STATUS[name] ?? EXIT_STATUS[""];
  return page(pageName(name), edition, [
    section("NAME", `${pageName(name).replaceAll("-", "\\-")} \\- ${roffParagraph(usage)}`),
    section(
      "SYNOPSIS",
      `${bold("tsrun")} [${italic("global options")}] ${bold(name)} [${italic("options")}] ${
        operandsOf(operands)
      }`.trimEnd(),
    ),
    section("DESCRIPTION", description.split(/\n\s*\n/).map(roffParagraph).join("\n.PP\n")),
    section(
      "OPTIONS",
      "The options before the command are in\n.BR tsrun (8).",
      ...withHelp(flags).map(flagEntry),
    ),
    section("EXIT STATUS", roffParagraph(status)),
    ...examples.length === 0 ? [] : [section(
      "EXAMPLES",
      ...examples.flatMap(([text, lines]) => [
        ".PP",
        roffParagraph(text),
        example(lines),
      ]),
    )],
    section("SEE ALSO", seeAlso([["tsrun", 8], ...OTHER_PAGES[name] ?? []])),
  ]);
}

/** The page of the program. */
export function programPage(
  commands: readonly Command[],
  globals: readonly Flag[],
  edition: Edition,
): string {
  const rows = (table: readonly (readonly [string, string])[]) =>
    table.map(([head, text]) => entry(bold(head), text));
  return page("tsrun", edition, [
    section("NAME", "tsrun \\- run containers from OCI bundles"),
    section(
      "SYNOPSIS",
      `${bold("tsrun")} [${italic("global options")}] ${italic("command")} [${italic("options")}] [${
        italic("argument")
      } ...]`,
    ),
    section("DESCRIPTION", DESCRIPTION.map(roffParagraph).join("\n.PP\n")),
    section(
      "COMMANDS",
      ...commands.map(({ name, usage }) =>
        `.TP\n.BR ${pageName(name).replaceAll("-", "\\-")} (8)\n${roffParagraph(usage)}`
      ),
      entry(`${bold("tsrun help")} [${italic("command")}]`, "list the commands, or explain one"),
    ),
    section(
      "GLOBAL OPTIONS",
      "They stand before the command.\nOne dash does as two, and a value may follow as the next word.",
      ...withHelp(globals).map(flagEntry),
    ),
    section("EXIT STATUS", roffParagraph(EXIT_STATUS["tsrun"])),
    section("ENVIRONMENT", ...rows(ENVIRONMENT)),
    section("FILES", ...rows(FILES)),
    section(
      "EXAMPLES",
      ...EXAMPLES["tsrun"].flatMap(([text, lines]) => [".PP", roffParagraph(text), example(lines)]),
    ),
    section(
      "SEE ALSO",
      seeAlso([...commands.map(({ name }) => [pageName(name), 8] as const), ["namespaces", 7], [
        "cgroups",
        7,
      ]]),
    ),
  ]);
}

/** All pages, by the names of their files. */
export function manPages(
  commands: readonly Command[],
  globals: readonly Flag[],
  edition: Edition,
): Map<string, string> {
  return new Map([
    ["tsrun.8", programPage(commands, globals, edition)],
    ...commands.map((command): [string, string] => [
      `${pageName(command.name)}.8`,
      commandPage(command, edition),
    ]),
  ]);
}
