/** The remote kernel, with the executor that it is made for: no privileges are needed. */
import { TsrunError } from "./errors.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { ExecutorGone } from "../init/executor.ts";
import { AT_FDCWD, O_CLOEXEC, O_CREAT, O_DIRECTORY, O_PATH, O_WRONLY, SIGKILL } from "./constants.ts";
import { EBADF, EEXIST, ENOENT } from "./errno.ts";
import { AddressOf, Load, OperationError } from "./kernel.ts";
import { local } from "./local.ts";
import { Label } from "./recorder.ts";
import { isThere, withExecutor } from "../tests/lib/remote.ts";

const IN_VAIN = { code: "ETIMEDOUT_TEST" as const, operation: "wait", reason: "no answer" };

Deno.test("remote: calls are made by the executor's process", () =>
  withExecutor((k, _, { pid }) => {
    assertEquals(k.call("getpid", []).wait(), pid);
    assertEquals(k.call("getppid", []).wait(), Deno.pid);
  }));

Deno.test("remote: nothing runs before a result is asked for", () =>
  withExecutor((k, directory) => {
    const made = k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
    assert(!isThere(`${directory}/a`));
    assertEquals(made.wait(), 0);
    assert(isThere(`${directory}/a`));
  }));

Deno.test("remote: results feed later calls of the same batch, and of later ones", () =>
  withExecutor((k, directory) => {
    const dir = k.open(directory, O_PATH | O_DIRECTORY);
    k.writeFile(dir, "one", "1", O_CREAT | O_WRONLY, 0o600);
    k.flush();
    k.writeFile(dir, "two", "2", O_CREAT | O_WRONLY, 0o600);
    k.close(dir);
    k.flush();
    assertEquals([..."12"], ["one", "two"].map((name) => Deno.readTextFileSync(`${directory}/${name}`)));
  }));

Deno.test("remote: an argument can be a word that an earlier call wrote", () =>
  withExecutor((k) => {
    const pipe = k.buffer(16), text = k.buffer(8);
    k.call("pipe2", [pipe, O_CLOEXEC]);
    // The word holds both ends; the write end alone is wanted.
    k.flush();
    const word = k.buffer(8);
    k.memory.setU64(word.address, pipe.i32(4));
    k.call("write", [new Load(word), "x", 1]);
    assertEquals(k.call("read", [pipe.i32(0), text, 8]).wait(), 1);
    assertEquals(text.text(), "x");
  }));

Deno.test("remote: a call can be given the address of another one's result", () =>
  withExecutor((k, directory, { pid }) => {
    const fd = k.open(`${directory}/file`, O_CREAT | O_WRONLY, 0o600);
    const own = k.call("getpid", []);
    k.call("write", [fd, new AddressOf(own), 8]);
    k.flush();
    assertEquals(new DataView(Deno.readFileSync(`${directory}/file`).buffer).getUint32(0, true), pid);
  }));

Deno.test("remote: a failure names step, call, object and reason", () =>
  withExecutor((k) => {
    k.during("the step", () => k.open("/nonexistent", 0));
    k.during("another step", () =>
      assertThrows(
        () => k.flush(),
        OperationError,
        'the step: openat "/nonexistent": no such file or directory',
      ));
  }));

Deno.test("remote: what is recorded behind a failure is dropped, and what was before has its results", () =>
  withExecutor((k, directory, { pid }) => {
    const before = k.call("getpid", []);
    const failing = k.open("/nonexistent", 0);
    k.mkdirat(AT_FDCWD, `${directory}/never`, 0o755);
    k.kick();
    k.mkdirat(AT_FDCWD, `${directory}/never2`, 0o755);
    assertThrows(() => k.flush(), OperationError);
    assertEquals([before.wait(), failing.wait()], [pid, -ENOENT]);
    k.flush();
    assert(!isThere(`${directory}/never`) && !isThere(`${directory}/never2`));
    // The executor is there for more.
    assertEquals(k.call("getpid", []).wait(), pid);
  }));

Deno.test("remote: an allowed failure is an answer, and what follows runs", () =>
  withExecutor((k, _, { pid }) => {
    const missing = k.open("/nonexistent", 0, 0, { allow: [ENOENT] });
    const closed = k.call("close", [-1], { allow: "any" });
    const after = k.call("getpid", []);
    assertEquals([missing.wait(), closed.wait(), after.wait()], [-ENOENT, -EBADF, pid]);
  }));

Deno.test("remote: a failure other than the allowed ones is none of them", () =>
  withExecutor((k) => {
    k.open("/nonexistent", 0, 0, { allow: [EEXIST] });
    assertThrows(() => k.flush(), OperationError, "no such file");
  }));

Deno.test("remote: a repair mends by calls of its own, and the record runs again, once", () =>
  withExecutor((k, directory) => {
    const asked: number[] = [];
    const dir = k.open(directory, O_PATH);
    k.mkdirat(dir, "a/b", 0o755, {
      repair(errno) {
        asked.push(errno);
        k.mkdirat(dir, "a", 0o755);
        return "retry";
      },
    });
    k.mkdirat(dir, "a/b/c", 0o755);
    k.flush();
    assertEquals(asked, [ENOENT]);
    assert(isThere(`${directory}/a/b/c`));
  }));

