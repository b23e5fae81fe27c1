import { assertEquals, assertThrows } from "@std/assert";
import { bundleFile, launcher, LIMITS, moduleUrl, textOfBundle, withDeno } from "./launcher.ts";
import { link } from "./link.ts";

/** A bundle of one chunk. */
function bundle(deno: string, code: string): Uint8Array<ArrayBuffer> {
  return bundleFile(
    deno,
    link([{ name: "main.js", code }], "main.js", { commands: [], features: [] }, {}, true),
  );
}

/** Starts a bundle with nothing in the environment but `env`. */
async function start(
  deno: string,
  body: string,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<string> {
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/a tsrun`;
    await Deno.writeFile(file, bundle(deno, body), { mode: 0o755 });
    const { stdout, stderr } = await new Deno.Command(file, { args, env, clearEnv: true, cwd: "/" }).output();
    return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

Deno.test("launcher: an empty environment, arguments untouched, nothing else printed", async () => {
  const args = ["a b", "", "--help", "$x"];
  const out = await start(Deno.execPath(), "console.log(JSON.stringify(Deno.args))", {}, args);
  assertEquals(out, `["a b","","--help","$x"]\n`);
});

Deno.test("launcher: HOME is kept for later, and a broken .npmrc in it does no harm", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${home}/.npmrc`);
    const body = `console.log(Deno.env.get("tsrun:HOME"), Deno.env.get("HOME"))`;
    assertEquals(await start(Deno.execPath(), body, { HOME: home }), `${home} /proc\n`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("launcher: an error that nobody caught is still shown", async () => {
  const out = await start(Deno.execPath(), `throw new Error("seen")`);
  assertEquals(out.includes("Error: seen"), true, out);
});

Deno.test("launcher: a path with a blank and a quote", async () => {
  const dir = await Deno.makeTempDir({ prefix: "it's a " });
  try {
    await Deno.symlink(Deno.execPath(), `${dir}/deno`);
    assertEquals(await start(`${dir}/deno`, "console.log(1)"), "1\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("launcher: the text stays when it is changed", () => {
  const before = bundle("/a/deno", "1");
  const text = textOfBundle(before)!;
  assertEquals(withDeno(before, "/b/deno"), bundle("/b/deno", "1"));
  assertEquals(textOfBundle(withDeno(before, "/b/longer/deno", moduleUrl("")))!, text);
  assertEquals(textOfBundle(launcher("/a/deno")), undefined);
  assertThrows(() => withDeno(launcher("/a/deno"), "/b/deno"), Error, "not a bundle");
  assertThrows(() => launcher("deno"), Error, "unusable path");
  assertThrows(() => launcher("/a\0b"), Error, "NUL");
});

Deno.test("launcher: any text of a module survives its URL", async () => {
  const { default: text } = await import(moduleUrl(`export default "%41 # \\" ' ?\\n" +\n\t'<b>';`));
  assertEquals(text, `%41 # " ' ?\n<b>`);
});

Deno.test("launcher: under each limit the engine starts at its least value, and one line says so below", async () => {
  const flags: Record<number, [flag: string, unit: number]> = {
    1: ["-f", 512],
    2: ["-d", 1024],
    3: ["-s", 1024],
    7: ["-n", 1],
    9: ["-v", 1024],
  };
  const dir = await Deno.makeTempDir();
  try {
    const file = `${dir}/tsrun`;
    await Deno.writeFile(file, bundle(Deno.execPath(), "console.log(1)"), { mode: 0o755 });
    const under = async (flag: string, value: number) => {
      const args = ["-c", `ulimit ${flag} ${value} && exec ${file}`];
      const { stdout, stderr } = await new Deno.Command("/bin/sh", { args, clearEnv: true }).output();
      return new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    };
    for (const { resource, least, message } of LIMITS) {
      const [flag, unit] = flags[resource];
      assertEquals(await under(flag, least / unit), "1\n", message);
      assertEquals(await under(flag, least / unit - 1), `${message}\n`);
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
