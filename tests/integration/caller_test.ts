/**
 * Nothing of the caller's environment or limits steers the engine, or ends it with anything but one clear
 * line.
 */
import { assert, assertEquals } from "@std/assert";
import { engineOfProgram } from "../../build/entry.ts";
import { LIMITS } from "../../build/launcher.ts";
import { contract } from "../lib/contract.ts";
import { pathUnderTest } from "../lib/runtime.ts";

const TSRUN = pathUnderTest();

/** The engine's program: a Deno beside a bundle, or the compiled program itself. */
const engine = engineOfProgram(Deno.readFileSync(TSRUN)) ?? TSRUN;
const isBundle = engine !== TSRUN;

/** Prefixes of what the engine, its libraries and ld.so read. */
const PREFIXES =
  "DENO|NODE|NPM|OTEL|V8|RUST|LD|GLIBC|MALLOC|JSR|ICU|SSL|SQLITE|UV|TOKIO|XDG|SWC|NO|FORCE|HTTPS?|ALL";
/** Further ones, known from the documentation of Deno, Rust and glibc. */
const OTHERS: readonly string[] = [
  ...[
    "HOME",
    "TMPDIR",
    "TZ",
    "TZDIR",
    "LANG",
    "LC_ALL",
    "LANGUAGE",
    "PATH",
    "TERM",
    "COLORTERM",
    "CI",
    "USER",
  ],
  ...["RUST_LOG", "RUST_BACKTRACE", "RUST_LIB_BACKTRACE", "RUST_MIN_STACK", "NO_COLOR", "FORCE_COLOR"],
  ...[
    "LD_DEBUG",
    "LD_BIND_NOW",
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "LD_PROFILE",
    "LD_TRACE_LOADED_OBJECTS",
  ],
  ...["LD_SHOW_AUXV", "LD_VERBOSE", "GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "NLSPATH", "RES_OPTIONS"],
  ...["http_proxy", "https_proxy", "no_proxy", "all_proxy", "npm_config_registry", "SSLKEYLOGFILE"],
];

/**
 * Every name of a variable in a program's bytes. Names may run into one another there: each ending of one
 * counts.
 */
function namesIn(path: string): string[] {
  const names = new Set<string>();
  const file = new TextDecoder("latin1").decode(Deno.readFileSync(path));
  for (const [run] of file.matchAll(/[A-Z0-9_]{4,200}/g)) {
    for (const { index } of run.matchAll(new RegExp(`(?:${PREFIXES})_`, "g"))) {
      const name = run.slice(index);
      names.add(name);
      // Where another name follows without a gap, this one ends before it.
      const next = new RegExp(`.(?=(?:DENO|NODE|OTEL|NPM|RUST)_)`).exec(name.slice(1));
      if (next) names.add(name.slice(0, next.index + 2));
    }
  }
  return [...names, ...OTHERS].toSorted();
}

/**
 * Values that do something where the variable is read: a number, a path that cannot be, flags that are none.
 */
const VALUES: readonly string[] = ["1", "/nonexistent/a", "--bogus-flag", ""];

interface Answer {
  code: number;
  out: string;
  err: string;
}

function tsrun(args: string[], env: Record<string, string>, cwd = "/"): Answer {
  const { code, stdout, stderr } = new Deno.Command(TSRUN, { args, env, clearEnv: true, cwd, stdin: "null" })
    .outputSync();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

Deno.test("caller: no variable that the engine's program contains changes an answer, or leaves a file", () => {
  const names = namesIn(engine);
  // A compiled program contains fewer: what only `deno` itself reads is not in it.
  const known = ["DENO_COVERAGE_DIR", "DENO_V8_FLAGS", "NODE_OPTIONS", "OTEL_DENO_CONSOLE", "RUST_BACKTRACE"];
  const found = known.filter((name) => names.includes(name));
  assert(found.length >= (isBundle ? known.length : 2), `${found} among ${names.length} names`);
  const dir = Deno.makeTempDirSync();
  const expected = tsrun(["--version"], {});
  assertEquals([expected.code, expected.err], [0, ""]);
  const differs = (part: readonly string[], value: string) =>
    JSON.stringify(tsrun(["--version"], Object.fromEntries(part.map((name) => [name, value])), dir)) !==
      JSON.stringify(expected);
  /** The names of a part that make a difference, found by halves. */
  const guilty = (part: readonly string[], value: string): string[] => {
    if (!differs(part, value)) return [];
    if (part.length === 1) return [`${part[0]}=${value}`];
    const half = part.length >> 1;
    return [...guilty(part.slice(0, half), value), ...guilty(part.slice(half), value)];
  };
  try {
    for (const value of [...VALUES, `${dir}/made`]) {
      for (let i = 0; i < names.length; i += 500) assertEquals(guilty(names.slice(i, i + 500), value), []);
    }
    assertEquals([...Deno.readDirSync(dir)].map(({ name }) => name), []);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

contract("caller: its variables reach hooks as they are, and nothing of the engine's does", async (box) => {
  const env = {
    DENO_DIR: "/d",
    DENO_V8_FLAGS: "--x",
    HOME: "/h",
    LD_BIND_NOW: "1",
    NODE_OPTIONS: "-r y",
    A: "=b",
  };
  const hook = { path: "/bin/sh", args: ["sh", "-c", `tr '\\0' '\\n' </proc/$$/environ >${box.dir}/env`] };
  const container = box.container({ process: { args: ["/bin/true"] }, hooks: { createRuntime: [hook] } });
  await container.create({ env });
  const lines = Deno.readTextFileSync(`${box.dir}/env`).trimEnd().split("\n").toSorted();
  const given = lines.filter((line) => Object.keys(env).some((name) => line.startsWith(`${name}=`)));
  assertEquals(given, Object.entries(env).map(([name, value]) => `${name}=${value}`).toSorted());
  assertEquals(lines.filter((line) => /^(tsrun:|DENO_(?!DIR|V8)|HOME=\/proc)/.test(line)), []);
}, { notOnReference: "runc is no program of an engine" });

/** What a user sees of an engine that came to grief. */
const GRIEF = /panic|trap|Aborted|backtrace|internal error|Fatal|Deno|signal|\n.*\n/;

/** With less than this the kernel, or ld.so, starts no compiled program. */
const LEAST_OF_COMPILED: Record<string, number> = {
  "-n": 8,
  "-v": 1_000_000,
  "-d": 10_000,
  "-s": 256,
  "-f": 0,
};

for (
  const [flag, values] of Object.entries({
    "-n": [3, 8, 16, 24, 39, 40, 64, 150, 199, 200, 202, 205, 256],
    "-v": [1000, 10_000_000, 33_000_000, 36_000_000, 41_943_039, 41_943_040],
    "-d": [1000, 100_000, 131_072],
    "-s": [16, 256, 1023, 1024],
    "-f": [0, 1, 1000, 65_536],
  })
) {
  contract(
    `caller: under ulimit ${flag} a container runs, or one line says which limit is too small`,
    async (box) => {
      const container = box.container({ process: { args: ["/bin/true"], rlimits: [] } });
      const bundle = container.bundle.dir;
      for (const value of values) {
        // With less the kernel and ld.so start no program of this size: nothing of tsrun runs.
        if (!isBundle && value < LEAST_OF_COMPILED[flag]) continue;
        const command = `ulimit ${flag} ${value} || exit 1; exec "$@"`;
        const words = [
          TSRUN,
          "--root",
          `${box.dir}/state`,
          "run",
          "--bundle",
          bundle,
          `${container.id}-${value}`,
        ];
        const { code, stderr } = await new Deno.Command("/bin/bash", {
          args: ["-c", command, "bash", ...words],
          stdin: "null",
        }).output();
        const err = new TextDecoder().decode(stderr);
        const what = `ulimit ${flag} ${value}: ${code} ${err}`;
        if (code === 0) assertEquals(err, "", what);
        else assert(code === 1 && err.includes(`(ulimit ${flag})`) && !GRIEF.test(err), what);
      }
      const least = LIMITS.find(({ message }) => message.includes(`ulimit ${flag}`))!.message;
      assert(least.length > 0);
    },
    { notOnReference: "its limits are others" },
  );
}

contract(
  "caller: beside descriptors that it holds open a container runs, or one line says that there are too many",
  async (box) => {
    const container = box.container({ process: { args: ["/bin/true"], rlimits: [] } });
    const bundle = container.bundle.dir;
    for (const held of [5, 10, 20, 25, 30, 35, 40, 43, 45, 47]) {
      // Numbers from 10 on; what this process has inherited is among them or beyond the limit.
      const opens = Array.from({ length: held }, (_, i) => `exec ${10 + i}</dev/null`).join("; ");
      const { code, stderr } = await new Deno.Command("/bin/bash", {
        args: [
          ...["-c", `${opens}; ulimit -n 60; exec "$@"`, "bash", TSRUN, "--root", `${box.dir}/state`, "run"],
          ...["--bundle", bundle, `${container.id}-${held}`],
        ],
        stdin: "null",
      }).output();
      const err = new TextDecoder().decode(stderr), what = `${held} held: ${code} ${err}`;
      if (code === 0) assertEquals(err, "", what);
      else assert(code === 1 && /too many open files|ulimit -n/.test(err) && !GRIEF.test(err), what);
      assert(held > 5 || code === 0, what);
    }
  },
  { notOnReference: "its limits are others" },
);
