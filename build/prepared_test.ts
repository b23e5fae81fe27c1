/**
 * The entry's part of the prepared commands: which lines it knows, which files it believes, what records do.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { AT_FDCWD, O_RDONLY } from "../ffi/constants.ts";
import { AddressOf, type Arg } from "../ffi/kernel.ts";
import { encodePrepared, PREPARED_FILE, type PreparedData } from "../ffi/prepared.ts";
import { PreparedKernel } from "../ffi/prepared_kernel.ts";
import { Label } from "../ffi/recorder.ts";
import { SIGNALS } from "../spec/signals.ts";
import { skip } from "../tests/lib/skip.ts";
import type { Architecture, PreparedEntry } from "./entry.ts";
import { ARCHES, runnerOf, startEntry, TABLE } from "./entry_testing.ts";

const DIGEST = "0a1b2c3d", ID = "some.container";

/** What the engine of {@linkcode TABLE} says first. */
const ENGINE = /^<FILE>\n/;

/** A place for a container's directory. */
class Root implements Disposable {
  readonly path = Deno.makeTempDirSync();
  readonly directory = `${this.path}/${ID}`;
  readonly file = `${this.directory}/${PREPARED_FILE}`;

  constructor(digest = DIGEST) {
    Deno.mkdirSync(this.directory);
    Deno.chmodSync(this.directory, 0o711);
    Deno.writeFileSync(this.file, encodePrepared(digest, this.data()), { mode: 0o600 });
  }

