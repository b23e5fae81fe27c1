/**
 * Starting tsrun itself: the compiled code kept beside Deno is a help, never a need.
 */
import { assert, assertEquals } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { bundleFile, LAZY_FLAGS, textOfBundle, withDeno } from "../../build/launcher.ts";
import { warmCache } from "../../build/warm.ts";
import { skip } from "../lib/skip.ts";

const TSRUN = Deno.env.get("TSRUN") ?? new URL("../../dist/tsrun", import.meta.url).pathname;

const file = Deno.readFileSync(TSRUN);
const ignore = textOfBundle(file) === undefined;
if (ignore) skip("start-up: the cache of compiled code", "tsrun is no bundle");

/** A bundle with a Deno, and so with a cache, of its own. */
async function withOwnCache(use: (tsrun: string, cache: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.symlinkSync(Deno.execPath(), `${dir}/deno`);
    Deno.writeFileSync(`${dir}/tsrun`, withDeno(file, `${dir}/deno`), { mode: 0o755 });
    await use(`${dir}/tsrun`, `${dir}/tsrun-cache`);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

async function version(tsrun: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(tsrun, { args: ["--version"], clearEnv: true })
    .output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

const many = (tsrun: string) => Promise.all(Array.from({ length: 20 }, () => version(tsrun)));

Deno.test({
  name: "start-up: twenty at once, with an empty cache and with a full one",
  ignore,
  async fn() {
    await withOwnCache(async (tsrun, cache) => {
      const cold = await many(tsrun), warm = await many(tsrun);
      assertEquals(new Set([...cold, ...warm]).size, 1);
      assert(Deno.statSync(`${cache}/v8_code_cache_v2`).isFile);
    });
  },
});

Deno.test({
  name: "start-up: a cache that is garbage, and one that cannot be made",
  ignore,
  async fn() {
    await withOwnCache(async (tsrun, cache) => {
      const expected = await version(tsrun);
      for (const { name } of [...Deno.readDirSync(cache)]) {
        if (name.includes("_v2")) Deno.writeTextFileSync(`${cache}/${name}`, "garbage ".repeat(1000));
      }
      assertEquals(await version(tsrun), expected);
      Deno.removeSync(cache, { recursive: true });
      Deno.writeTextFileSync(cache, "a file where the directory would be");
      assertEquals(await version(tsrun), expected);
    });
  },
});

/** Digests of the compiled scripts in a cache, by the scripts' names. */
function scriptsIn(cache: string): Map<string, number> {
  const database = new DatabaseSync(`${cache}/v8_code_cache_v2`);
  const rows = database.prepare("SELECT specifier, length(data) AS size FROM codecache").all();
  database.close();
  const own = rows.filter(({ specifier }) => `${specifier}`.startsWith("file:///tsrun/"));
  return new Map(own.map(({ specifier, size }) => [`${specifier}`, Number(size)]));
}

Deno.test({
  name: "start-up: warm runs leave in the cache what the usual commands need, and nothing else anywhere",
  ignore: ignore || Deno.uid() !== 0,
  async fn() {
    await withOwnCache(async (tsrun, cache) => {
      const text = textOfBundle(file)!, deno = `${cache.slice(0, cache.lastIndexOf("/"))}/deno`;
      const { flags, note } = await warmCache(text, deno);
      assertEquals([flags, note], [LAZY_FLAGS, "of what the usual commands run"]);
      assertEquals([...Deno.readDirSync("/tmp")].filter(({ name }) => name.includes("tsrun-learn-")), []);
      Deno.writeFileSync(tsrun, bundleFile(deno, text, undefined, { flags }));
      const learnt = scriptsIn(cache);
      // Rows of scripts that are refused, or not there, would be written by these.
      await version(tsrun);
      for (const command of ["create", "exec", "delete"]) {
        await new Deno.Command(tsrun, { args: [command, "no-such-container"], clearEnv: true, cwd: "/" })
          .output();
      }
      assertEquals(scriptsIn(cache), learnt);
      // All functions of the same scripts are more.
      await withOwnCache(async (other, everything) => {
        await version(other);
        const whole = scriptsIn(everything);
        const base = [...learnt.keys()].filter((name) => whole.has(name));
        assert(base.length > 0 && base.every((name) => learnt.get(name)! <= whole.get(name)!));
        assert(base.some((name) => learnt.get(name)! < whole.get(name)!));
      });
    });
  },
});
