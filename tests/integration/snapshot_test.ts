/**
 * A command that goes on from the snapshot of a started engine (build/snapshot) does what one does whose
 * engine starts anew, and where the snapshot is not as it should be the engine starts.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { engineOfProgram } from "../../build/entry.ts";
import { withDeno } from "../../build/launcher.ts";
import { BASE } from "../../build/snapshot/head.ts";
import { ARGUMENTS, RECORD_SIZE } from "../../ffi/record.ts";
import type { Box } from "../lib/box.ts";
import { assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { readText, type Result } from "../lib/process.ts";
import { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { lacksSnapshot, snapshotOfBundle, snapshotUnderTest } from "../lib/snapshot.ts";

const ONLY = { notOnReference: "runc has no engine", skip: lacksSnapshot() };
/** For tests that take another engine's path for an engine that starts anew. */
const OF_BUNDLE = {
  ...ONLY,
  skip: ONLY.skip ??
    (snapshotOfBundle(pathUnderTest()) === undefined ? "a compiled program is its engine" : undefined),
};
/** With it a command starts the engine. */
const NONE = { TSRUN_SNAPSHOT: "no" };

/** What differs between two runs of one command. */
function timeless({ code, stdout, stderr }: Result): Result {
  return { code, stdout, stderr: stderr.replaceAll(/time="[^"]*"/g, "") };
}

/** Runs a line of bash that has the runtime in `$T` and the box in `$D`. */
async function line(box: Box, script: string, env: Record<string, string> = {}): Promise<Result> {
  const all = { PATH: "/usr/bin:/bin:/usr/sbin:/sbin", T: box.runtime.path, D: box.dir, ...env };
  return timeless(await box.command(["/bin/bash", "-c", script], { env: all }));
}

/** Lines whose output, errors and exit status are the same. */
const LINES: Readonly<Record<string, string>> = {
  "answers without a container":
    "$T --version; $T; $T --help; $T features; $T wrong; $T ''; $T state none; $T --root $D/r list -f json",
  "a spec, and what validate says of it":
    "cd $D; $T spec; echo $?; cat config.json; $T validate .; rm config.json",
  "arguments that are not UTF-8, and many":
    `$T state "$(printf 'a\\377b')"; $T "$(printf 'a\\377b')"; $T state $(seq 500)`,
  "an environment of a megabyte":
    'B=$(head -c 100000 /dev/zero | tr "\\\\0" x); export B1=$B B2=$B B3=$B B4=$B B5=$B B6=$B B7=$B B8=$B B9=$B; ' +
    "$T state none; $T --version",
  "a working directory that was removed":
    "mkdir $D/gone; cd $D/gone; rmdir $D/gone; $T state none; $T --version",
  "closed standard streams":
    "$T state none 0>&-; $T state none 1>&-; $T state none 2>&-; $T --version <&- 2>&-; " +
    "$T --version >&-; $T state none <&- >&- 2>&-; echo $?",
  "output that cannot be written": "$T features >/dev/full; echo $?; $T features | head -c 9",
  "numbers of descriptors that the caller holds":
    "exec 100</dev/null 103</dev/null 107</dev/null; $T state none",
  "small limits":
    "(ulimit -n 39; $T state none); (ulimit -n 90; $T state none); (ulimit -v 100000; $T state none); " +
    "(ulimit -s 100; $T state none); (ulimit -d 1000; $T state none); (ulimit -f 0; $T state none) 2>&1 | cat",
  "fixed addresses, another kernel's name, no new privileges":
    "setarch -R $T state none; setarch --uname-2.6 $T --version; setpriv --no-new-privs $T --version",
  "a hang-up that is ignored, and pipes that are not":
    "nohup $T state none; (trap '' PIPE; $T --version) | cat",
  "another user": "setpriv --reuid 61234 --regid 61234 --clear-groups $T --version",
  "a user namespace": "unshare -Ur $T state none; unshare -U $T --version",
  "another clock": "unshare --time --boottime 100000 --monotonic 100000 $T --version; " +
    "U=$(cut -d. -f1 /proc/uptime); unshare --time --boottime=-$U --monotonic=-$U $T --version",
  "no /proc": "unshare -m --propagation private sh -c 'umount -l /proc; $T --version'",
};

/** Lines at which a compiled program that starts anew comes to grief before anything of tsrun's runs. */
const NOT_COMPILED = ["arguments that are not UTF-8, and many", "small limits"];

for (const [what, script] of Object.entries(LINES)) {
  contract(`snapshot: it answers as the engine does: ${what}`, async (box) => {
    const started = await line(box, script);
    assertEquals(started, await line(box, script, NONE));
    assert(started.stdout + started.stderr !== "");
    assert(!/SIG|core dumped|panic/.test(started.stderr), started.stderr);
  }, NOT_COMPILED.includes(what) ? OF_BUNDLE : ONLY);
}

contract("snapshot: what recurs too deep is the engine's error, and no signal", async (box) => {
  const container = box.container();
  for (const depth of [3000, 200_000]) {
    container.writeConfig(`{"annotations": ${"[".repeat(depth)}${"]".repeat(depth)}}`);
    const started = timeless(await container.create()),
      other = timeless(await container.create({ env: NONE }));
    assertEquals(started.code, 1);
    assertEquals(other, { ...started, stderr: started.stderr.repeat(2) });
    for (const stream of ["out", "err"]) Deno.removeSync(`${box.dir}/${container.id}.${stream}`);
  }
}, ONLY);

contract("snapshot: 2 MB of configuration, and what they leave of the heap", async (box) => {
  const annotations = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`a${i}`, "x".repeat(80)]));
  const container = box.container({ annotations });
  await container.started();
  assertEquals(Object.keys((await container.state()).annotations ?? {}).length, 20_000);
}, ONLY);

