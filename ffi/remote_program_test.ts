/** Programs of records: what the executor runs by itself. */
import { assert, assertThrows } from "@std/assert";
import { AT_FDCWD, O_WRONLY } from "./constants.ts";
import { OperationError } from "./kernel.ts";
import { isThere, withExecutor } from "../tests/lib/remote.ts";

Deno.test("remote: a prepared program waits to be started by another record", () =>
  withExecutor((k, directory) => {
    k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
    const start = k.prepare();
    assert(!isThere(`${directory}/a`));
    k.channel.send(start);
    k.flush();
    assert(isThere(`${directory}/a`));
  }));

Deno.test("remote: a program that is released goes on when the line is closed", () =>
  withExecutor((k, directory, executor) => {
    const allow = "any";
    k.call("ppoll", [0, 0, [0, 50_000_000], null, 8], { allow });
    k.mkdirat(AT_FDCWD, `${directory}/late`, 0o755, { allow });
    k.call("exit_group", [0]);
    k.release(k.program());
    executor.reap();
    assert(isThere(`${directory}/late`));
  }));

Deno.test("remote: a program is recorded while what was handed over still runs", () =>
  withExecutor((k, directory) => {
    const fifo = `${directory}/fifo`, made = `${directory}/made`;
    k.mknodat(AT_FDCWD, fifo, 0o10600, 0);
    k.flush();
    // It blocks until the other end is opened.
    const opened = k.open(fifo, O_WRONLY);
    k.handOver();
    k.mkdirat(AT_FDCWD, made, 0o755, { allow: "any" });
    const program = k.program();
    assert(!isThere(made));
    using _reader = Deno.openSync(fifo);
    assert(opened.wait() > 0);
    k.release(program);
    for (let tries = 0; tries < 2000 && !isThere(made); tries++) k.channel.ready(10);
    assert(isThere(made));
  }));

Deno.test("remote: a failure of what was handed over is told before a program is released", () =>
  withExecutor((k, directory) => {
    k.mkdirat(AT_FDCWD, `${directory}/no/such`, 0o755);
    k.handOver();
    k.mkdirat(AT_FDCWD, `${directory}/made`, 0o755, { allow: "any" });
    const program = k.program();
    assertThrows(() => k.release(program), OperationError, "no such file or directory");
    assert(!isThere(`${directory}/made`));
  }));

Deno.test("remote: a program that nobody drives has to say where each failure leads", () =>
  withExecutor((k, directory) => {
    k.mkdirat(AT_FDCWD, `${directory}/a`, 0o755);
    assertThrows(() => k.program(), Error, "mkdirat of a program that nobody drives");
  }));
