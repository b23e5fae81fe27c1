/**
 * Golden tests of the command line: one folder per case under `tests/golden/`.
 *
 *     args       one argument per line
 *     files/     copied into the working directory beforehand, which is empty otherwise
 *     stdout     expected text; no file means nothing
 *     stderr     the same
 *     log        expected text of the file `log` in the working directory
 *     exit       expected exit status; no file means 0
 *     not-runc   why Debian's runc does not agree; without this file runc must have the same exit status,
 *                and be silent on the same streams
 *
 * `{DIR}` stands for the working directory and `{TIME}` for any RFC 3339 time; a line of `...` stands for any
 * number of lines. The environment is empty.
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { pathUnderTest, referencePath } from "./lib/runtime.ts";

const CASES = new URL("golden/", import.meta.url).pathname;

interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
  log: string;
}

for (const { name } of [...Deno.readDirSync(CASES)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const directory = `${CASES}${name}/`;
  Deno.test(`cli: ${name}`, () => {
    const outcome = run(pathUnderTest(), directory);
    assertMatches(outcome.stdout, read(`${directory}stdout`), `${name}: stdout`);
    assertMatches(outcome.stderr, read(`${directory}stderr`), `${name}: stderr`);
    assertMatches(outcome.log, read(`${directory}log`), `${name}: log`);
    assertEquals(outcome.code, Number(read(`${directory}exit`)), `${name}: exit status`);
  });
  const reference = referencePath();
  Deno.test({
    name: `cli: ${name} [runc]`,
    ignore: reference === undefined || read(`${directory}not-runc`) !== "",
    fn: () => {
      const outcome = run(reference!, directory);
      const shape = (stdout: string, stderr: string, log: string, code: number) => ({
        stdout: stdout !== "",
        stderr: stderr !== "",
        log: log !== "",
        code,
      });
      const [stdout, stderr, log, exit] = ["stdout", "stderr", "log", "exit"].map((file) =>
        read(directory + file)
      );
      assertEquals(
        shape(outcome.stdout, outcome.stderr, outcome.log, outcome.code),
        shape(stdout, stderr, log, Number(exit)),
        `${name}: runc differs: ${JSON.stringify(outcome)}`,
      );
    },
  });
}

/** Runs a case in a directory of its own. */
function run(program: string, caseDirectory: string): Outcome {
  const directory = Deno.makeTempDirSync({ prefix: "tsrun-golden-" });
  try {
    copyTree(`${caseDirectory}files`, directory);
    const args = read(`${caseDirectory}args`).replaceAll("{DIR}", directory).split("\n").slice(0, -1);
    const { code, stdout, stderr } = new Deno.Command(program, {
      args,
      cwd: directory,
      clearEnv: true,
      stdin: "null",
    }).outputSync();
    const text = (bytes: Uint8Array) => normalise(new TextDecoder().decode(bytes), directory);
    return {
      code,
      stdout: text(stdout),
      stderr: text(stderr),
      log: normalise(read(`${directory}/log`), directory),
    };
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

function normalise(text: string, directory: string): string {
  return text.replaceAll(directory, "{DIR}").replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "{TIME}");
}

/** Compares a text with a pattern in which a line `...` stands for any lines. */
function assertMatches(actual: string, pattern: string, what: string): void {
  if (!/^\.\.\.$/m.test(pattern)) return assertEquals(actual, pattern, what);
  const parts = pattern.split(/^\.\.\.\n/m).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  assert(
    new RegExp(`^${parts.join("(?:.*\\n)*?")}$`).test(actual),
    `${what}: got\n${actual}\nwant\n${pattern}`,
  );
}

function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

function copyTree(from: string, to: string): void {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(from)];
  } catch {
    return;
  }
  for (const entry of entries) {
    const source = `${from}/${entry.name}`, target = `${to}/${entry.name}`;
    if (entry.isDirectory) {
      Deno.mkdirSync(target);
      copyTree(source, target);
    } else if (entry.name !== ".keep") Deno.copyFileSync(source, target);
  }
}
