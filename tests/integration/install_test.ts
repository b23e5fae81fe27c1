/** `./x install`: what it writes, for both kinds of build. */
import { assert, assertEquals } from "@std/assert";
import { cacheOf } from "../../build/compiled_place.ts";
import { engineOfProgram } from "../../build/entry.ts";
import { COMPLETION_FILES } from "../../build/shared_files.ts";
import { exists } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";

const TSRUN = pathUnderTest();
const INSTALL = new URL("../../build/install.ts", import.meta.url).pathname;

/** Runs the installer under a mask that would leave everything writable by all. */
async function install(...words: string[]): Promise<void> {
  const { code, stderr } = await new Deno.Command("/bin/sh", {
    args: ["-c", 'umask 0; exec "$0" run --quiet -A "$@"', Deno.execPath(), INSTALL, ...words],
    env: { TSRUN },
    stdin: "null",
  }).output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
}

async function version(program: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: ["--version"],
    clearEnv: true,
    cwd: "/",
  }).output();
  assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
  return new TextDecoder().decode(stdout);
}

/** Everything below a directory, itself included. */
function below(path: string): string[] {
  return [
    path,
    ...[...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
      isDirectory ? below(`${path}/${name}`) : [`${path}/${name}`]
    ),
  ];
}

const isBundle = engineOfProgram(Deno.readFileSync(TSRUN)) !== undefined;

if (Deno.uid() !== 0) skip("install: a prefix of its own", "needs root");
else {
  Deno.test("install: a prefix of its own: writable by root alone, warmed, and the same version", async () => {
    const prefix = Deno.makeTempDirSync();
    try {
      Deno.chmodSync(prefix, 0o755);
      await install(`PREFIX=${prefix}`);
      for (const path of below(prefix)) {
        const { uid, gid, mode } = Deno.lstatSync(path);
        assertEquals([uid, gid, mode! & 0o022], [0, 0, 0], path);
      }
      const program = `${prefix}/bin/tsrun`;
      const cache = isBundle ? `${prefix}/lib/tsrun/tsrun-cache/v8_code_cache_v2` : cacheOf(program).file;
      assert(exists(cache), cache);
      assertEquals(await version(program), await version(TSRUN));
      assert(exists(`${prefix}/share/man/man8/tsrun.8`));
      assert(exists(`${prefix}/share/man/man8/tsrun-create.8`));
      for (const [shell, path] of Object.entries(COMPLETION_FILES)) {
        const { stdout } = await new Deno.Command(program, { args: ["completion", shell] }).output();
        assertEquals(Deno.readTextFileSync(`${prefix}/${path}`), new TextDecoder().decode(stdout));
      }
      if (isBundle) {
        assertEquals(engineOfProgram(Deno.readFileSync(program)), `${prefix}/lib/tsrun/deno`);
      }
    } finally {
      Deno.removeSync(prefix, { recursive: true });
    }
  });

  Deno.test("install: below a DESTDIR the program names the places without it", async () => {
    const destdir = Deno.makeTempDirSync();
    try {
      await install("PREFIX=/opt/t", `DESTDIR=${destdir}`);
      const program = `${destdir}/opt/t/bin/tsrun`;
      const engine = engineOfProgram(Deno.readFileSync(program));
      assertEquals(engine, isBundle ? "/opt/t/lib/tsrun/deno" : undefined);
      if (isBundle) assert(Deno.statSync(`${destdir}/opt/t/lib/tsrun/deno`).isFile);
      else assertEquals(await version(program), await version(TSRUN));
    } finally {
      Deno.removeSync(destdir, { recursive: true });
    }
  });
}
