/** `./x conformance`: reading TAP, finding programs, comparing, and a made-up suite from beginning to end. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { contract } from "../lib/contract.ts";
import { type CommandOptions, exists, until } from "../lib/process.ts";
import { compareCases, faultsOf, renderJson, renderTable, type Run } from "./report.ts";
import { readRequest } from "./request.ts";
import { findPrograms } from "./suite.ts";
import { type Case, casesOf, parseTap, WHOLE } from "./tap.ts";

const MAIN = new URL("main.ts", import.meta.url).pathname;
const TOP = new URL("../..", import.meta.url).pathname;

const TEXT = `TAP version 13
1..7
ok 1 - first
  ---
  { "error": "not ok" }
  ...
not ok 2 second in 250 ms
# (in test file x.bats, line 5)
#   \`[ "$status" -eq 0 ]' failed
ok 3 third # skip needs a moon
not ok 4 fourth # TODO some day
ok 5 second in 250 ms
ok
not ok 7 - made /tmp/abc123/x of 2c5ea4c0-4067-11e9-8bad-9b1deb4d3b7d # 0.017s
`;

Deno.test("tap: cases with their endings, names and comments", () => {
  const { cases, planned } = parseTap(TEXT);
  assertEquals(planned, 7);
  assertEquals(cases.map(({ name, ending }) => [name, ending]), [
    ["first", "pass"],
    ["second in 250 ms", "fail"],
    ["third", "skip"],
    ["fourth", "skip"],
    ["second in 250 ms (2)", "pass"],
    ["no name", "pass"],
    ["made … of …", "fail"],
  ]);
  assertEquals(cases[1].said, '(in test file x.bats, line 5)\n  `[ "$status" -eq 0 ]\' failed');
  assertEquals(cases[2].said, "needs a moon");
});

Deno.test("tap: what no case tells becomes a case of the program", () => {
  const whole = (stdout: string, status: number | undefined, stderr = "") => {
    const last = casesOf({ stdout, status, stderr }, 9).at(-1)!;
    return last.name === WHOLE ? `${last.ending}: ${last.said}` : "";
  };
  assertEquals(whole("1..1\nok 1\n", 0), "");
  assertEquals(whole("not ok 1\n1..1\n", 1), "");
  assertEquals(whole("ok 1\n1..1\n", 3, "sorry"), "fail: exit status 3\nsorry");
  assertEquals(whole("1..2\nok 1\n", 0), "fail: 2 cases were planned, 1 came; exit status 0");
  assertEquals(whole("ok 1\n", undefined, "half"), "fail: ended after 9 s\nhalf");
  assertEquals(whole("", 0), "fail: no case came; exit status 0");
  assertEquals(whole("1..0 # SKIP no moon\n", 0), "skip: no moon");
  assertEquals(whole("1..0\n", 0), "pass: ");
  assertEquals(whole("1..0\n", 1, "no"), "fail: exit status 1\nno");
  assertEquals(whole("Bail out! no bash\n", 1), "fail: gave up: no bash");
  // As the validation programs announce no case, and have some.
  assertEquals(whole("ok 1\n1..0\n", 0), "");
});

Deno.test("suite: programs are found by name and mode, by path", () => {
  const directory = Deno.makeTempDirSync({ prefix: "tsrun-conformance-" });
  const put = (path: string, mode: number) => {
    Deno.mkdirSync(`${directory}/${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
    Deno.writeTextFileSync(`${directory}/${path}`, "", { mode });
  };
  try {
    for (const path of ["validation/kill/kill.t", "a/test_x.py", "vendor/x/y.t"]) put(path, 0o755);
    for (const path of ["a/one.bats", "a/helpers.bash", "a/not_built.t", "a/tests_utils.py"]) {
      put(path, 0o644);
    }
    Deno.symlinkSync("one.bats", `${directory}/a/two.bats`);
    const found = (...only: string[]) => findPrograms(directory, only).map(({ path }) => path);
    assertEquals(found(), ["a/one.bats", "a/test_x.py", "validation/kill/kill.t"]);
    assertEquals(found("kill", "test_"), ["a/test_x.py", "validation/kill/kill.t"]);
    assertEquals(found("moon"), []);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("request: what cannot be followed is told", () => {
  assertEquals(readRequest(["/", "--only=a", "--only", "b", "--timeout=5", "--reference=/proc/self/comm"]), {
    directory: "/",
    reference: Deno.realPathSync("/proc/self/comm"),
    only: ["a", "b"],
    seconds: 5,
    format: "table",
  });
  assertEquals(readRequest(["--help"]), undefined);
  const rows: [string[], RegExp][] = [
    [[], /give one directory/],
    [["/", "/"], /give one directory/],
    [["/nowhere"], /directory \/nowhere: no such directory/],
    [["/", "--reference=/"], /--reference \/: no such file/],
    [["/", "--timeout=0"], /--timeout 0: not a number of seconds/],
    [["/", "--format=xml"], /--format xml/],
    [["/", "--fast"], /unknown flag --fast/],
  ];
  for (const [args, pattern] of rows) {
    assertMatch(assertThrows(() => readRequest(args), Error).message, pattern);
  }
});

const pass = (name: string): Case => ({ name, ending: "pass", said: "" });
const fail = (name: string, said = ""): Case => ({ name, ending: "fail", said });

Deno.test("report: cases are brought together by name; the table shows what differs", () => {
  const cases = compareCases([pass("a"), fail("b", "why"), fail("c")], [
    fail("a", "x"),
    pass("b"),
    pass("d"),
  ]);
  assertEquals(cases.map(({ name, ending, reference }) => [name, ending, reference]), [
    ["a", "pass", "fail"],
    ["b", "fail", "pass"],
    ["c", "fail", undefined],
    ["d", undefined, "pass"],
  ]);
  const run: Run = { runtime: "/t", reference: "/r", rows: [{ program: "p.t", suite: "s", cases }] };
  assertEquals(faultsOf(run).map(({ found }) => found.name), ["b", "d"]);
  assertEquals(
    renderTable(run),
    `program  pass  fail  skip  ref pass  ref fail  ref skip  differ
p.t         1     2     0         2         1         0       4
all         1     2     0         2         1         0       4

what differs from /r:
p.t: a: pass, reference: fail
    x
p.t: b: fail, reference: pass
    why
p.t: c: fail, reference: did not come
p.t: 1 more cases came with the reference only`,
  );
  assertEquals(JSON.parse(renderJson(run)).totals, { pass: 1, fail: 2, skip: 0 });
  const alone = {
    ...run,
    reference: undefined,
    rows: [{ ...run.rows[0], cases: compareCases([fail("b", "why")], undefined) }],
  };
  assertEquals(faultsOf(alone).length, 1);
  assertEquals(
    renderTable(alone),
    "program  pass  fail  skip\np.t         0     1     0\nall         0     1     0\n\nwhat fails:\np.t: b: fail\n    why",
  );
});

/** Writes a suite of programs of each kind, and a `bats` that runs its file as a shell script. */
function writeSuite(box: Box, programs: Record<string, string>): string {
  const directory = `${box.dir}/suite`;
  Deno.mkdirSync(`${box.dir}/bin`);
  Deno.mkdirSync(directory);
  const script = (path: string, text: string) =>
    Deno.writeTextFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  script(`${box.dir}/bin/bats`, '[ "$1" = --tap ] && exec sh "$2"');
  script(`${box.dir}/bin/python3`, 'exec sh "$1"');
  for (const [name, text] of Object.entries(programs)) script(`${directory}/${name}`, text);
  return directory;
}

