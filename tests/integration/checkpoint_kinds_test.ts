/** `checkpoint` and `restore` of what is more than files: terminals, connections, namespaces, hooks. */
import { assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import {
  checkpoint,
  counter,
  countsOn,
  criuContract,
  criuEnvironment,
  images,
  lastCount,
  restore,
} from "../lib/criu.ts";
import { readMaster } from "../lib/master.ts";
import { NetNamespace } from "../lib/net_device.ts";
import { readText, until } from "../lib/process.ts";
import { shifted } from "../lib/shifted.ts";
import { UnixListener } from "../lib/unix_listener.ts";

contract("checkpoint: a terminal, whose master the console socket gets", async (box) => {
  using listener = new UnixListener(`${box.dir}/console`);
  const container = box.container({
    process: { terminal: true, args: sh("while read line; do echo got $line; done") },
  });
  await container.started({ flags: ["--console-socket", listener.path] });
  const first = (await listener.message()).fds[0];
  const say = async (master: number, word: string) => {
    const line = new TextEncoder().encode(`${word}\n`);
    local().call("write", [master, line, line.length]);
    await readMaster(master, new RegExp(`got ${word}\r\n`));
  };
  await say(first, "one");
  assertOk(await checkpoint(container));
  local().close(first);
  assertError(await restore(container), /cannot allocate tty/);
  assertOk(await restore(container, "--console-socket", listener.path));
  const second = (await listener.message()).fds[0];
  await say(second, "two");
  local().close(second);
}, criuContract());

contract(
  "checkpoint: a TCP connection goes on with --tcp-established, and is refused without",
  async (box) => {
    const script = "exec >/out 2>&1 </dev/null; sleep 1000 | nc -l -p 1234 >/received & usleep 300000; " +
      "i=0; while :; do echo $i; i=$((i+1)); usleep 20000; done | nc 127.0.0.1 1234";
    const container = await box.container({ process: { args: sh(script) } }).started();
    const received = () => readText(container.path("/received")).trim().split("\n").length;
    await until("a connection", () => received() > 3);
    assertError(await checkpoint(container), /criu failed: type DUMP/);
    assertEquals(await container.status(), "running");
    assertOk(await checkpoint(container, "--tcp-established"));
    const before = received();
    assertOk(await restore(container, "--tcp-established"));
    await until("the connection to go on", () => received() > before + 3);
    const numbers = readText(container.path("/received")).trim().split("\n").slice(0, -1).map(Number);
    assertEquals(numbers, numbers.map((_, index) => index));
  },
  criuContract({ notOnReference: "the loopback interface is down in what runc restores" }),
);

contract(
  "checkpoint: with a user namespace",
  async (box) => {
    const container = await shifted(box, { process: counter(), root: { path: "rootfs" } });
    await container.started();
    await until("counting", () => lastCount(container) > 3);
    assertOk(await checkpoint(container));
    const count = lastCount(container);
    assertOk(await restore(container));
    await countsOn(container, count);
    const { stdout } = assertOk(await box.cli(["exec", container.id, "cat", "/proc/self/uid_map"]));
    assertMatch(stdout, /^\s+0\s+100000\s+65536\n$/);
  },
  criuContract({
    notOnReference: "runc's images are in a directory that the container's root cannot search",
  }),
);

contract("checkpoint: network and PID namespaces given by path are entered again", async (box) => {
  await using namespace = await NetNamespace.make(box.dir);
  const container = box.container({
    process: counter(),
    linux: {
      namespaces: [{ type: "network", path: namespace.path }, ...namespaces("pid", "ipc", "uts", "mount")],
    },
  });
  await container.started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await checkpoint(container));
  const count = lastCount(container);
  assertOk(await restore(container));
  await countsOn(container, count);
  const link = Deno.readLinkSync(`/proc/${await container.pid()}/ns/net`);
  assertEquals(link, `net:[${Deno.statSync(namespace.path).ino}]`);
  assertOk(await container.delete("--force"));
}, criuContract({ within: undefined }));

contract("checkpoint: hooks", async (box) => {
  const log = `${box.dir}/hooks`;
  const hook = (name: string) => ({
    path: "/bin/sh",
    args: ["sh", "-c", `echo ${name} >>${log}; cat >${log}.${name}`],
  });
  const container = box.container({
    process: counter(),
    hooks: {
      prestart: [hook("prestart")],
      createRuntime: [hook("createRuntime")],
      poststop: [hook("poststop")],
    },
  });
  await container.started();
  await until("counting", () => lastCount(container) > 3);
  Deno.removeSync(log);
  assertOk(await checkpoint(container));
  assertEquals(readText(log), "poststop\n");
  assertOk(await restore(container));
  assertEquals(readText(log), "poststop\nprestart\ncreateRuntime\n");
  assertEquals(JSON.parse(readText(`${log}.createRuntime`)).pid, await container.pid());
}, criuContract());

contract("restore: in the foreground, with pipes in place of pipes, and the exit status", async (box) => {
  const script = "echo ready; while [ ! -e /go ]; do usleep 10000; done; echo done; exit 7";
  const container = box.container({ process: { args: sh(script) } });
  const { path, within = [] } = box.runtime;
  const run = (out: string, ...args: string[]) =>
    box.command([
      "/bin/bash",
      "-o",
      "pipefail",
      "-c",
      `"$@" </dev/null 2>&1 | cat >${out}`,
      "bash",
      ...within,
      path,
      "--root",
      box.root,
      ...args,
    ], {
      env: criuEnvironment(),
    });
  const bundle = ["--bundle", container.bundle.dir];
  const first = run(`${box.dir}/first`, "run", ...bundle, container.id);
  await until("ready", () => readText(`${box.dir}/first`) === "ready\n");
  const pipe = Deno.readLinkSync(`/proc/${await container.pid()}/fd/1`);
  assertOk(await checkpoint(container));
  assertEquals(JSON.parse(readText(`${images(container).images}/descriptors.json`))[1], pipe);
  assertEquals((await first).code, 137);
  const { images: directory, work } = images(container);
  const flags = ["--image-path", directory, "--work-path", work];
  const second = run(`${box.dir}/second`, "restore", ...bundle, ...flags, container.id);
  await until("the container", async () => (await box.cli(["state", container.id])).code === 0);
  Deno.writeTextFileSync(container.path("/go"), "");
  assertEquals((await second).code, 7);
  assertEquals(readText(`${box.dir}/second`), "done\n");
  await box.assertNothingLeft();
}, criuContract());
