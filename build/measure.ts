/**
 * `deno run -A build/measure.ts [ROUNDS]`: what each way to start Deno costs, and what each chunk of
 * dist/tsrun costs.
 *
 * Every variant is a file of its own that only prints. All variants run in turn, round after round, with an
 * empty environment, so that other work of the machine costs all of them the same. Figures in README.md.
 * @module
 */
import { engineOfProgram } from "./entry.ts";
import {
  bundleFile,
  cacheDirectory,
  DENO_FLAGS,
  launcher,
  moduleUrl,
  textOfBundle,
  variables,
} from "./launcher.ts";
import { prelink, randomBase } from "./prelink.ts";
import { MARK } from "./warm.ts";

const PROGRAM = "console.log(1);\n";
/** Words of a made-up program, for the price of size. */
const FUNCTION =
  "(a,b){let d=[];for(let e of a)if(e===b)throw new Error(`cannot ${e}: ${b}`);return d.map((f)=>f+1)}\n";

function quantile(sorted: readonly number[], q: number): string {
  return sorted[Math.floor(q * (sorted.length - 1))].toFixed(2).padStart(8);
}

/** Runs all files in turn and prints milliseconds. */
function race(files: readonly string[], rounds: number): void {
  const times = files.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < files.length; i++) {
      const turn = (i + round) % files.length;
      const start = performance.now();
      const { success } = new Deno.Command(files[turn], { clearEnv: true, cwd: "/" }).outputSync();
      times[turn].push(performance.now() - start);
      if (!success) throw new Error(`${files[turn]} failed`);
    }
  }
  console.log("".padEnd(26), "     min      25%  median     90%");
  for (const [i, list] of times.entries()) {
    list.sort((a, b) => a - b);
    const name = files[i].slice(files[i].lastIndexOf("/") + 1);
    console.log(name.padEnd(26), ...[0, 0.25, 0.5, 0.9].map((q) => quantile(list, q)));
  }
}

/** A program of about this many kilobytes. */
function program(kilobytes: number): string {
  const count = Math.ceil(kilobytes * 1024 / (FUNCTION.length + 14));
  return Array.from({ length: count }, (_, i) => `function f${i}${FUNCTION}`).join("") + PROGRAM;
}

/** The flags with others for V8; with none, as it is. */
function withV8Flags(...words: readonly string[]): { flags: string[] } {
  const flags = DENO_FLAGS.filter((flag) => !flag.startsWith("--v8-flags="));
  return { flags: words.length > 0 ? [...flags, `--v8-flags=${words.join(",")}`] : flags };
}

/** A shell script that does what the launcher does for an empty environment. */
function shellScript(deno: string, module: string): string {
  const words = [...variables(deno), "exec", deno, "run", ...DENO_FLAGS, `'${module}'`, '"$0" "$@"'];
  return `#!/bin/sh\n${words.join(" ")}\n`;
}

/** Writes all variants and returns their paths. */
function writeVariants(dir: string, deno: string): string[] {
  const files: string[] = [];
  const add = (name: string, content: Uint8Array | string) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    Deno.writeFileSync(`${dir}/${name}`, bytes, { mode: 0o755 });
    files.push(`${dir}/${name}`);
  };
  /** A program in a file of its own, behind the usual launcher. */
  const addFile = (name: string, code: string) => {
    Deno.writeTextFileSync(`${dir}/${name}.js`, code);
    add(name, launcher(fixed, `file://${dir}/${name}.js`));
  };
  const fixed = `${dir}/deno-prelinked`;
  const image = Deno.readFileSync(deno);
  prelink(image, randomBase());
  Deno.writeFileSync(fixed, image, { mode: 0o755 });
  const module = moduleUrl(PROGRAM);
  add("as-built", launcher(fixed, module));
  add("deno-as-it-came", launcher(deno, module));
  add("shell-script", shellScript(fixed, module));
  addFile("module-in-a-file", PROGRAM);
  add("v8-as-it-is", launcher(fixed, module, withV8Flags()));
  for (const flag of ["--single-threaded", "--jitless", "--lite-mode", "--max-lazy", "--max-opt=0"]) {
    add(`v8${flag}`, launcher(fixed, module, withV8Flags(flag)));
  }
  const hugePages = [...variables(fixed), "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"];
  add("malloc-huge-pages", launcher(fixed, module, { variables: hugePages }));
  addFile("module-of-100-KB", program(100));
  addFile("comment-of-100-KB", `${PROGRAM}/*\n${program(100)}*/\n`);
  addFile(
    "function-of-100-KB",
    `const t=Deno.readTextFileSync(import.meta.filename);` +
      `new Function(t.slice(t.indexOf("\\n/*")+3,-3))();\n/*${program(100)}*/\n`,
  );
  return files;
}

/**
 * Runs a copy of dist/tsrun that tells what each chunk took. It has a copy of the cache, so that the cache of
 * dist/tsrun stays as it is.
 */
function showChunks(dir: string, args: string[]): void {
  const file = Deno.readFileSync(new URL("../dist/tsrun", import.meta.url));
  const built = textOfBundle(file) ?? "", engine = engineOfProgram(file) ?? "";
  const names = JSON.parse(built.slice(0, built.indexOf("\n")));
  const before = "loaded[i]??=compile(i)(build,$require,$import);";
  const after = "{if(i in loaded)return loaded[i];const a=performance.now(),f=compile(i)," +
    "b=performance.now(),r=f(build,$require,$import),c=performance.now();" +
    `console.error(${JSON.stringify(names)}[i].padEnd(36),(b-a).toFixed(2),` +
    "'ms to compile',(c-b).toFixed(2),'ms to run with what it imports');return loaded[i]=r};";
  const trailer = /[0-9a-f]{8} (\d{8})\n$/.exec(built);
  if (!built.includes(before) || !trailer) throw new Error("dist/tsrun is not a bundle of this version");
  const length = String(Number(trailer[1]) + after.length - before.length).padStart(8, "0");
  const body = built.slice(0, trailer.index).replace(before, () => after);
  const copy = `${dir}/tsrun`, deno = `${dir}/deno`, cache = cacheDirectory(engine);
  Deno.symlinkSync(engine, deno);
  Deno.mkdirSync(cacheDirectory(deno));
  for (const { name, isFile } of Deno.readDirSync(cache)) {
    if (isFile) Deno.copyFileSync(`${cache}/${name}`, `${cacheDirectory(deno)}/${name}`);
  }
  const { flags } = JSON.parse(Deno.readTextFileSync(`${cache}/${MARK}`));
  Deno.writeFileSync(copy, bundleFile(deno, `${body}measured ${length}\n`, undefined, { flags }), {
    mode: 0o755,
  });
  const options = { clearEnv: true, cwd: "/", stdin: "null", stdout: "null" } as const;
  // Its base script is new to the cache.
  new Deno.Command(copy, { ...options, args: ["--version"], stderr: "null" }).outputSync();
  new Deno.Command(copy, { ...options, args, stderr: "inherit" }).outputSync();
}

const dir = Deno.makeTempDirSync({ prefix: "tsrun-measure-" });
try {
  if (Deno.args[0] === "chunks") showChunks(dir, Deno.args.slice(1));
  else race(writeVariants(dir, Deno.execPath()), Number(Deno.args[0] ?? 40));
} finally {
  Deno.removeSync(dir, { recursive: true });
}
