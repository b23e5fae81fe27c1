/** The workflows for GitHub are YAML, and call only what there is. */
import { assert, assertEquals } from "@std/assert";
import { parse } from "@std/yaml";
import { filesEndingIn, readPage, TOP } from "./pages.ts";

interface Workflow {
  on: unknown;
  jobs: Record<string, { "runs-on": string; steps: { run?: string; uses?: string }[] }>;
}

/** Commands of `./x`, from its last case. */
const COMMANDS = [...readPage("x").matchAll(/^ {2}([a-z |]+)\)$/gm)].flatMap(([, names]) =>
  names.split(" | ")
);
/** Options that the usage of `./x` names. */
const USAGE = readPage("x").split("EOF")[1];
/** What runners have. */
const OTHERS: readonly string[] = ["cat", "gh"];

/** What is wrong with a command line, if anything. */
function problem(line: string): string | undefined {
  const words = line.replace(/^sudo /, "").replace(/\$\{\{.*?\}\}/g, "value").split(" ");
  if (words[0] === "./x") {
    if (!COMMANDS.includes(words[1])) return `./x has no command ${words[1]}`;
    return words.slice(2).map((word) => word.split("=")[0]).find((flag) => !USAGE.includes(`${flag}=`));
  }
  if (words[0].startsWith(".ci/")) {
    return Deno.statSync(TOP + words[0]).mode! & 0o100 ? undefined : `${words[0]} cannot be run`;
  }
  return OTHERS.includes(words[0]) ? undefined : `${words[0]} is not a program of the project`;
}

const WORKFLOWS = filesEndingIn(".yml", ".github/workflows/");

Deno.test("workflows: there is one for changes and one for releases", () => {
  assertEquals(WORKFLOWS, [".github/workflows/ci.yml", ".github/workflows/release.yml"]);
  assert(COMMANDS.includes("release") && COMMANDS.includes("lint"), COMMANDS.join(" "));
  assert(problem("./x no-such-command") !== undefined && problem("./x release --bad=1") !== undefined);
});

for (const path of WORKFLOWS) {
  Deno.test(`${path}: is YAML, and calls only commands that there are`, () => {
    const { on, jobs } = parse(readPage(path)) as Workflow;
    assert(on !== undefined && Object.keys(jobs).length > 0);
    const steps = Object.values(jobs).flatMap((job) => {
      assert(job["runs-on"], "a runner");
      return job.steps;
    });
    for (const { run, uses } of steps) {
      assert((run === undefined) !== (uses === undefined), "a step runs or uses something");
      if (uses !== undefined) assert(/^actions\/[a-z-]+@v\d+$/.test(uses), uses);
      for (const line of (run ?? "").trim().split("\n")) {
        if (line !== "") assertEquals(problem(line), undefined);
      }
    }
  });
}
