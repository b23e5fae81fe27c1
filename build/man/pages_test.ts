/** The manual pages have every command and flag of the table, and are what man(7) and mandoc(1) accept. */
import { assert, assertEquals } from "@std/assert";
import { allCommands } from "../../runtime/cli/commands.ts";
import { withHelp } from "../../runtime/cli/completion/operands.ts";
import { type Flag, parseFlags } from "../../runtime/cli/flags.ts";
import { GLOBAL_FLAGS } from "../../runtime/cli/globals.ts";
import { skip } from "../../tests/lib/skip.ts";
import { manPages } from "./pages.ts";
import { EXAMPLES, EXIT_STATUS, OTHER_PAGES } from "./texts.ts";

const COMMANDS = await allCommands();
const PAGES = manPages(COMMANDS, GLOBAL_FLAGS, { version: "1.2.3", date: "2026-01-02" });

/** Whether a program is there. */
function installed(program: string): boolean {
  try {
    return new Deno.Command("which", { args: [program], stdout: "null", stderr: "null" }).outputSync()
      .success;
  } catch {
    return false;
  }
}

/** Runs a program on the pages, as files of a directory. @returns What it wrote. */
function onPages(program: string, args: string[], names: readonly string[]): string {
  const dir = Deno.makeTempDirSync();
  try {
    for (const [name, text] of PAGES) Deno.writeTextFileSync(`${dir}/${name}`, text);
    const { stdout, stderr } = new Deno.Command(program, {
      args: [...args, ...names],
      cwd: dir,
      env: { MANWIDTH: "1000", LC_ALL: "C.UTF-8" },
    }).outputSync();
    const decoder = new TextDecoder();
    return decoder.decode(stdout) + decoder.decode(stderr);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** A page without the marks of roff, as a reader sees its words. */
function plain(roff: string): string {
  return roff.replace(/\\f[BIR]/g, "").replace(/\\(?=-)/g, "").replaceAll("\\(aq", "'").replaceAll("\\&", "");
}

function assertFlags(page: string, flags: readonly Flag[], name: string): void {
  const lines = page.split("\n");
  for (const { name: flag, short } of withHelp(flags)) {
    const head = new RegExp(`^--${flag}(?![\\w-])`);
    const at = lines.findIndex((line, i) => lines[i - 1] === ".TP" && head.test(line));
    assert(at > 0, `${name}: --${flag}`);
    if (short !== undefined) assert(lines[at].includes(`, -${short}`), `${name}: -${short}`);
  }
}

Deno.test("man: a page for each command with each of its flags, and one of tsrun that names them all", () => {
  assertEquals([...PAGES.keys()], ["tsrun.8", ...COMMANDS.map(({ name }) => `tsrun-${name}.8`)]);
  const program = plain(PAGES.get("tsrun.8")!);
  assertFlags(program, GLOBAL_FLAGS, "tsrun");
  for (const { name, flags } of COMMANDS) {
    assert(program.includes(`.BR tsrun-${name} (8)`), name);
    assertFlags(plain(PAGES.get(`tsrun-${name}.8`)!), flags, name);
  }
});

Deno.test("man: what stands beside the table names commands that there are, and examples can be typed", () => {
  const names = ["", "tsrun", ...COMMANDS.map(({ name }) => name)];
  for (const name of [EXAMPLES, EXIT_STATUS, OTHER_PAGES].flatMap(Object.keys)) {
    assert(names.includes(name), name);
  }
  const lines = Object.values(EXAMPLES).flat().flatMap(([, text]) => text.split("\n"));
  for (const line of lines.filter((line) => line.startsWith("tsrun "))) {
    const [name, ...words] = line.replace(/ > .*/, "").split(" ").slice(1);
    const command = COMMANDS.find((command) => command.name === name)!;
    assert(command, line);
    const { args } = parseFlags(command.flags, words, command);
    assert(args.length >= command.minArgs && args.length <= command.maxArgs, line);
  }
});

if (!installed("mandoc")) skip("man: mandoc has nothing to complain about", "mandoc is not installed");
else {
  Deno.test("man: mandoc has nothing to complain about", () => {
    assertEquals(onPages("mandoc", ["-Tlint", "-Wwarning"], [...PAGES.keys()]), "");
  });
}

if (!installed("groff")) skip("man: groff sets each page without a warning", "groff is not installed");
else {
  Deno.test("man: groff sets each page without a warning", () => {
    const text = onPages("groff", ["-man", "-Tutf8", "-ww", "-P-cbuo"], ["tsrun-exec.8"]);
    // A warning has the name of a macro file or of the page before it.
    assert(!/^\S+:\d+: /m.test(text), text);
    assert(/^TSRUN.EXEC\(8\)/.test(text) && text.includes("--cgroup=value"), text);
  });
}
