/**
 * `./x lint`: formatting, lint rules (Deno's, and the project's in tests/gate_plugin.ts), types, the pages
 * of the library, and the examples in comments, all of them even when one fails.
 * @module
 */
import { sources } from "./sources.ts";

const TOP = new URL("..", import.meta.url).pathname;

/** Words of TSRUN_IMPORTS, which `./x` sets where the packages of deno.json cannot be reached. */
const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["test", "--quiet", "--no-check", "--allow-read", "--hide-stacktraces", "tests/gate_files.ts"],
  ["check", "--quiet", ...imports, "."],
  // Every type of the library's signatures is exported, and everything exported is documented.
  ["doc", "--lint", ...imports, "mod.ts"],
];

/**
 * A file of the program: neither a test nor a helper of tests. The examples of mod.ts need containers:
 * tests/integration/library_test.ts runs them.
 */
const SHIPPED = /^(?:spec|ffi|init|runtime)\/.*(?<!_test|_testing)\.ts$/;
/** Beginning of an example in a comment. */
const EXAMPLE = /^ *\* ```ts$/m;

/**
 * The step that runs the examples: only files that have one, as each file takes Deno 0.3 s.
 *
 * Deno imports all names of a module for its example, so an unused name is no mistake there: the
 * configuration is deno.json without that rule.
 */
function examples(): readonly string[] {
  const files = sources().filter((path) =>
    SHIPPED.test(path) && EXAMPLE.test(Deno.readTextFileSync(TOP + path))
  );
  const config = JSON.parse(Deno.readTextFileSync(`${TOP}deno.json`));
  delete config.compilerOptions.noUnusedLocals;
  const path = `${TOP}.deno/examples.json`;
  Deno.writeTextFileSync(path, JSON.stringify({ ...config, exclude: undefined }));
  return [
    "test",
    "--doc",
    "--quiet",
    "--reporter=dot",
    "--allow-all",
    `--config=${path}`,
    ...imports,
    ...files,
  ];
}

const failed = [...STEPS, examples()].filter((args) => {
  const { success } = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: TOP,
    // `doc` prints the pages, too, which nobody reads here.
    stdout: args[0] === "doc" ? "null" : "inherit",
    stderr: "inherit",
  }).outputSync();
  return !success;
});
if (failed.length > 0) {
  console.error(
    `gate: failed: ${failed.map(([name, option]) => option === "--doc" ? "examples" : name).join(", ")}`,
  );
  Deno.exit(1);
}
console.log("gate: formatting, lint rules, sizes, imports, types, documentation and examples are in order");
