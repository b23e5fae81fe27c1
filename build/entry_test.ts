import { assertEquals, assertStringIncludes } from "@std/assert";
import { skip } from "../tests/lib/skip.ts";
import { type Architecture, engineOfProgram, entryCode, entryProgram, type EntryTable } from "./entry.ts";

const ARCHES: readonly Architecture[] = ["x86_64", "aarch64"];
const GNU = { x86_64: "x86_64-linux-gnu", aarch64: "aarch64-linux-gnu" } as const;

function find(...paths: string[]): string | undefined {
  return paths.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A program of GNU binutils for an architecture; the native ones may have no prefix. */
function binutil(arch: Architecture, tool: string): string | undefined {
  return find(
    `/usr/bin/${GNU[arch]}-${tool}`,
    ...(arch === Deno.build.arch ? [`/usr/bin/${tool}`] : []),
  );
}

function run(program: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(program, { args, stdin: "null" }).outputSync();
  if (!success) throw new Error(`${program}: ${new TextDecoder().decode(stderr)}`);
}

/** What runs a program of an architecture; undefined where nothing can. */
function runnerOf(arch: Architecture): string[] | undefined {
  if (arch === Deno.build.arch) return [];
  const emulator = find(`/usr/bin/qemu-${arch}-static`, `/usr/bin/qemu-${arch}`);
  return emulator ? [emulator] : undefined;
}

/** An engine that tells its arguments, its environment and its directory, a line each. */
const TELLS = `for a in "$0" "$@"; do echo "<$a>"; done; tr '\\0' '\\n' </proc/$$/environ; pwd -P`;
const TABLE: EntryTable = {
  engine: "/bin/sh",
  args: ["sh", "-c", TELLS],
  variables: ["HOME=/proc", "LAST=1"],
  limits: [],
  failure: "cannot start",
  noProcess: "no process",
};

/** How the entry is started. */
interface Start {
  /** Commands of a shell that starts it then. */
  before?: string;
  args?: readonly string[];
  env?: Record<string, string>;
  as?: number;
}

/** Starts the entry. @returns Exit status, output and error output. */
function start(arch: Architecture, table: EntryTable, how: Start = {}): [number, string, string] {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.chmodSync(dir, 0o755);
    const file = `${dir}/entry`;
    Deno.writeFileSync(file, entryProgram(table, arch), { mode: 0o755 });
    const { before, args = [], env = {}, as } = how;
    const shell = before === undefined ? [] : ["/bin/bash", "-c", `${before}; exec "$@"`, "bash"];
    const [program, ...words] = [...shell, ...runnerOf(arch)!, file, ...args];
    const { code, stdout, stderr } = new Deno.Command(program, {
      args: words,
      clearEnv: true,
      env,
      cwd: "/usr",
      ...(as === undefined ? {} : { uid: as, gid: as }),
    }).outputSync();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(file, "FILE");
    return [code, text(stdout), text(stderr)];
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const limit = (resource: number, which: "soft" | "hard", least: number, message: string) => ({
  ...TABLE,
  limits: [{ resource, which, least, message }],
});

/** Tests that run under every architecture that there is a way to run. */
const BEHAVIOUR: Readonly<Record<string, (arch: Architecture) => void>> = {
  "gives the engine its arguments, its own path, and the caller's": (arch) => {
    const [code, out, err] = start(arch, TABLE, { args: ["a b", "", "$x"] });
    assertEquals([code, err], [0, ""]);
    assertEquals(out.split("\n").slice(0, 4), ["<FILE>", "<a b>", "<>", "<$x>"]);
  },
  "puts its own variables first, and the caller's under other names": (arch) => {
    const env = { DENO_V8_FLAGS: "--x", LD_DEBUG: "all", HOME: "/root", "tsrun:A": "1", EMPTY: "" };
    const [, out, err] = start(arch, TABLE, { env });
    assertEquals(err, "");
    const lines = out.split("\n").slice(1, -2);
    assertEquals(lines.slice(0, 2), ["HOME=/proc", "LAST=1"]);
    const expected = Object.entries(env).map(([name, value]) => `tsrun:${name}=${value}`);
    assertEquals(lines.slice(2).toSorted(), expected.toSorted());
  },
  "takes an environment of a megabyte, and of nothing": (arch) => {
    const big = "x".repeat(100_000);
    const env = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`BIG_${i}`, big]));
    const [code, out] = start(arch, TABLE, { env });
    assertEquals(code, 0);
    for (let i = 0; i < 10; i++) assertStringIncludes(out, `tsrun:BIG_${i}=${big}\n`);
    const [, none] = start(arch, { ...TABLE, variables: [] });
    assertEquals(none, "<FILE>\n/usr\n");
  },
  "goes to / where its directory was removed, and stays elsewhere": (arch) => {
    const before = "d=$(mktemp -d) && cd $d && rmdir $d";
    assertEquals(start(arch, TABLE, { before, env: { PATH: "/bin:/usr/bin" } })[1].split("\n").at(-2), "/");
    assertEquals(start(arch, TABLE)[1].split("\n").at(-2), "/usr");
  },
  "says which limit is too small, and starts nothing": (arch) => {
    const soft = limit(7, "soft", 100, "too few: soft"), hard = limit(7, "hard", 100, "too few: hard");
    assertEquals(start(arch, soft, { before: "ulimit -n 99" }), [1, "", "too few: soft\n"]);
    assertEquals(start(arch, soft, { before: "ulimit -Sn 99" }), [1, "", "too few: soft\n"]);
    assertEquals(start(arch, hard, { before: "ulimit -n 99" }), [1, "", "too few: hard\n"]);
    assertEquals(start(arch, hard, { before: "ulimit -Sn 99" })[0], 0);
    assertEquals(start(arch, soft, { before: "ulimit -n 100" })[0], 0);
    // No limit at all is the largest of numbers.
    assertEquals(start(arch, limit(4, "soft", 2 ** 50, "core"), { before: "ulimit -c unlimited" })[0], 0);
  },
  "says that its engine is not there": (arch) => {
    assertEquals(start(arch, { ...TABLE, engine: "/nonexistent/engine" }), [1, "", "cannot start\n"]);
  },
};

