/**
 * Errors of execve(2) itself: found when the process starts, reported by `start` (and `run`), because callers
 * choose the exit status of `docker run` by this text.
 */
import { assertEquals } from "@std/assert";
import { type Dict, MOUNTS } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

const notOnReference = "runc's start does not learn how execve ended";

interface Case {
  /** Makes `/prog` unfit; called before create. */
  prepare: (container: Container) => void;
  /** Changes made between create and start. */
  change?: (container: Container) => void;
  overrides?: Dict;
  error: RegExp;
}

const write = (text: string, mode = 0o755) => (container: Container) => {
  Deno.writeTextFileSync(container.path("/prog"), text);
  Deno.chmodSync(container.path("/prog"), mode);
};

const CASES: Record<string, Case> = {
  "a file that is no program": { prepare: write("no program\n"), error: /exec \/prog: exec format error/ },
  "an empty file": { prepare: write(""), error: /exec \/prog: exec format error/ },
  "an ELF file of another machine": {
    prepare: (container) => {
      const elf = Deno.readFileSync("/bin/busybox").slice(0, 4096);
      elf[18] = 0x53; // e_machine: AVR
      Deno.writeFileSync(container.path("/prog"), elf, { mode: 0o755 });
    },
    error: /exec \/prog: exec format error/,
  },
  "a script whose interpreter is missing": {
    prepare: write("#!/no/such/shell\n"),
    error: /exec \/prog: no such file or directory/,
  },
  "a program that vanished after create": {
    prepare: write("#!/bin/sh\n"),
    change: (container) => Deno.removeSync(container.path("/prog")),
    error: /exec \/prog: no such file or directory/,
  },
  "a program that lost its permission after create": {
    prepare: write("#!/bin/sh\n"),
    change: (container) => Deno.chmodSync(container.path("/prog"), 0o644),
    error: /exec \/prog: permission denied/,
  },
  "a script whose interpreter may not be executed": {
    prepare: write("#!/etc/passwd\n"),
    error: /exec \/prog: permission denied/,
  },
  "arguments that are too long": {
    prepare: write("#!/bin/sh\n"),
    overrides: { process: { args: ["/prog", "x".repeat(200_000)] } },
    error: /exec \/prog: argument list too long/,
  },
};

for (const [name, { prepare, change, overrides, error }] of Object.entries(CASES)) {
  contract(`start: reports ${name}`, async (box) => {
    const container = box.container({ process: { args: ["/prog"] }, ...overrides });
    prepare(container);
    await container.created();
    change?.(container);
    assertError(await container.start(), error);
    await container.wait("stopped");
    assertOk(await container.delete());
    await box.assertNothingLeft();
  }, { notOnReference });
}

contract("run: reports a file that is no program", async (box) => {
  const container = box.container({ process: { args: ["/prog"] } });
  write("no program\n")(container);
  const result = await container.run();
  assertEquals(result.code, 1);
  assertError(result, /exec \/prog: exec format error/);
  await box.assertNothingLeft();
});

contract("start: a container whose init was killed meanwhile", async (box) => {
  const container = await box.container().created();
  Deno.kill(await container.pid(), "SIGKILL");
  await container.wait("stopped");
  assertError(await container.start(), /cannot start a container that has stopped/);
});

contract("start: reports a filter that forbids execve", async (box) => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["execve"], action: "SCMP_ACT_ERRNO", errnoRet: 13 }],
  };
  const container = await box.container({ linux: { seccomp } }).created();
  assertError(await container.start(), /exec \/bin\/sh: permission denied/);
}, { notOnReference });

contract("start: a mount that forbids programs is found at create or start", async (box) => {
  const container = box.container({ process: { args: ["/x/busybox", "true"] } });
  const bind = {
    destination: "/x",
    type: "bind",
    source: container.path("/bin"),
    options: ["bind", "noexec"],
  };
  container.configure({ process: { args: ["/x/busybox", "true"] }, mounts: [MOUNTS.proc, MOUNTS.dev, bind] });
  assertError(await container.run(), /permission denied/);
  await box.assertNothingLeft();
});
