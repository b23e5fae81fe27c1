import { assertEquals, assertStringIncludes } from "@std/assert";
import { skip } from "../tests/lib/skip.ts";
import { type Architecture, engineOfProgram, entryCode, entryProgram } from "./entry.ts";
import { ARCHES, binutil, GNU, HERE, runnerOf, runTool, startEntry, TABLE } from "./entry_testing.ts";

const limit = (resource: number, which: "soft" | "hard", least: number, message: string) => ({
  ...TABLE,
  limits: [{ resource, which, least, message }],
});

/** Tests that run under every architecture that there is a way to run. */
const BEHAVIOUR: Readonly<Record<string, (arch: Architecture) => void>> = {
  "gives the engine its arguments, its own path, and the caller's": (arch) => {
    const [code, out, err] = startEntry(arch, TABLE, { args: ["a b", "", "$x"] });
    assertEquals([code, err], [0, ""]);
    assertEquals(out.split("\n").slice(0, 4), ["<FILE>", "<a b>", "<>", "<$x>"]);
  },
  "puts its own variables first, and the caller's under other names": (arch) => {
    const env = { DENO_V8_FLAGS: "--x", LD_DEBUG: "all", HOME: "/root", "tsrun:A": "1", EMPTY: "" };
    const [, out, err] = startEntry(arch, TABLE, { env });
    assertEquals(err, "");
    const lines = out.split("\n").slice(1, -2);
    assertEquals(lines.slice(0, 2), ["HOME=/proc", "LAST=1"]);
    const expected = Object.entries(env).map(([name, value]) => `tsrun:${name}=${value}`);
    assertEquals(lines.slice(2).toSorted(), expected.toSorted());
  },
  "takes an environment of a megabyte, and of nothing": (arch) => {
    const big = "x".repeat(100_000);
    const env = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`BIG_${i}`, big]));
    const [code, out] = startEntry(arch, TABLE, { env });
    assertEquals(code, 0);
    for (let i = 0; i < 10; i++) assertStringIncludes(out, `tsrun:BIG_${i}=${big}\n`);
    const [, none] = startEntry(arch, { ...TABLE, variables: [] });
    assertEquals(none, "<FILE>\n/usr\n");
  },
  "goes to / where its directory was removed, and stays elsewhere": (arch) => {
    const before = "d=$(mktemp -d) && cd $d && rmdir $d";
    assertEquals(
      startEntry(arch, TABLE, { before, env: { PATH: "/bin:/usr/bin" } })[1].split("\n").at(-2),
      "/",
    );
    assertEquals(startEntry(arch, TABLE)[1].split("\n").at(-2), "/usr");
  },
  "says which limit is too small, and starts nothing": (arch) => {
    const soft = limit(7, "soft", 100, "too few: soft"), hard = limit(7, "hard", 100, "too few: hard");
    assertEquals(startEntry(arch, soft, { before: "ulimit -n 99" }), [1, "", "too few: soft\n"]);
    assertEquals(startEntry(arch, soft, { before: "ulimit -Sn 99" }), [1, "", "too few: soft\n"]);
    assertEquals(startEntry(arch, hard, { before: "ulimit -n 99" }), [1, "", "too few: hard\n"]);
    assertEquals(startEntry(arch, hard, { before: "ulimit -Sn 99" })[0], 0);
    assertEquals(startEntry(arch, soft, { before: "ulimit -n 100" })[0], 0);
    // No limit at all is the largest of numbers.
    assertEquals(
      startEntry(arch, limit(4, "soft", 2 ** 50, "core"), { before: "ulimit -c unlimited" })[0],
      0,
    );
  },
  "says that too few descriptors are free, and leaves limit and descriptors as they were": (arch) => {
    const table = { ...TABLE, descriptors: { free: 37, message: "too many open" } };
    const tells = { ...table, args: ["sh", "-c", "ulimit -Sn; ulimit -Hn"] };
    const more = (count: number) =>
      Array.from({ length: count }, (_, i) => `exec ${10 + i}</dev/null`).join("; ");
    assertEquals(startEntry(arch, table, { before: `${more(70)}; ulimit -n 80` }), [
      1,
      "",
      "too many open\n",
    ]);
    assertEquals(startEntry(arch, table, { before: `${more(10)}; ulimit -n 80` })[0], 0);
    const soft = { before: "ulimit -Sn 20; ulimit -Hn 100" };
    assertEquals(startEntry(arch, tells, soft), [0, "20\n100\n", ""]);
  },
  "says that its engine is not there": (arch) => {
    assertEquals(startEntry(arch, { ...TABLE, engine: "/nonexistent/engine" }), [1, "", "cannot start\n"]);
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
        runTool(as, "-I", HERE, "-o", `${directory}/o`, `${HERE}/entry_${arch}.s`);
        runTool(objcopy, "-O", "binary", "-j", ".text", `${directory}/o`, `${directory}/bin`);
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
    assertEquals(startEntry(Deno.build.arch as Architecture, TABLE, how), [1, "", "no process\n"]);
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
