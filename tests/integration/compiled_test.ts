/** The compiled kind: where it keeps its compiled code, and that it is never in need of it. */
import { assert, assertEquals } from "@std/assert";
import { cacheOf } from "../../build/compiled_place.ts";
import { textOfBundle } from "../../build/launcher.ts";
import { exists } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";

const TSRUN = pathUnderTest();
const isBundle = textOfBundle(Deno.readFileSync(TSRUN)) !== undefined;
/** A user of no rights. */
const NOBODY = { uid: 61_235, gid: 61_235 };

/** A place with a copy of the program. */
interface Place {
  dir: string;
  program: string;
}

interface Answer {
  code: number;
  out: string;
  err: string;
}

interface Start {
  env?: Record<string, string>;
  uid?: number;
  gid?: number;
}

async function start(program: string, args: string[], how: Start = {}): Promise<Answer> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    clearEnv: true,
    cwd: "/",
    stdin: "null",
    ...how,
  }).output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

async function assertRuns(program: string, how: Start = {}): Promise<void> {
  const { code, out, err } = await start(program, ["--version"], how);
  assertEquals([code, err], [0, ""]);
  assert(out.includes("kind: compiled\n"), out);
}

/** Registers a test that gets a directory of root's with a copy of the program. */
function compiledTest(name: string, fn: (place: Place) => Promise<void>, lacking?: string): void {
  const title = `compiled: ${name}`;
  const reason = isBundle ? "tsrun is no compiled program" : Deno.uid() !== 0 ? "needs root" : lacking;
  if (reason !== undefined) return skip(title, reason);
  Deno.test(title, async () => {
    const dir = Deno.makeTempDirSync({ prefix: "tsrun-compiled-" });
    try {
      Deno.chmodSync(dir, 0o755);
      Deno.copyFileSync(TSRUN, `${dir}/tsrun`);
      await fn({ dir, program: `${dir}/tsrun` });
    } finally {
      Deno.removeSync(dir, { recursive: true });
    }
  });
}

/** Snapshots of the started engine are for this architecture only. */
const HAS_SNAPSHOTS = Deno.build.arch === "x86_64";

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).toSorted();
const inode = (path: string) => Deno.statSync(path).ino;

compiledTest(
  "a copy's first run by its owner fills its directory, later ones change nothing",
  async ({ dir, program }) => {
    await assertRuns(program);
    const { directory, file } = cacheOf(program);
    assertEquals(names(dir), [".tsrun", "tsrun"]);
    assertEquals([Deno.statSync(directory).mode! & 0o777, Deno.statSync(file).mode! & 0o777], [0o755, 0o644]);
    const before = [inode(directory), inode(file)];
    await assertRuns(program);
    await start(program, ["state", "nothing-of-this-name"]);
    assertEquals([inode(directory), inode(file)], before);
  },
);

compiledTest(
  "a copy takes a snapshot of its started engine at its first run, and another when it is told to",
  async ({ program }) => {
    const { directory } = cacheOf(program);
    const snapshots = () => names(directory).filter((name) => name.startsWith("snapshot-"));
    const fromSnapshot = async () => {
      const { out } = await start(program, ["doctor", "--format", "json"]);
      const { groups } = JSON.parse(out) as { groups: { name: string; findings: { state: string }[] }[] };
      return groups.find(({ name }) => name === "start")?.findings[0].state === "ok";
    };
    await assertRuns(program);
    const [name] = snapshots(), path = `${directory}/${name}`;
    assertEquals([snapshots().length, Deno.statSync(path).mode! & 0o777], [1, 0o600]);
    assert(await fromSnapshot());
    Deno.removeSync(path);
    assert(!await fromSnapshot());
    const { code, out, err } = await start(program, ["--take-snapshot"]);
    assertEquals([code, /^started engine: \d+ MB\n$/.test(out), err], [0, true, ""]);
    assertEquals(snapshots(), [name]);
    assert(await fromSnapshot());
    await assertRuns(program, NOBODY);
  },
  HAS_SNAPSHOTS ? undefined : "no snapshots on this architecture",
);

compiledTest("a renamed program, and a tree that was copied, have their own", async ({ dir, program }) => {
  await assertRuns(program);
  Deno.renameSync(program, `${dir}/other.name`);
  await assertRuns(`${dir}/other.name`);
  assert(exists(cacheOf(`${dir}/other.name`).file));
  const { success } = await new Deno.Command("cp", { args: ["-a", dir, `${dir}-copy`] }).output();
  assert(success);
  try {
    const { file } = cacheOf(`${dir}-copy/other.name`);
    const before = inode(file);
    await assertRuns(`${dir}-copy/other.name`);
    assertEquals(inode(file), before);
  } finally {
    Deno.removeSync(`${dir}-copy`, { recursive: true });
  }
});

