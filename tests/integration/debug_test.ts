/** What `--debug` says in runc's words: lines that its users look for. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { sleeper, writeDocument } from "../lib/exec.ts";

contract("debug: the steps of a container's making, to standard error or to the log", async (box) => {
  for (const format of ["text", "json"]) {
    for (const log of [[], ["--log", `${box.dir}/log`]]) {
      const container = box.container({ process: { args: ["true"] } });
      const globals = ["--debug", "--log-format", format, ...log];
      const { stderr } = assertOk(await container.run({ globals }));
      const text = log.length > 0 ? Deno.readTextFileSync(`${box.dir}/log`) : stderr;
      assertEquals(/debug/.test(stderr), log.length === 0);
      for (
        const step of ["nsexec container setup", "child process in init\\(\\)", "init: closing the pipe"]
      ) {
        assertMatch(text, new RegExp(`level"?[=:]"?debug.*${step}`));
      }
    }
  }
});

contract("debug: the steps of an exec", async (box) => {
  const container = await sleeper(box);
  const { stderr } = assertOk(await box.cli(["exec", container.id, "true"], { globals: ["--debug"] }));
  for (const step of ["nsexec container setup", "child process in init\\(\\)", "setns_init: about to exec"]) {
    assertMatch(stderr, new RegExp(`level=debug.*${step}`));
  }
}, { notOnReference: "runc says the last of them since 1.2" });

contract("debug: the flags of a seccomp filter", async (box) => {
  const syscalls = [{ names: ["mkdir"], action: "SCMP_ACT_ERRNO" }];
  for (const [flags, number] of [[[], 0], [["SECCOMP_FILTER_FLAG_LOG"], 2]] as const) {
    const seccomp = { defaultAction: "SCMP_ACT_ALLOW", flags, syscalls };
    const container = box.container({ process: { args: ["true"] }, linux: { seccomp } });
    const { stderr } = assertOk(await container.run({ globals: ["--debug"] }));
    assertMatch(stderr, new RegExp(`msg="seccomp filter flags: ${number}"`));
  }
}, { notOnReference: "runc says it since 1.2" });

contract("debug: the CPUs of a process that is about to enter", async (box) => {
  const container = await sleeper(box);
  for (const [initial, mask] of [["0", "0x1"], [undefined, undefined]]) {
    const document = {
      args: ["/bin/true"],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      execCPUAffinity: initial && { initial },
    };
    const flags = ["--process", writeDocument(container, document)];
    const { stderr } = assertOk(await box.cli(["exec", ...flags, container.id], { globals: ["--debug"] }));
    assertMatch(stderr, new RegExp(`nsexec\\[\\d+\\]: affinity: ${mask ?? "0x[0-9a-f]+"}"`));
  }
}, { notOnReference: "execCPUAffinity came with runc 1.3" });

contract("debug: a record tells who wrote it, in both formats", async (box) => {
  for (const format of ["text", "json"]) {
    for (const debug of [true, false]) {
      const globals = ["--log-format", format, ...debug ? ["--debug"] : []];
      const result = await box.cli(["state", `${box.token}-none`], { globals });
      assertError(result, /does not exist/);
      const { stderr } = result;
      const record = stderr.trim().split("\n").find((line) => /level"?[=:]"?error/.test(line))!;
      const { func, file } = format === "json" ? JSON.parse(record) : fieldsOf(record);
      if (debug) assertMatch(func + " " + file, /^\w[\w. ]+(\(\))? \S+\.(ts|go:\d+)$/);
      else assertEquals([func, file], [undefined, undefined]);
    }
  }
});

contract("debug: every record of a life tells who wrote it", async (box) => {
  const seccomp = { defaultAction: "SCMP_ACT_ALLOW" };
  const container = box.container({ process: { args: ["true"], capabilities: {} }, linux: { seccomp } });
  const { stderr } = assertOk(await container.run({ globals: ["--debug"] }));
  const records = stderr.trim().split("\n").map(fieldsOf);
  for (const { func, file } of records) {
    assertMatch(func, /^[\w ]+\(\)$/);
    assertMatch(file, /^runtime\/[\w/]+\.ts$/);
  }
  const functions = records.map(({ func }) => func);
  for (const name of ["planCreate", "setUpInit", "compileSeccomp", "removeAll"]) {
    assert(functions.includes(`${name}()`), functions.join(" "));
  }
}, { notOnReference: "some lines of runc come from its C code, without a caller" });

/** The fields `func` and `file` of a line of logrus' text. */
function fieldsOf(line: string): Record<string, string> {
  return Object.fromEntries(
    [...line.matchAll(/ (func|file)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
  );
}