/** What a hook sees of the program, which is the first of its ancestors that is not the stage. */
const TELL = "n=$PPID; while [[ $(readlink /proc/$n/exe) == /memfd:* ]]; do " +
  "n=$(awk '/^PPid/ { print $2 }' /proc/$n/status); done; p=/proc/$n; " +
  "readlink $p/exe; cat $p/comm; tr '\\0' ' ' <$p/cmdline; echo; readlink $p/cwd; umask; " +
  "grep -E '^(Sig(Ign|Blk)|CapEff|NoNewPrivs):' $p/status; grep -E 'stack|core' $p/limits; " +
  "tr '\\0' '\\n' </proc/$$/environ | sort; ls $p/task | wc -l";

/** A container whose hook tells that, in a file. */
function telling(box: Box): Container {
  const hook = { path: "/bin/bash", args: ["bash", "-c", `(${TELL}) >${box.dir}/told`] };
  return box.container({ process: { args: ["/bin/true"] }, hooks: { createRuntime: [hook] } });
}

/** Makes a container with a program. @returns What its hook saw, the program's executable first. */
async function seenBy(
  { box, bundle }: Container,
  id: string,
  program: string,
  before = ":",
  env: Record<string, string> = {},
): Promise<string[]> {
  const script = `${before}; exec "$@" <&0`;
  const words = [program, "--root", box.root, "create", "--bundle", bundle.dir, id];
  const files = `${box.dir}/create-${id}`;
  assertOk(await box.command(["/bin/bash", "-c", script, "bash", ...words], { env, files }));
  assertOk(await box.cli(["delete", "--force", id]));
  return readText(`${box.dir}/told`).replaceAll(id, "ID").split("\n");
}

contract(
  "snapshot: the caller's surroundings are the process's, and nothing of the build's is",
  async (box) => {
    const container = telling(box), program = box.runtime.path;
    const env = { A: "1", HOME: "/h", DENO_DIR: "/d", LAST: "" };
    const before = `cd ${box.dir}; umask 0137; trap '' HUP USR1 PIPE; ulimit -c 7`;
    const started = await seenBy(container, `${container.id}-1`, program, before, env);
    const other = await seenBy(container, `${container.id}-2`, program, before, { ...env, ...NONE });
    assertEquals(started[0], program);
    const engine = engineOfProgram(Deno.readFileSync(program));
    assertEquals(other[0], engine === undefined ? program : Deno.realPathSync(engine));
    assertEquals(started[1], "tsrun");
    assertEquals(started[2], `${program} --root ${box.root} create --bundle ${container.bundle.dir} ID `);
    const rest = (lines: string[]) =>
      lines.slice(3, -2).filter((line) => !line.startsWith("TSRUN_SNAPSHOT="));
    assertEquals(rest(started), rest(other));
    assert(rest(started).includes("DENO_DIR=/d") && rest(started).includes("0137"), started.join("\n"));
    // One thread is enough.
    assertEquals(started.at(-2), "1");
  },
  ONLY,
);

