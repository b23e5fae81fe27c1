import { assertEquals, assertThrows } from "@std/assert";
import { launchLines, moduleUrl, withLaunchLines } from "./launch_lines.ts";
import { link } from "./link.ts";

/** A bundle of one chunk. */
function bundle(deno: string, code: string): string {
  return launchLines(deno) + link([{ name: "main.js", code }], "main.js", [], {});
}

/** Starts a bundle as the kernel would, with nothing in the environment but `env`. */
async function start(
  deno: string,
  body: string,
  env: Record<string, string>,
  args: string[],
): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/a tsrun`;
    await Deno.writeTextFile(file, bundle(deno, body), { mode: 0o755 });
    const { stdout, stderr } = await new Deno.Command(file, { args, env, clearEnv: true, cwd: "/" }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("launch lines: an empty environment, arguments untouched, nothing else printed", async () => {
  const out = await start(Deno.execPath(), "console.log(JSON.stringify(Deno.args))", {}, [
    "a b",
    "",
    "--help",
    "$x",
  ]);
  assertEquals(out, `["a b","","--help","$x"]\n`);
});

Deno.test("launch lines: HOME is kept for later, and a broken .npmrc in it does no harm", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.npmrc`);
    const body = `console.log(Deno.env.get("TSRUN_HOME"), Deno.env.get("HOME"))`;
    assertEquals(await start(Deno.execPath(), body, { HOME: home }, []), `${home} /proc\n`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("launch lines: an error that nobody caught is still shown", async () => {
  const out = await start(Deno.execPath(), `throw new Error("seen")`, {}, []);
  assertEquals(out.includes("Error: seen"), true, out);
});

Deno.test("launch lines: the caller's directory may be gone", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/tsrun`;
    await Deno.writeTextFile(file, bundle(Deno.execPath(), "console.log(Deno.cwd())"), { mode: 0o755 });
    await Deno.mkdir(`${dir}/gone`);
    const args = ["-c", `cd "${dir}/gone" && rmdir "${dir}/gone" && "${file}"`];
    const { stdout } = await new Deno.Command("/bin/sh", { args }).output();
    assertEquals(new TextDecoder().decode(stdout), "/\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launch lines: a path with a blank and a quote", async () => {
  const dir = await Deno.makeTempDir({ prefix: "it's a " });
  try {
    await Deno.symlink(Deno.execPath(), `${dir}/deno`);
    assertEquals(await start(`${dir}/deno`, "console.log(1)", {}, []), "1\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launch lines: the body stays when they are changed", () => {
  const before = launchLines("/a/deno") + "one\ntwo\n";
  assertEquals(withLaunchLines(before, "/b/deno"), launchLines("/b/deno") + "one\ntwo\n");
  assertThrows(() => launchLines("deno"), Error, "unusable path");
  assertThrows(() => launchLines("/a\nb"), Error, "unusable path");
});

Deno.test("launch lines: any text of a module survives its URL", async () => {
  const { default: text } = await import(moduleUrl(`export default "%41 # \\" ' ?\\n" +\n\t'<b>';`));
  assertEquals(text, `%41 # " ' ?\n<b>`);
});