  data(): PreparedData {
    const words = {
      ...{ recordSize: 1, pid: 1, inode: 7, callerIsRoot: 1, pidNamespace: 1 },
      ...{ start: 1, kill: 0, state: 1, delete: 0 },
    };
    const texts = { root: this.path, id: ID, created: "a document" };
    return { words, texts, cgroups: ["/a", "/b"] };
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A program that ends with the status 42 if the line is of the container, and what is recorded succeeds. */
function program(arch: Architecture, record: (k: PreparedKernel) => Arg | void = () => {}): Uint8Array {
  const k = new PreparedKernel(arch);
  k.compareText(k.slot("root"), "root");
  k.compareText(k.slot("id"), "id");
  k.call("exit_group", [record(k) ?? 42]);
  return k.finish();
}

/** Starts the entry with a program. @returns Exit status and output. */
function run(
  arch: Architecture,
  args: readonly string[],
  env: Record<string, string> = {},
  record?: (k: PreparedKernel) => Arg | void,
): [number, string] {
  const prepared = { digest: DIGEST, program: program(arch, record) };
  const [code, out, err] = startEntry(arch, { ...TABLE, prepared }, { args, env });
  assertEquals(err, "");
  return [code, out];
}

/** Asserts that a line is one that the entry knows, or one that it leaves to the engine. */
function assertKnown(
  arch: Architecture,
  known: boolean,
  args: readonly string[],
  env?: Record<string, string>,
) {
  const [code, out] = run(arch, args, env);
  if (known) assertEquals([code, out], [42, ""], args.join(" "));
  else assertMatch(out, ENGINE, args.join(" "));
}

const BEHAVIOUR: Readonly<Record<string, (arch: Architecture) => void>> = {
  "knows the lines that clients send": (arch) => {
    using root = new Root();
    const lines = [
      ["--root", root.path, "start", ID],
      [`--root=${root.path}`, "--log", "/dev/null", "--log-format", "json", "state", ID],
      ["--root", root.path, "--log=/dev/null", "--log-format=text", "--systemd-cgroup", "delete", ID],
      ["--root", root.path, "delete", "--force", ID],
      ["--root", root.path, "delete", "-f", ID],
      ["--root", "/elsewhere", "--root", root.path, "kill", ID],
      ["--root", root.path, "kill", ID, "9"],
    ];
    for (const line of lines) assertKnown(arch, true, line);
  },
  "leaves every other line to the engine": (arch) => {
    using root = new Root();
    const lines = [
      [],
      ["--root"],
      ["--root", root.path],
      ["--root", root.path, "start"],
      ["--root", root.path, "start", ""],
      ["--root", root.path, "start", "another"],
      ["--root", root.path, "start", ID, "more"],
      ["--root", root.path, "start", `../${root.path.split("/").at(-1)}/${ID}`],
      ["--root", `${root.path}/`, "start", ID],
      ["--root", root.path, "--debug", "start", ID],
      ["--root", root.path, "--log-format", "xml", "start", ID],
      ["--root", root.path, "--log-format", "start", ID],
      ["--root", root.path, "startle", ID],
      ["--root", root.path, "delete", "--force"],
      ["--root", root.path, "delete", "--force", ID, ID],
      ["--root", root.path, "kill", "--all", ID],
      ["--root", root.path, "kill", ID, "SIGNOTHING"],
      ["--root", root.path, "kill", ID, "65"],
      ["--root", root.path, "kill", ID, "9", "9"],
      ["start", ID],
    ];
    for (const line of lines) assertKnown(arch, false, line);
  },
  "leaves it to the engine where a variable asks for that": (arch) => {
    using root = new Root();
    const line = ["--root", root.path, "start", ID];
    for (const name of ["TSRUN_PREPARED", "TSRUN_TRACE", "NOTIFY_SOCKET", "tsrun:NOTIFY_SOCKET"]) {
      assertKnown(arch, false, line, { A: "1", [name]: "no" });
    }
    assertKnown(arch, true, line, { NOTIFY_SOCKETS: "", XDG_RUNTIME_DIR: "/x", TSRUN: "", PREPARED: "no" });
  },
  "passes signals and the runtime's directory on": (arch) => {
    using root = new Root();
    const signal = (k: PreparedKernel) => k.slot("signal");
    const line = (...words: string[]) =>
      run(arch, ["--root", root.path, "kill", ID, ...words], {}, signal)[0];
    assertEquals(line(), 15);
    for (const [name, number] of Object.entries(SIGNALS).slice(0, 10)) {
      assertEquals([line(name), line(`SIG${name}`), line(String(number))], [number, number, number]);
    }
    assertEquals([line("0"), line("64")], [0, 64]);
  },
  "believes no file that others could have written": (arch) => {
    const refuses = (change: (root: Root) => void, digest?: string) => {
      using root = new Root(digest);
      change(root);
      assertKnown(arch, false, ["--root", root.path, "start", ID]);
    };
    refuses(() => {}, "0a1b2c3e");
    refuses(({ file }) => Deno.chmodSync(file, 0o640));
    refuses(({ file }) => Deno.chmodSync(file, 0o602));
    refuses(({ directory }) => Deno.chmodSync(directory, 0o731));
    refuses(({ directory }) => Deno.chmodSync(directory, 0o713));
    refuses(({ path }) => Deno.chmodSync(path, 0o702));
    refuses(({ file }) => Deno.truncateSync(file, 200));
    refuses(({ file }) => Deno.truncateSync(file, 0));
    refuses(({ file }) => Deno.writeFileSync(file, new Uint8Array(8), { append: true }));
    refuses(({ file }) => {
      Deno.renameSync(file, `${file}.1`);
      Deno.symlinkSync(`${file}.1`, file);
    });
    refuses(({ directory }) => {
      Deno.renameSync(directory, `${directory}.1`);
      Deno.symlinkSync(`${directory}.1`, directory);
    });
    refuses(({ file }) => {
      Deno.removeSync(file);
      Deno.mkdirSync(file);
    });
    if (Deno.uid() !== 0) return;
    refuses(({ file }) => Deno.chownSync(file, 1, 0));
    refuses(({ directory }) => Deno.chownSync(directory, 1, 0));
    refuses(({ path }) => Deno.chownSync(path, 1, 0));
  },
  "runs records: loads, branches, comparisons, copies": (arch) => {
    using root = new Root();
    const line = ["--root", root.path, "state", ID];
    const status = (record: (k: PreparedKernel) => Arg | void) => run(arch, line, {}, record)[0];
    assertEquals(status((k) => k.word("inode")), 7);
    assertEquals(status((k) => k.length("created")), 10);
    const record = (k: PreparedKernel) => {
      const failed = new Label(), third = new Label(), over = new Label(), copied = k.buffer(8);
      k.branch(k.slot("kill"), { onPositive: failed });
      k.branch(k.slot("state"), { onPositive: third });
      k.place(failed);
      k.call("exit_group", [1]);
      k.place(third);
      k.branch(k.cgroup(1), { onPositive: over });
      k.stop();
      k.place(over);
      const differs = new Label(), pid = k.getpid();
      k.copyFd(copied, pid);
      k.compare(copied, new AddressOf(pid), 8);
      k.compareNumber(copied, -1, differs);
      k.call("exit_group", [2]);
      k.place(differs);
      const closed = new Label(), bad = k.call("close", [-1], { onError: closed });
      k.call("exit_group", [3]);
      k.place(closed);
      k.compareResult(bad, -9);
    };
    assertEquals(status(record), 42);
  },
  "goes to the engine where the records stop, and leaves no file open": (arch) => {
    using root = new Root();
    const tells = { ...TABLE, args: ["sh", "-c", "cd /proc/$$/fd; echo *"] };
    const stops = program(arch, (k) => {
      for (let i = 0; i < 40; i++) k.call("openat", [AT_FDCWD, "/dev/null", O_RDONLY, 0]);
      k.open("/nonexistent", O_RDONLY);
    });
    const args = ["--root", root.path, "start", ID];
    const count = (prepared?: PreparedEntry) =>
      startEntry(arch, { ...tells, prepared }, { args }).slice(0, 2);
    assertEquals(count({ digest: DIGEST, program: stops }), count());
  },
};

for (const arch of ARCHES) {
  const runner = runnerOf(arch);
  for (const [name, test] of Object.entries(BEHAVIOUR)) {
    const title = `entry: on ${arch}${runner?.length ? " (emulated)" : ""} with prepared commands it ${name}`;
    if (runner === undefined) skip(title, `no emulator for ${arch} (qemu-user-static)`);
    else Deno.test(title, () => test(arch));
  }
}