compiledTest("fifty first starts at once", async ({ dir, program }) => {
  await Promise.all(Array.from({ length: 50 }, () => assertRuns(program)));
  assertEquals(names(dir), [".tsrun", "tsrun"]);
  const [cache, ...snapshot] = names(`${dir}/.tsrun`);
  assertEquals([cache, snapshot.length], ["deno-compile-tsrun.cache", HAS_SNAPSHOTS ? 1 : 0]);
});

compiledTest("garbage in the cache, or something else in its place, is no harm", async ({ program }) => {
  const { directory, file } = cacheOf(program);
  await assertRuns(program);
  const size = Deno.statSync(file).size;
  for (const garbage of ["", "garbage ".repeat(1000), "\0".repeat(size)]) {
    Deno.writeTextFileSync(file, garbage);
    await assertRuns(program);
    await assertRuns(program, { env: { TSRUN_SNAPSHOT: "no" } });
  }
  Deno.removeSync(directory, { recursive: true });
  Deno.writeTextFileSync(directory, "a file");
  await assertRuns(program);
  assertEquals(Deno.readTextFileSync(directory), "a file");
});

compiledTest(
  "a directory that is another's, a link, or writable by others is not used",
  async ({ dir, program }) => {
    const { directory, file } = cacheOf(program);
    const spoils: Record<string, () => void> = {
      "another's": () => Deno.chownSync(directory, NOBODY.uid, NOBODY.gid),
      "writable by its group": () => Deno.chmodSync(directory, 0o775),
      "writable by all": () => Deno.chmodSync(directory, 0o757),
      "a link": () => {
        Deno.renameSync(directory, `${dir}/elsewhere`);
        Deno.symlinkSync("elsewhere", directory);
      },
    };
    for (const [name, spoil] of Object.entries(spoils)) {
      Deno.mkdirSync(directory);
      Deno.chmodSync(directory, 0o755);
      spoil();
      // A run that fills the cache would write to a directory that is trusted.
      await start(program, ["--fill-code-cache"]);
      assert(!exists(file), name);
      await assertRuns(program);
      await Deno.remove(directory, { recursive: true });
    }
    Deno.mkdirSync(directory);
    await start(program, ["--fill-code-cache"]);
    assert(exists(file));
  },
);

compiledTest(
  "a user without rights runs it, with and without the directory, and leaves nothing",
  async ({ dir, program }) => {
    await assertRuns(program, NOBODY);
    assertEquals(names(dir), ["tsrun"]);
    await assertRuns(program);
    const before = inode(cacheOf(program).file);
    await assertRuns(program, NOBODY);
    assertEquals(inode(cacheOf(program).file), before);
  },
);

const strace = ["/usr/bin/strace"].find(exists);
compiledTest(
  "nothing is read from or written to HOME, XDG_DATA_HOME or a temporary directory",
  async ({ dir, program }) => {
    const places = ["home", "data", "tmp"].map((name) => `${dir}/${name}`);
    for (const place of places) Deno.mkdirSync(place);
    for (const place of places) Deno.chmodSync(place, 0o777);
    const [HOME, XDG_DATA_HOME, TMPDIR] = places;
    const env = { HOME, XDG_DATA_HOME, TMPDIR, XDG_CACHE_HOME: XDG_DATA_HOME, DENO_DIR: XDG_DATA_HOME };
    for (const who of [{}, NOBODY, {}]) {
      const log = `${dir}/strace-log`;
      Deno.writeTextFileSync(log, "");
      Deno.chmodSync(log, 0o666);
      const words = ["-f", "-qq", "-e", "trace=%file", "-o", log, program, "--version"];
      const { code, err } = await start(strace!, words, { env, ...who });
      assertEquals([code, err], [0, ""]);
      const touched = Deno.readTextFileSync(log).split("\n").filter((line) =>
        [...places, '"/tmp/', '"/root', '"/var/tmp'].some((place) =>
          line.includes(place) && !line.includes(program) && !line.includes(`${dir}/.tsrun`)
        )
      );
      assertEquals(touched.filter((line) => !/execve\(|"\/proc\/self\/exe"/.test(line)), []);
      assertEquals(places.flatMap(names), []);
    }
  },
  strace === undefined ? "strace is not installed" : undefined,
);

compiledTest("a read-only file system", async ({ dir, program }) => {
  const script = `mount --bind ${dir} ${dir} && mount -o remount,ro,bind ${dir} && exec ${program} --version`;
  const { code, out, err } = await start("/usr/bin/unshare", [
    ...["--mount", "--propagation", "private", "/bin/sh", "-c", script],
  ]);
  assertEquals([code, err], [0, ""]);
  assert(out.includes("kind: compiled\n"));
  assertEquals(names(dir), ["tsrun"]);
});
