/**
 * tsrun as a library: every example of mod.ts is a program that works, two containers live in one program,
 * and what importing the module does not do.
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import * as library from "../../mod.ts";
import type { Box } from "../lib/box.ts";
import { inBox } from "../lib/contract.ts";
import { PATIENCE, type Result } from "../lib/process.ts";
import { runtimes } from "../lib/runtime.ts";

const TOP = new URL("../..", import.meta.url).pathname;
const [runtime] = runtimes();

/** Registers a test with a box, for the bundles and for what may be left behind. */
function test(name: string, work: (box: Box) => Promise<void>): void {
  Deno.test(`library: ${name}`, () => inBox(runtime, work, 60_000 * PATIENCE));
}

/** Runs a program that imports the library by its name, in a process of its own. */
async function program(box: Box, text: string): Promise<Result> {
  const file = `${box.dir}/program-${crypto.randomUUID()}.ts`;
  Deno.writeTextFileSync(file, text.replaceAll(`"@tsrun/tsrun"`, `"${TOP}mod.ts"`));
  return await box.command([Deno.execPath(), "run", "-A", "--no-check", ...importMap(), file]);
}

/** The import map that the tests themselves run with. */
function importMap(): string[] {
  const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];
  return imports.length > 0 ? imports : [`--import-map=${TOP}imports.npm.json`];
}

interface Example {
  /** The method or function that it belongs to. */
  name: string;
  text: string;
}

/** The examples of mod.ts, each with the name behind its comment. */
function examples(): Example[] {
  const text = Deno.readTextFileSync(`${TOP}mod.ts`);
  const found: Example[] = [];
  for (
    const [, comment, name] of text.matchAll(
      /\/\*\*((?:(?!\*\/)[^])*)\*\/\n(?:export )?(?: *)(?:static )?(?:async )?(?:\*)?(?:class |function )?(\w+)/g,
    )
  ) {
    for (const [, example] of comment.matchAll(/^ *\* ```ts\n([^]*?)^ *\* ```$/gm)) {
      found.push({ name, text: example.replaceAll(/^ *\* ?/gm, "") });
    }
  }
  return found;
}

Deno.test("library: the README has the first example", () => {
  const [first] = examples();
  assertEquals(Deno.readTextFileSync(`${TOP}README.md`).includes(first.text), true);
});

/** Methods of a container, by which it is driven. */
const METHODS = Object.getOwnPropertyNames(library.Container.prototype).filter((name) =>
  name !== "constructor"
);

Deno.test("library: every method has an example", () => {
  const described = new Set(examples().map(({ name }) => name));
  assertEquals([...METHODS, "list", "features", "Container"].filter((name) => !described.has(name)), []);
});

test("the examples are right by their types", async (box) => {
  const files = examples().map(({ name, text }) => {
    const file = `${box.dir}/${name}.ts`;
    Deno.writeTextFileSync(file, text.replaceAll(`"@tsrun/tsrun"`, `"${TOP}mod.ts"`));
    return file;
  });
  const result = await box.command([Deno.execPath(), "check", "--quiet", ...importMap(), ...files]);
  assertEquals([result.code, result.stderr], [0, ""]);
});

for (const { name, text } of examples()) {
  test(`the example of ${name} works`, async (box) => {
    const container = box.container({ process: { args: ["/bin/true"] } });
    const named = text.replaceAll('"/bundle"', JSON.stringify(container.bundle.dir))
      .replaceAll('"/run/tsrun"', JSON.stringify(box.root)).replaceAll('"box"', JSON.stringify(container.id));
    const result = await program(box, `${named}\nconsole.log("at its end");\n`);
    assertEquals([result.code, result.stderr], [0, ""]);
    assert(result.stdout.endsWith("at its end\n"), result.stdout);
    const left = await box.cli(["list", "--quiet"]);
    assertEquals(left.stdout, "");
  });
}

test("importing it changes nothing: no handler, no file, no child", async (box) => {
  const facts = `
    const facts = () => ({
      signals: Deno.readTextFileSync("/proc/self/status").match(/^Sig(?:Blk|Ign|Cgt):.*$/gm),
      children: Deno.readTextFileSync(\`/proc/self/task/\${Deno.pid}/children\`),
      files: [...Deno.readDirSync("/proc/self/fd")].length,
    });
    const before = facts();
    await import("@tsrun/tsrun");
    const after = facts();
    if (JSON.stringify(before) !== JSON.stringify(after)) throw new Error(JSON.stringify([before, after]));
    console.log("the same");`;
  const result = await program(box, facts);
  assertEquals([result.code, result.stdout, result.stderr], [0, "the same\n", ""]);
});

