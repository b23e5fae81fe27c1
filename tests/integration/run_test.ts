/** `run` in the foreground and detached: exit statuses, signals, standard streams, descriptors. */
import { assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { readText, until } from "../lib/process.ts";

contract("run: the process's exit status is the command's", async (box) => {
  for (const code of [0, 3, 137, 255]) {
    const container = box.container({ process: { args: sh(`echo hello; exit ${code}`) } });
    const result = await container.run();
    assertEquals({ code: result.code, stdout: result.stdout }, { code, stdout: "hello\n" });
  }
  await box.assertNothingLeft();
});

contract("run: 128 + n when a signal ends the process", async (box) => {
  for (const [signal, code] of [["TERM", 143], ["KILL", 137], ["USR1", 138]] as const) {
    const container = box.container({
      process: { args: sh(`kill -${signal} $$; sleep 5`) },
      linux: { namespaces: [{ type: "mount" }] },
    });
    assertEquals((await container.run()).code, code);
  }
});

contract("run: 137 when the container is killed from outside", async (box) => {
  const container = box.container({ process: { args: sh("echo ready; sleep 60") } });
  const end = container.run();
  await until("ready", () => container.stdout() === "ready\n");
  assertOk(await container.kill("KILL"));
  assertEquals((await end).code, 137);
});

contract("run: standard streams are the caller's", async (box) => {
  const container = box.container({ process: { args: sh("cat; echo err >&2; readlink /proc/self/fd/0") } });
  const result = await container.run({ stdin: "from outside\n" });
  assertEquals(result.code, 0);
  assertMatch(result.stdout, /^from outside\n/);
  assertEquals(result.stderr, "err\n");
});

contract("run: large output arrives whole", async (box) => {
  const container = box.container({ process: { args: sh("head -c 3000000 /dev/zero | tr '\\0' x") } });
  assertEquals((await container.output()).length, 3_000_000);
});

contract("run: signals are forwarded to the process", async (box) => {
  const script =
    'for s in USR1 HUP USR2; do trap "echo got $s" $s; done; trap "exit 7" TERM; echo ready; while :; do sleep .02; done';
  const container = box.container({ process: { args: sh(script) } });
  let pid = 0;
  const end = container.run({ onStart: (started) => pid = started });
  const printed = (line: string) => until(line, () => container.stdout().split("\n").includes(line));
  await printed("ready");
  for (const name of ["SIGUSR1", "SIGHUP", "SIGUSR2"] as const) {
    Deno.kill(pid, name);
    await printed(`got ${name.slice(3)}`);
  }
  Deno.kill(pid, "SIGTERM");
  assertEquals((await end).code, 7);
});

contract("run --detach: returns while the container runs, whose output goes on", async (box) => {
  const script = "echo one; until [ -e /go ]; do sleep .02; done; echo two; exit 4";
  const container = box.container({ process: { args: sh(script) } });
  assertOk(await container.run({ flags: ["--detach"] }));
  assertEquals(await container.status(), "running");
  Deno.writeTextFileSync(container.path("/go"), "");
  await container.wait("stopped");
  assertEquals(container.stdout(), "one\ntwo\n");
  assertOk(await container.delete());
});

contract("run --detach: the pid file, without a newline", async (box) => {
  const container = box.container({ process: { args: sh("sleep 60") } });
  assertOk(await container.run({ flags: ["-d", "--pid-file", `${box.dir}/pid`] }));
  assertEquals(readText(`${box.dir}/pid`), String(await container.pid()));
});

contract("run --keep: the stopped container stays", async (box) => {
  const container = box.container({ process: { args: sh("exit 5") } });
  assertEquals((await container.run({ flags: ["--keep"] })).code, 5);
  assertEquals(await container.status(), "stopped");
  assertOk(await container.delete());
});

contract("run: the container is gone afterwards", async (box) => {
  const container = box.container();
  assertOk(await container.run());
  assertError(await box.cli(["state", container.id]), /container does not exist/);
  await box.assertNothingLeft();
});

contract("run: a failure leaves nothing", async (box) => {
  const container = box.container({ process: { args: ["/bin/none"] } });
  const result = await container.run();
  assertError(result, /no such file or directory/);
  assertError(await box.cli(["state", container.id]), /container does not exist/);
  await box.assertNothingLeft();
});

contract("descriptors: 0, 1 and 2 only, whatever the caller has open", async (box) => {
  const container = box.container({ process: { args: PROBE } });
  const result = assertOk(await container.run({ redirect: "3</etc/passwd 4</etc 9</" }));
  assertEquals(Object.keys(parseFacts(result.stdout).fds), ["0", "1", "2"]);

  const detached = box.container({ process: { args: PROBE } });
  assertOk(await detached.create({ redirect: "3</etc/passwd 4</etc 9</" }));
  assertOk(await detached.start({ redirect: "3</etc/passwd 4</etc 9</" }));
  await detached.wait("stopped");
  assertEquals(Object.keys(parseFacts(detached.stdout()).fds), ["0", "1", "2"]);
});

contract("--preserve-fds: the given number of descriptors from 3 on, and no more", async (box) => {
  Deno.writeTextFileSync(`${box.dir}/three`, "text of three\n");
  const container = box.container({ process: { args: sh(`cat <&3; ls -l /proc/$$/fd`) } });
  const redirect = `3<${box.dir}/three 4</etc/passwd 5</etc`;
  const output = await container.output({ flags: ["--preserve-fds", "2"], redirect });
  assertMatch(output, /^text of three\n/);
  assertEquals([...output.matchAll(/ (\d+) -> /g)].map((match) => match[1]), ["0", "1", "2", "3", "4"]);
});

contract("--preserve-fds: a descriptor that is not open is an error", async (box) => {
  const result = await box.container().run({ flags: ["--preserve-fds", "2"], redirect: "3</etc/passwd" });
  assertError(result, /unable to stat preserved-fd/);
  await box.assertNothingLeft();
}, { notOnReference: "Go's runtime opens descriptors of its own, which runc takes for the caller's" });

contract("run: a stopped caller's terminal is not needed: stdin closed", async (box) => {
  const container = box.container({ process: { args: sh("ls -l /proc/$$/fd | wc -l") } });
  const result = await container.run({ redirect: "<&-" });
  assertEquals(result.code, 0, result.stderr);
});