contract("snapshot: a container's limits are its caller's, and times are true", async (box) => {
  const script = "ulimit -Sn; ulimit -Hn; ulimit -Ss; umask";
  const container = box.container({ process: { args: ["/bin/sh", "-c", script], rlimits: [] } });
  const begin = Date.now();
  const words = '"$T" --root $D/state run --bundle $B $I';
  const limits = "ulimit -Sn 300; ulimit -Hn 400; ulimit -Ss 4096; umask 077";
  const env = { B: container.bundle.dir };
  const started = await line(box, `${limits}; ${words}`, { ...env, I: `${container.id}-1` });
  const other = await line(box, `${limits}; ${words}`, { ...env, ...NONE, I: `${container.id}-2` });
  assertEquals([started.code, started.stderr], [0, ""]);
  assertEquals(started, other);
  await container.created({ globals: ["--debug"] });
  const created = Date.parse((await container.state()).created);
  assert(created >= begin - 1000 && created <= Date.now() + 1000, `${created}, not from ${begin}`);
  const log = readText(`${box.dir}/${container.id}.err`);
  const [, first] = /stage \\"command line read\\": ([\d.]+) ms/.exec(log) ?? [];
  const [, last] = /stage \\"created\\": ([\d.]+) ms/.exec(log) ?? [];
  assert(Number(first) >= 0 && Number(first) < 20_000 && Number(last) < 60_000, log);
  assertMatch(log, /JavaScript's clock began \d{1,4} ms after the process/);
}, ONLY);

contract("snapshot: input, output, signals and the exit status of a run in the foreground", async (box) => {
  const container = box.container({ process: { args: ["/bin/sh", "-c", "read x; echo got $x; exit 7"] } });
  const words = 'echo in | "$T" --root $D/state run --bundle $B $I | cat; echo ${PIPESTATUS[1]}';
  const env = { B: container.bundle.dir };
  const started = await line(box, words, { ...env, I: `${container.id}-1` });
  assertEquals(started, { code: 0, stdout: "got in\n7\n", stderr: "" });
  assertEquals(started, await line(box, words, { ...env, ...NONE, I: `${container.id}-2` }));

  const trap = "trap 'echo term; exit 9' TERM; echo ready; while :; do sleep 0.05; done";
  container.configure({ process: { args: ["/bin/sh", "-c", trap] } });
  const signalled = await line(
    box,
    '"$T" --root $D/state run --bundle $B $I >$D/o & p=$!; ' +
      "while ! grep -qs ready $D/o; do sleep 0.05; done; kill $p; wait $p; echo $?; cat $D/o",
    { ...env, I: `${container.id}-3` },
  );
  assertEquals(signalled, { code: 0, stdout: "9\nready\nterm\n", stderr: "" });
}, ONLY);

contract("snapshot: a terminal in the foreground", async (box) => {
  const script = "echo begun; read x; echo got $x; stty size; exit 3";
  const container = box.container({ process: { terminal: true, args: ["/bin/sh", "-c", script] } });
  const words =
    `${box.runtime.path} --root ${box.root} run --bundle ${container.bundle.dir} ${container.id}; echo =$?`;
  const terminal = Terminal.start(["/bin/sh", "-c", words], { size: [91, 31] });
  try {
    await terminal.expect(/begun/);
    await terminal.type("word\n");
    await terminal.expect(/got word/);
    await terminal.expect(/31 91/);
    await terminal.expect(/=3/);
  } finally {
    await terminal.close();
  }
}, ONLY);

contract(
  "snapshot: thirty commands at once are thirty processes, each with its own container",
  async (box) => {
    const process = { args: ["/bin/sleep", "1000"] }, first = box.container({ process });
    const all = [first, ...Array.from({ length: 29 }, () => box.sibling(first, { process }))];
    (await Promise.all(all.map((one) => one.create({ timeout: 60_000 })))).forEach(assertOk);
    const list = JSON.parse(assertOk(await box.cli(["list", "--format", "json"])).stdout);
    assertEquals(new Set(list.map(({ pid }: { pid: number }) => pid)).size, 30);
  },
  { ...ONLY, timeout: 60_000 },
);

contract("snapshot: configure names the program", async (box) => {
  const { stdout } = await line(
    box,
    "echo {} >$D/daemon.json; $T configure docker --dry-run --config-file $D/daemon.json",
  );
  assertMatch(stdout, new RegExp(`"${box.runtime.path}"`));
}, ONLY);

/** A record of the head: where its number and first arguments are. */
function recordsOf(head: Uint8Array): { number: number; at: number; args: number[] }[] {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength), records = [];
  for (let at = Number(view.getBigInt64(8, true)) - BASE;; at += RECORD_SIZE) {
    const args = [0, 1, 2].map((i) => Number(view.getBigInt64(at + ARGUMENTS + 8 * i, true)));
    records.push({ number: view.getInt32(at, true), at, args });
    if (records.at(-1)!.number === RESUME) return records;
  }
}