test("creating a container leaves the program's signals to it", async (box) => {
  const { id, bundle } = box.container({ process: { args: ["/bin/true"] } });
  const text = `
    import { Container } from "@tsrun/tsrun";
    await using box = new Container({ id: "${id}", root: "${box.root}" });
    await box.create({ bundle: "${bundle.dir}" });
    await box.start();
    await box.wait();
    // Deno sets handlers of its own half a second after its event loop has begun to turn.
    await new Promise((resolve) => setTimeout(resolve, 700));
    const signals = ["SIGTERM", "SIGINT", "SIGHUP"];
    for (const signal of signals) {
      const came = new Promise((resolve) => Deno.addSignalListener(signal, () => resolve(signal)));
      Deno.kill(Deno.pid, signal);
      console.log(await came);
    }
    Deno.exit(0);`;
  const result = await program(box, text);
  assertEquals([result.code, result.stdout], [0, "SIGTERM\nSIGINT\nSIGHUP\n"]);
  // Deno.exit() has kept the scope from ending.
  await new library.Container({ id, root: box.root }).delete({ force: true });
});

test("two containers in one program, at once", async (box) => {
  const pair = [1, 2].map((number) => {
    const { id, bundle } = box.container({ process: { args: ["/bin/sh", "-c", `sleep 1; exit ${number}`] } });
    return { container: new library.Container({ id, root: box.root }), bundle: bundle.dir };
  });
  await Promise.all(pair.map(({ container, bundle }) => container.create({ bundle })));
  await Promise.all(pair.map(({ container }) => container.start()));
  const execs = await Promise.all(
    pair.map(({ container }, i) => container.exec({ args: ["/bin/sh", "-c", `exit ${i + 7}`] })),
  );
  assertEquals(await Promise.all(execs.map((process) => process.wait())), [7, 8]);
  const states = await Promise.all(pair.map(({ container }) => container.state()));
  assertEquals(states.map(({ status }) => status), ["running", "running"]);
  assertEquals(await Promise.all(pair.map(({ container }) => container.wait())), [1, 2]);
  await Promise.all(pair.map(({ container }) => container.delete()));
  assertEquals(await library.Container.list({ root: box.root }), []);
});

test("wait for a container that another program made, and for one that has ended", async (box) => {
  const made = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const container = new library.Container({ id: made.id, root: box.root });
  const end = container.wait();
  await container.kill({ signal: "KILL" });
  const kept = box.container({ process: { args: ["/bin/sh", "-c", "exit 5"] } });
  await kept.run({ flags: ["--keep"] });
  assertEquals(await new library.Container({ id: kept.id, root: box.root }).wait(), 5);
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  if (major > 6 || (major === 6 && minor >= 15)) assertEquals(await end, 137);
  else await end.catch((error) => assertEquals(error.code, "ENODATA_EXIT_STATUS"));
});

test("a hundred containers of one program, one after the other, leave it as it was", async (box) => {
  const { id, bundle } = box.container({ process: { args: ["/bin/true"] } });
  const text = `
    import { Container } from "@tsrun/tsrun";
    const files = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const counts = [];
    for (let i = 0; i < 100; i++) {
      await using box = new Container({ id: "${id}", root: "${box.root}" });
      await box.create({ bundle: "${bundle.dir}" });
      await (await box.exec({ args: ["/bin/true"] })).wait();
      await box.start();
      await box.wait();
      counts.push(files());
    }
    // Deno opens two of its own after half a second.
    console.log(counts[60] === counts[99], Deno.readTextFileSync(\`/proc/self/task/\${Deno.pid}/children\`) === "");`;
  const result = await program(box, text);
  assertEquals([result.code, result.stdout, result.stderr], [0, "true true\n", ""]);
});

test("failures are errors of the library, in one line, and nothing is left", async (box) => {
  const { id, bundle } = box.container({ process: { args: ["/missing"] } });
  const container = new library.Container({ id, root: box.root });
  await assertRejects(() => container.state(), library.TsrunError, "container does not exist");
  await assertRejects(() => container.create({ bundle: bundle.dir }), library.TsrunError, "/missing");
  await assertRejects(() => container.kill({ signal: "NONE" }), library.TsrunError, "unknown signal");
  await container.delete({ force: true });
  await assertRejects(() => container.delete(), library.TsrunError, "container does not exist");
});

test("validateConfig tells every problem with its path", async () => {
  const problems = library.validateConfig({ ociVersion: "1.0.0", process: { args: [] } });
  assert(problems.length > 1);
  assert(problems.every(({ path, reason }) => typeof path === "string" && reason.length > 0));
  await Promise.resolve();
});
