/**
 * `./x lint`: formatting, lint rules (Deno's, and the project's in tests/gate_plugin.ts) and types, all of
 * them even when one fails.
 * @module
 */
const TOP = new URL("..", import.meta.url).pathname;

/** Words of TSRUN_IMPORTS, which `./x` sets where the packages of deno.json cannot be reached. */
const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];

const STEPS: readonly (readonly string[])[] = [
  ["fmt", "--check", "--quiet"],
  ["lint", "--quiet"],
  ["test", "--quiet", "--no-check", "--allow-read", "--hide-stacktraces", "tests/gate_files.ts"],
  ["check", "--quiet", ...imports, "."],
];

const failed = STEPS.filter((args) => {
  const { success } = new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: TOP,
    stdout: "inherit",
    stderr: "inherit",
  }).outputSync();
  return !success;
});
if (failed.length > 0) {
  console.error(`gate: failed: ${failed.map(([name]) => name).join(", ")}`);
  Deno.exit(1);
}
console.log("gate: formatting, lint rules, sizes, imports and types are in order");