Deno.test("remote: a repair may leave the call undone", () =>
  withExecutor((k, directory) => {
    const missing = k.open("/nonexistent", 0, 0, { repair: () => "skip" });
    k.mkdirat(AT_FDCWD, `${directory}/after`, 0o755);
    assertEquals(missing.wait(), -ENOENT);
    assert(isThere(`${directory}/after`));
  }));

Deno.test("remote: a repair reads results of its own calls, and has repairs within", () =>
  withExecutor((k, directory) => {
    const mend = (path: string) => (): "retry" => {
      const parent = path.slice(0, path.lastIndexOf("/"));
      assertEquals(k.mkdirat(AT_FDCWD, parent, 0o755, { repair: mend(parent) }).wait(), 0);
      return "retry";
    };
    const path = `${directory}/1/2/3/4`;
    const result = k.mkdirat(AT_FDCWD, path, 0o755, { repair: mend(path) });
    const after = k.mkdirat(AT_FDCWD, `${path}/5`, 0o755);
    assertEquals([result.wait(), after.wait()], [0, 0]);
    assert(isThere(`${path}/5`));
  }));

Deno.test("remote: what a repair's own call fails of is told with the step that it was for", () =>
  withExecutor((k, directory) => {
    k.during("make it", () =>
      k.mkdirat(AT_FDCWD, `${directory}/a/b`, 0o755, {
        repair() {
          k.mkdirat(AT_FDCWD, "/proc/nothing", 0o755);
          return "retry";
        },
      }));
    k.during("something else", () => {
      const { message } = assertThrows(() => k.flush(), OperationError);
      assertEquals(message, 'make it: mkdirat "/proc/nothing": no such file or directory');
    });
  }));

Deno.test("remote: what a repair throws is told with the step, and what it had recorded is dropped", () =>
  withExecutor((k, directory) => {
    k.during("make it", () =>
      k.open("/nonexistent", 0, 0, {
        repair(errno) {
          k.mkdirat(AT_FDCWD, `${directory}/half`, 0o755);
          throw new OperationError("open", errno, '"/x"', "");
        },
      }));
    assertThrows(() => k.flush(), OperationError, 'make it: open "/x": no such file or directory');
    k.flush();
    assert(!isThere(`${directory}/half`));
  }));

Deno.test("remote: errors lead to labels, and skip what lies between", () =>
  withExecutor((k, directory) => {
    const failed = new Label();
    const bad = k.call("close", [-1], { onError: failed });
    k.mkdirat(AT_FDCWD, `${directory}/never`, 0o755);
    k.place(failed);
    const after = k.mkdirat(AT_FDCWD, `${directory}/after`, 0o755);
    assertEquals([bad.wait(), after.wait()], [-EBADF, 0]);
    assert(!isThere(`${directory}/never`));
  }));

Deno.test("remote: positive results and words lead to labels; a jump always does", () =>
  withExecutor((k, directory) => {
    const [positive, negative, end] = [new Label(), new Label(), new Label()];
    const make = (name: string) => k.mkdirat(AT_FDCWD, `${directory}/${name}`, 0o755);
    const missing = k.open("/nonexistent", 0, 0, { allow: "any" });
    k.call("getpid", [], { onPositive: positive });
    make("never1");
    k.place(positive);
    k.branch(missing, { onError: negative });
    make("never2");
    k.place(negative);
    k.branch(0, { onPositive: end, onError: end });
    make("made");
    k.jump(end);
    make("never3");
    k.place(end);
    k.flush();
    assertEquals([...Deno.readDirSync(directory)].map(({ name }) => name), ["made"]);
  }));

Deno.test("remote: a label that was never placed is a mistake that is told", () =>
  withExecutor((k) => {
    k.jump(new Label());
    assertThrows(() => k.flush(), Error, "never placed");
  }));

Deno.test("remote: a kick hands over and goes on here", () =>
  withExecutor((k, directory) => {
    const until = [0, 50_000_000];
    k.call("ppoll", [0, 0, until, null, 8]);
    const made = k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
    k.kick();
    assert(!isThere(`${directory}/a`), "the kick has waited");
    // Recorded while the other process works, and run behind it.
    const inside = k.mkdirat(AT_FDCWD, `${directory}/a/b`, 0o755);
    k.kick();
    assertEquals([made.wait(), inside.wait()], [0, 0]);
  }));

Deno.test("remote: a kick also hands over when an earlier one has been worked off", () =>
  withExecutor((k, directory) => {
    for (const name of ["a", "b"]) {
      k.mkdirat(AT_FDCWD, `${directory}/${name}`, 0o755);
      const end = performance.now() + 5000;
      // Not once do we wait for the executor: it is kicked until it has been idle.
      while (!isThere(`${directory}/${name}`)) {
        k.kick();
        assert(performance.now() < end, `${name} is never made`);
        local().call("ppoll", [null, 0, [0, 1_000_000], null, 8]);
      }
    }
  }));