/** Runs the program on a suite with the box's runtime. */
function conformance(box: Box, directory: string, args: string[], more: CommandOptions = {}) {
  const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];
  const command = [Deno.execPath(), "run", "--quiet", "--allow-all", ...imports, MAIN, directory, ...args];
  const env = {
    PATH: `${box.dir}/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    TSRUN: box.runtime.path,
    DENO_DIR: Deno.env.get("DENO_DIR") ?? `${TOP}.deno/cache`,
  };
  return box.command(command, { env, cwd: TOP, timeout: 60_000, ...more });
}

contract("conformance: programs of each kind, against the runtime and another one", async (box) => {
  const directory = writeSuite(box, {
    "version.t":
      '"$RUNTIME" --version >/dev/null && echo ok 1 - version || echo not ok 1 - version\necho 1..1',
    "spec.bats": 'cd "$TMPDIR" && "$RUNC" spec && echo ok 1 spec || echo "not ok 1 spec"\necho 1..1',
    "test_all.py": '"$OCI_RUNTIME" features >/dev/null; echo "ok 1 # skip $?"',
  });
  Deno.writeTextFileSync(`${box.dir}/broken`, "#!/bin/sh\nexit 5\n", { mode: 0o755 });
  const { code, stdout, stderr } = await conformance(
    box,
    directory,
    [`--reference=${box.dir}/broken`, "--format=json"],
  );
  assertMatch(stderr, /^1 of 3: spec\.bats\n2 of 3: test_all\.py\n3 of 3: version\.t\n$/);
  const { programs } = JSON.parse(stdout);
  const endings = programs.map(({ cases }: { cases: Case[] }) => cases[0]);
  assertEquals(
    endings.map(({ name, ending, reference }: Record<string, string>) => [name, ending, reference]),
    [
      ["spec", "pass", "fail"],
      ["no name", "skip", "skip"],
      ["version", "pass", "fail"],
    ],
  );
  assertEquals(code, 0);
  const other = await conformance(box, directory, ["--only=version", "--only=moon"]);
  assertMatch(other.stdout, /^program +pass .*\nversion\.t +1 +0 +0\nall +1 +0 +0\n$/);
  const none = await conformance(box, directory, ["--only=moon"]);
  assertEquals([none.code, none.stdout], [2, ""]);
  assertMatch(none.stderr, /^conformance: no test programs in .*suite .*\n$/);
});

contract("conformance: nothing of a program stays, neither processes nor containers", async (box) => {
  const container = box.container({ process: { args: ["/bin/sleep", "1000"] } });
  const { dir } = container.bundle, { id } = container;
  const directory = writeSuite(box, {
    "leaves.t":
      `"$RUNTIME" run -d --bundle ${dir} ${id} >/dev/null 2>&1 </dev/null && echo ok 1 || echo not ok 1\necho 1..1`,
    "hangs.bats":
      `echo ok 1\nmount -t tmpfs ${box.token} /mnt\nsh -c "sleep 1000; true" ${box.token} &\nsleep 1000`,
  });
  const begin = performance.now();
  const { code, stdout } = await conformance(box, directory, ["--timeout=2", "--only=hangs"]);
  assertEquals(code, 1);
  assertMatch(stdout, /hangs\.bats: the program itself: fail\n {4}ended after 2 s/);
  assert(performance.now() - begin < 60_000);
  const leaves = await conformance(box, directory, ["--only=leaves"]);
  assertEquals([leaves.code, leaves.stdout.split("\n")[1]], [0, "leaves.t     1     0     0"]);
  await box.assertNothingLeft();
});

contract("conformance: a signal ends the run, and the table has what is done", async (box) => {
  const directory = writeSuite(box, {
    "a.bats": "echo ok 1; echo 1..1",
    "b.bats": `echo $PPID >${box.dir}/there; sh -c "sleep 1000; true" ${box.token}`,
  });
  const started: number[] = [];
  const ended = conformance(box, directory, [], { onStart: (pid) => started.push(pid) });
  await until("the second program", () => exists(`${box.dir}/there`));
  Deno.kill(started[0], "SIGTERM");
  const { code, stdout, stderr } = await ended;
  assertEquals(code, 1);
  assertMatch(stdout, /\na\.bats +1 +0 +0\nall +1 +0 +0\n$/);
  assertMatch(stderr, /ended here: 1 of 2 programs have been run/);
  await box.assertNothingLeft();
});
