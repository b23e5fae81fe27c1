/**
 * Help texts in runc's layout.
 * @module
 */
import type { Command } from "./command.ts";
import type { Flag } from "./flags.ts";

/** Help of one command. */
export function commandHelp(command: Command): string {
  const options = command.flags.length > 0 ? " [command options]" : "";
  const operands = command.operands === "" ? "" : ` ${command.operands}`;
  return section("NAME", [`tsrun ${command.name} - ${command.usage}`]) + "\n" +
    section("USAGE", [`tsrun ${command.name}${options}${operands}`]) + "\n" +
    section("DESCRIPTION", command.description.split("\n")) + "\n" +
    section("OPTIONS", flagLines(command.flags));
}

/**
 * Help of tsrun itself.
 *
 * @param commands All commands, in the order they are to be listed.
 * @param flags The global ones.
 * @param version The text of `--version`.
 */
export function programHelp(commands: readonly Command[], flags: readonly Flag[], version: string): string {
  const help = { name: "help, h", usage: "list the commands, or explain one" };
  const names: [string, string][] = [...commands, help].map(({ name, usage }) => [name, usage]);
  return section("NAME", ["tsrun - run containers from OCI bundles"]) + "\n" +
    section("USAGE", ["tsrun [global options] command [command options] [arguments...]"]) + "\n" +
    section("DESCRIPTION", [
      "A container is made from a bundle: a directory with a config.json (`tsrun spec` writes a first one)",
      "and a root filesystem. `tsrun run -b <bundle> <container-id>` makes one, runs it and removes it; create,",
      "start and delete do the same in steps. The id is a name of your choice, unique under --root.",
    ]) + "\n" +
    section("VERSION", version.trimEnd().split("\n")) + "\n" +
    section("COMMANDS", columns(names)) + "\n" +
    section("GLOBAL OPTIONS", flagLines(flags));
}

function section(title: string, lines: readonly string[]): string {
  return `${title}:\n` + lines.map((line) => line === "" ? "\n" : `   ${line}\n`).join("");
}

function flagLines(flags: readonly Flag[]): string[] {
  const help: Flag = { name: "help", short: "h", kind: "bool", usage: "show help" };
  return columns([...flags, help].map((flag) => [flagNames(flag), flagUsage(flag)]));
}

function flagNames(flag: Flag): string {
  const value = flag.kind === "bool" ? "" : " value";
  return `--${flag.name}${value}` + (flag.short === undefined ? "" : `, -${flag.short}${value}`);
}

function flagUsage(flag: Flag): string {
  return flag.default === undefined ? flag.usage : `${flag.usage} (default: ${JSON.stringify(flag.default)})`;
}

function columns(rows: readonly [string, string][]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return rows.map(([left, right]) => left.padEnd(width) + right);
}