for (const arch of ARCHES) {
  const name = `entry: the bytes for ${arch} are what its source assembles to`;
  const as = binutil(arch, "as"), objcopy = binutil(arch, "objcopy");
  if (!as || !objcopy) skip(name, `no binutils for ${arch} (binutils-${GNU[arch]})`);
  else {
    Deno.test(name, () => {
      const directory = Deno.makeTempDirSync();
      try {
        run(as, "-o", `${directory}/o`, new URL(`entry_${arch}.s`, import.meta.url).pathname);
        run(objcopy, "-O", "binary", "-j", ".text", `${directory}/o`, `${directory}/bin`);
        assertEquals(entryCode(arch), Deno.readFileSync(`${directory}/bin`));
      } finally {
        Deno.removeSync(directory, { recursive: true });
      }
    });
  }
  for (const [name, test] of Object.entries(BEHAVIOUR)) {
    const runner = runnerOf(arch);
    const title = `entry: on ${arch}${runner?.length ? " (emulated)" : ""} it ${name}`;
    if (runner === undefined) skip(title, `no emulator for ${arch} (qemu-user-static)`);
    else Deno.test(title, () => test(arch));
  }
}

const unprivileged = "entry: it says so where no process more may be started";
if (Deno.uid() !== 0) skip(unprivileged, "needs root, to be a user of no processes");
else {
  Deno.test(unprivileged, () => {
    const how = { as: 61_234, before: "ulimit -u 1" };
    assertEquals(start(Deno.build.arch as Architecture, TABLE, how), [1, "", "no process\n"]);
  });
}

Deno.test("entry: it tells which engine a program starts, and of any other none", () => {
  for (const arch of ARCHES) {
    const program = entryProgram({ ...TABLE, engine: "/a/b-c/deno" }, arch);
    assertEquals(engineOfProgram(program, arch), "/a/b-c/deno");
    assertEquals(engineOfProgram(program.subarray(0, 300), arch), undefined);
  }
  assertEquals(engineOfProgram(new TextEncoder().encode("#!/bin/sh\nexec deno".repeat(100))), undefined);
});
