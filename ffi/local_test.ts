import { TsrunError } from "./errors.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  AT_FDCWD,
  F_GETFD,
  FD_CLOEXEC,
  O_CLOEXEC,
  O_CREAT,
  O_DIRECTORY,
  O_RDONLY,
  O_WRONLY,
  POLLHUP,
  POLLIN,
} from "./constants.ts";
import { EBADF, EEXIST, ENOENT } from "./errno.ts";
import { AddressOf, Load, OperationError, Settled } from "./kernel.ts";
import { LocalKernel } from "./local.ts";

/** Runs a test with a kernel and a directory of its own. */
function withKernel(test: (k: LocalKernel, directory: string) => void) {
  const directory = Deno.makeTempDirSync();
  try {
    test(new LocalKernel(), directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("local: a call is made, and its result is there at once", () =>
  withKernel((k) => assertEquals(k.call("getpid", []).wait(), Deno.pid)));

Deno.test("local: texts, modes and descriptors arrive", () =>
  withKernel((k, directory) => {
    const fd = k.open(directory, O_RDONLY | O_DIRECTORY);
    k.mkdirat(fd, "süb", 0o700);
    k.writeFile(fd, "süb/file", "text", O_CREAT | O_WRONLY, 0o600);
    k.symlinkat("süb/file", fd, "link");
    k.close(fd);
    assertEquals(Deno.readTextFileSync(`${directory}/link`), "text");
    assertEquals(Deno.statSync(`${directory}/süb`).mode! & 0o777, 0o700);
  }));

Deno.test("local: what is opened closes on exec", () =>
  withKernel((k, directory) => {
    const fd = k.open(directory, O_RDONLY);
    assertEquals(k.call("fcntl", [fd, F_GETFD, 0]).wait(), FD_CLOEXEC);
    k.close(fd);
  }));

Deno.test("local: the kernel writes to buffers, from which later calls load", () =>
  withKernel((k) => {
    const pipe = k.buffer(8), word = k.buffer(8);
    k.call("pipe2", [pipe, O_CLOEXEC]);
    k.memory.setU64(word.address, pipe.i32(4));
    k.call("write", [new Load(word), "three", 5]);
    const text = k.buffer(16);
    assertEquals(k.call("read", [pipe.i32(0), text, 16]).wait(), 5);
    assertEquals(text.text(), "three");
    for (const at of [0, 4]) k.close(pipe.i32(at));
  }));

Deno.test("local: a failure says what, on what, why", () =>
  withKernel((k) => {
    const error = assertThrows(() => k.open("/nonexistent/x", 0), OperationError);
    assertEquals(error.message, 'openat "/nonexistent/x": no such file or directory');
    assertEquals([error.call, error.errno], ["openat", ENOENT]);
  }));

Deno.test("local: a failure names the step, or the call's own purpose", () =>
  withKernel((k) => {
    const open = (doing?: string) => k.during("the step", () => k.open("/nonexistent", 0, 0, { doing }));
    assertThrows(() => open(), OperationError, 'the step: openat "/nonexistent": no such');
    assertEquals(
      assertThrows(() => open("own words"), OperationError).message,
      "own words: no such file or directory",
    );
  }));

Deno.test("local: an allowed failure is an answer, any other is not", () =>
  withKernel((k) => {
    assertEquals(k.open("/nonexistent", 0, 0, { allow: [ENOENT] }).wait(), -ENOENT);
    assertEquals(k.call("close", [-1], { allow: "any" }).wait(), -EBADF);
    assertThrows(() => k.open("/nonexistent", 0, 0, { allow: [EEXIST] }), OperationError);
  }));

Deno.test("local: a repair mends, and the call is made again with the same arguments", () =>
  withKernel((k, directory) => {
    const asked: number[] = [];
    k.mkdirat(AT_FDCWD, `${directory}/a/b`, 0o755, {
      repair(errno) {
        asked.push(errno);
        // A call within, with texts of its own in the same memory.
        k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
        return "retry";
      },
    });
    assertEquals(asked, [ENOENT]);
    assert(Deno.statSync(`${directory}/a/b`).isDirectory);
  }));

Deno.test("local: a repair may leave the call undone", () =>
  withKernel((k) => assertEquals(k.open("/nonexistent", 0, 0, { repair: () => "skip" }).wait(), -ENOENT)));

Deno.test("local: a repair may answer in the call's place", () =>
  withKernel((k) => assertEquals(k.open("/nonexistent", 0, 0, { repair: () => ({ answer: 7 }) }).wait(), 7)));

Deno.test("local: what a repair throws gets the step that it was for", () =>
  withKernel((k) => {
    const repair = (errno: number) => {
      throw new OperationError("open", errno, '"/x"', "");
    };
    assertThrows(
      () => k.during("the step", () => k.open("/nonexistent", 0, 0, { repair })),
      OperationError,
      'the step: open "/x": no such file or directory',
    );
  }));

Deno.test("local: calls leave no memory behind, however they end", () =>
  withKernel((k) => {
    const { top } = k.memory;
    k.open("/", 0).wait();
    k.open("/nonexistent", 0, 0, { allow: "any" });
    assertThrows(() => k.open("/nonexistent", 0));
    assertThrows(() =>
      k.open("/nonexistent", 0, 0, {
        repair: () => {
          throw new Error("no");
        },
      })
    );
    assertThrows(() => k.call("openat", [0, "good", "b\0ad"]), TsrunError, "NUL");
    assertThrows(() => k.open("x".repeat(2 << 20), 0), TsrunError, "arena is full");
    assertEquals(k.memory.top, top);
    for (let i = 0; i < 5000; i++) k.open("x".repeat(1000), 0, 0, { allow: "any" });
  }));

Deno.test("local: a scratch frees the buffers made in it, even after a throw", () =>
  withKernel((k) => {
    const { top } = k.memory;
    assertEquals(k.scratch(() => k.buffer(64).size), 64);
    assertThrows(() =>
      k.scratch(() => {
        k.buffer(64);
        throw new Error("out");
      })
    );
    assertEquals(k.memory.top, top);
  }));

Deno.test("local: results of this process have no address", () =>
  withKernel((k) => {
    assertThrows(() => k.call("close", [new AddressOf(new Settled(1))]), TypeError, "no address");
  }));

/** A call that a signal interrupts: a child sends one to this process while it sleeps in ppoll(2). */
Deno.test("local: an interrupted call is made again", () => {
  const script = `
    import { local } from ${JSON.stringify(new URL("local.ts", import.meta.url).href)};
    Deno.addSignalListener("SIGUSR1", () => {});
    const k = local(), pipe = k.buffer(8), text = k.buffer(8);
    k.call("pipe2", [pipe, 0]);
    // No event loop turns while the read blocks: signal and byte come from a shell.
    const script = "for i in 1 2 3 4 5; do sleep 0.05; kill -USR1 " + Deno.pid + "; done; printf x >/proc/" + Deno.pid + "/fd/" + pipe.i32(4);
    const child = new Deno.Command("sh", { args: ["-c", script] }).spawn();
    const got = k.call("read", [pipe.i32(0), text, 8]).wait();
    console.log(got, text.text());
    await child.status;
    Deno.exit(0);`;
  assertEquals(runScript(script), "1 x\n");
});

Deno.test("local: memory stays where it is while the garbage collector runs between and within calls", () => {
  const script = `
    import { LocalKernel } from ${JSON.stringify(new URL("local.ts", import.meta.url).href)};
    const collect = () => { globalThis.gc(); Array.from({ length: 1e5 }, (_, i) => ({ i })); globalThis.gc(); };
    const k = new LocalKernel();
    const pipe = k.buffer(8), text = k.buffer(64);
    collect();
    k.call("pipe2", [pipe, 0]);
    for (let i = 0; i < 10; i++) {
      const data = new TextEncoder().encode("number " + i);
      const path = "/nonexistent/" + i;
      k.open(path, 0, 0, { repair: () => {
        collect();
        return "skip";
      } });
      collect();
      k.call("write", [pipe.i32(4), data, data.length]);
      collect();
      text.bytes.fill(0);
      k.call("read", [pipe.i32(0), text, 64]);
      collect();
      if (text.text() !== "number " + i) throw new Error(text.text());
    }
    console.log("whole");`;
  assertEquals(runScript(script, "--v8-flags=--expose-gc"), "whole\n");
});

/** Runs a program in a Deno of its own; returns what it printed. */
function runScript(script: string, ...flags: string[]): string {
  const file = Deno.makeTempFileSync({ suffix: ".ts" });
  try {
    Deno.writeTextFileSync(file, script);
    const { stdout, stderr, success } = new Deno.Command("timeout", {
      args: ["30", Deno.execPath(), "run", "-A", "--no-check", "--no-config", ...flags, file],
      stdin: "null",
    }).outputSync();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return new TextDecoder().decode(stdout);
  } finally {
    Deno.removeSync(file);
  }
}

Deno.test("local: a wait ends when there is something to read, or an interruption, even one from before it began", () =>
  withKernel((k) => {
    const [data, signals] = [k.buffer(8), k.buffer(8)];
    for (const pipe of [data, signals]) k.call("pipe2", [pipe, O_CLOEXEC]);
    const wait = () => k.waitReadable(data.i32(0));
    let checks = 0;
    k.interruption = {
      fd: signals.i32(0),
      check() {
        k.call("read", [signals.i32(0), k.buffer(8), 8]);
        // The first is none that matters; after it there is something to read.
        if (++checks === 2) throw new Error("interrupted");
        k.call("write", [data.i32(4), "x", 1]);
      },
    };
    k.call("write", [signals.i32(4), "s", 1]);
    assertEquals(wait()[0], POLLIN);
    k.call("read", [data.i32(0), k.buffer(8), 8]);
    k.call("write", [signals.i32(4), "s", 1]);
    assertThrows(wait, Error, "interrupted");
    k.interruption = undefined;
    k.close(data.i32(4));
    assertEquals(k.waitReadable(data.i32(0)), [POLLHUP]);
    for (const fd of [data.i32(0), signals.i32(0), signals.i32(4)]) k.close(fd);
  }));