Deno.test("remote: the failure of what was kicked is told by the next call that waits", () =>
  withExecutor((k) => {
    k.open("/nonexistent", 0);
    k.kick();
    assertThrows(() => k.call("getpid", []).wait(), OperationError, "no such file");
  }));

Deno.test("remote: a deadline that passes is told in the caller's words", () =>
  withExecutor((k) => {
    k.call("ppoll", [0, 0, [0, 300_000_000], null, 8]);
    assertThrows(() => k.flush({ milliseconds: 20, otherwise: IN_VAIN }), TsrunError, "wait: no answer");
  }));

Deno.test("remote: a deadline that is kept is no matter", () =>
  withExecutor((k) => {
    const pid = k.call("getpid", []);
    k.flush({ milliseconds: 5000, otherwise: IN_VAIN });
    assert(pid.wait() > 1);
  }));

Deno.test("remote: an executor that is killed while it works is gone, in words that tell so", () =>
  withExecutor((k, _, { pid }) => {
    k.call("kill", [pid, SIGKILL]);
    const { message } = assertThrows(() => k.flush(), ExecutorGone);
    assertStringIncludes(message, "ended unexpectedly");
  }));

Deno.test("remote: an executor that was killed before is gone as well", () =>
  withExecutor((k, _, { pid }) => {
    local().kill(pid, SIGKILL);
    local().reap(pid);
    k.call("getpid", []);
    assertThrows(() => k.flush(), ExecutorGone);
  }));

Deno.test("remote: an executor that is killed with a batch unread is gone as well", () =>
  withExecutor((k, _, { pid }) => {
    assertEquals(k.call("getpid", []).wait(), pid);
    local().kill(pid, 19 /* SIGSTOP */);
    k.call("getpid", []);
    k.kick();
    local().kill(pid, SIGKILL);
    assertThrows(() => k.flush(), ExecutorGone);
  }));

Deno.test("remote: the arena is of one size for all, and says when it is full", () =>
  withExecutor((k) => {
    assertThrows(
      () => {
        for (let i = 0; i < 20; i++) k.chdir(`${i}`.repeat(1 << 20), { allow: "any" });
      },
      TsrunError,
      "arena is full",
    );
  }));

Deno.test("remote: a batch may be longer than a piece of memory for records", () =>
  withExecutor((k, _, { pid }) => {
    const results = Array.from({ length: 3000 }, () => k.call("getpid", []));
    assertEquals(new Set(results.map((result) => result.wait())), new Set([pid]));
  }));

Deno.test("remote: what is recorded while a batch is mended runs behind it, wherever its records lie", () => {
  // A piece of memory holds 1024 records; the interesting places are around its end.
  for (const before of [0, 1, 1017, 1018, 1019, 1020, 1021, 1022, 1023, 1024, 1025]) {
    withExecutor((k, directory) => {
      for (let i = 0; i < before; i++) k.call("getpid", []);
      const repair = () => {
        k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
        return "retry" as const;
      };
      k.mkdirat(AT_FDCWD, `${directory}/a/b`, 0o755, { repair });
      k.kick();
      const first = k.mkdirat(AT_FDCWD, `${directory}/a/b/c`, 0o755);
      k.flush();
      k.mkdirat(AT_FDCWD, `${directory}/d/e`, 0o755, {
        repair: () => k.mkdirat(AT_FDCWD, `${directory}/d`, 0o755).wait() === 0 ? "retry" : "skip",
      });
      k.kick();
      // These are pending when the repair makes its records, and go on behind them.
      const label = new Label();
      const second = k.mkdirat(AT_FDCWD, `${directory}/d/e/f`, 0o755);
      k.jump(label);
      k.mkdirat(AT_FDCWD, `${directory}/never`, 0o755);
      k.call("getppid", []);
      k.place(label);
      const last = k.mkdirat(AT_FDCWD, `${directory}/d/e/f/g`, 0o755);
      k.flush();
      assertEquals([first.wait(), second.wait(), last.wait()], [0, 0, 0], `${before}`);
      assert(
        isThere(`${directory}/a/b/c`) && isThere(`${directory}/d/e/f/g`) && !isThere(`${directory}/never`),
      );
    });
  }
});

Deno.test("remote: a label that waits for its record is not taken by one of a repair", () =>
  withExecutor((k, directory) => {
    const repair = () => k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755).wait() === 0 ? "retry" : "skip";
    k.mkdirat(AT_FDCWD, `${directory}/a/b`, 0o755, { repair });
    k.kick();
    const label = new Label();
    k.jump(label);
    k.mkdirat(AT_FDCWD, `${directory}/never`, 0o755);
    k.place(label);
    k.flush();
    assert(isThere(`${directory}/a/b`) && !isThere(`${directory}/never`));
  }));