const RESUME = -5, COMPARE = -3, MMAP = 9, TIMERFD_SETTIME = 286;

/** Changes one byte of what the last comparison of as many bytes expects. */
function unlike(bytes: Uint8Array, size: number): void {
  const { args } = recordsOf(bytes).findLast(({ number, args }) => number === COMPARE && args[2] === size)!;
  bytes[args[1] - BASE] ^= 1;
}

/** Snapshots that are of no use; each gets the whole file's bytes, and returns what is in its place. */
const USELESS: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Uint8Array>> = {
  "an empty file": () => new Uint8Array(),
  "a piece of the head": (bytes) => bytes.subarray(0, 100),
  "the head alone": (bytes) => bytes.subarray(0, 0x10000),
  "a half": (bytes) => bytes.subarray(0, bytes.length >> 1),
  "one of a byte more": (bytes) => {
    const more = new Uint8Array(bytes.length + 1);
    more.set(bytes);
    return more;
  },
  "another build's": (bytes) => (bytes[0] ^= 1, bytes),
  "another kernel's": (bytes) => (unlike(bytes, 130), bytes),
  "another processor's": (bytes) => (unlike(bytes, 24), bytes),
  "one with another library, by its device and inode": (bytes) => (unlike(bytes, 16), bytes),
  "one with another library, by its times": (bytes) => (unlike(bytes, 32), bytes),
  "one with another number of a descriptor, or another size of a library": (
    bytes,
  ) => (unlike(bytes, 8), bytes),
  "one of a later clock": (bytes) => {
    const { args } = recordsOf(bytes).find(({ number }) => number === TIMERFD_SETTIME)!;
    new DataView(bytes.buffer).setBigInt64(args[2] - BASE + 16, BigInt(2 ** 40), true);
    return bytes;
  },
  "one whose addresses are taken": (bytes) => {
    const { at } = recordsOf(bytes).findLast(({ number }) => number === MMAP)!;
    new DataView(bytes.buffer).setBigInt64(at + ARGUMENTS, BigInt(BASE), true);
    return bytes;
  },
};

/** A copy of the runtime with a snapshot of its own, which may be changed. */
function copyIn(box: Box): { program: string; snapshot: string; bytes: () => Uint8Array<ArrayBuffer> } {
  const original = pathUnderTest(), bundle = Deno.readFileSync(original);
  Deno.symlinkSync(engineOfProgram(bundle)!, `${box.dir}/deno`);
  const program = `${box.dir}/tsrun`;
  Deno.writeFileSync(program, withDeno(bundle, `${box.dir}/deno`), { mode: 0o755 });
  const snapshot = snapshotOfBundle(program)!;
  Deno.mkdirSync(`${box.dir}/tsrun-cache`, { mode: 0o700 });
  Deno.copyFileSync(snapshotUnderTest()!, snapshot);
  return { program, snapshot, bytes: () => Deno.readFileSync(snapshotUnderTest()!) };
}

contract("snapshot: where it is of no use the engine starts, and all is well", async (box) => {
  const container = telling(box), { program, snapshot, bytes } = copyIn(box);
  const engine = Deno.realPathSync(`${box.dir}/deno`);
  let count = 0;
  const exe = async () => (await seenBy(container, `${container.id}-${++count}`, program))[0];
  assertEquals(await exe(), program, "a snapshot as it was written is used");
  for (const [what, change] of Object.entries(USELESS)) {
    Deno.writeFileSync(snapshot, change(bytes()));
    assertEquals(await exe(), engine, what);
  }
  for (
    const [what, make] of Object.entries({
      "none": () => {},
      "a directory": () => Deno.mkdirSync(snapshot),
      "a link": () => Deno.symlinkSync(snapshotUnderTest()!, snapshot),
      "a FIFO": () => assert(new Deno.Command("mkfifo", { args: [snapshot] }).outputSync().success),
    })
  ) {
    Deno.removeSync(snapshot);
    make();
    assertEquals(await exe(), engine, what);
    if (what === "none") Deno.writeTextFileSync(snapshot, "");
  }
  Deno.removeSync(snapshot);
  Deno.copyFileSync(snapshotUnderTest()!, snapshot);
  assertEquals(await exe(), program);
  assertNotEquals(program, engine);
}, { ...OF_BUNDLE, timeout: 60_000 });
