/** `checkpoint` and `restore`, by CRIU. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import {
  checkpoint,
  counter,
  countsOn,
  criuContract,
  criuEnvironment,
  images,
  lacksLazyPages,
  lacksMemTrack,
  lacksPageServer,
  lastCount,
  restore,
} from "../lib/criu.ts";
import { readMaster } from "../lib/master.ts";
import { NetNamespace } from "../lib/net_device.ts";
import { exists, readText, type Result, until } from "../lib/process.ts";
import { shifted } from "../lib/shifted.ts";
import { UnixListener } from "../lib/unix_listener.ts";

contract("checkpoint: a counter goes on counting after restore, twice", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  for (let round = 0; round < 2; round++) {
    assertOk(await checkpoint(container));
    assertError(await box.cli(["state", container.id]), /does not exist/);
    const count = lastCount(container);
    assertOk(await restore(container));
    assertEquals(await container.status(), "running");
    await countsOn(container, count);
  }
  assertEquals(container.cgroup("pids", "cgroup.procs").split("\n")[0], String(await container.pid()));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
}, criuContract());

contract("restore: exec enters the time namespace that CRIU has made", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await checkpoint(container));
  assertOk(await restore(container));
  const script = "readlink /proc/self/ns/time; readlink /proc/1/ns/time";
  const { stdout } = assertOk(await box.cli(["exec", container.id, "sh", "-c", script]));
  const [own, init] = stdout.trim().split("\n");
  assertEquals(own, init);
}, criuContract({ notOnReference: "runc 1.1.5 leaves the host's clocks to exec; its head does not" }));

contract("checkpoint: nothing is left of the container", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await checkpoint(container));
  await box.assertNothingLeft();
}, criuContract());

contract("checkpoint: --leave-running", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await checkpoint(container, "--leave-running"));
  assertEquals(await container.status(), "running");
  await countsOn(container, lastCount(container));
  assert(exists(`${images(container).images}/pstree.img`));
}, criuContract());

contract("checkpoint: a paused container, which runs when it is restored", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await box.cli(["pause", container.id]));
  const result = await checkpoint(container);
  if (result.code !== 0) {
    // CRIU of some versions cannot; the container stays as it was.
    assertEquals(await container.status(), "paused");
    return;
  }
  const count = lastCount(container);
  assertOk(await restore(container));
  await countsOn(container, count);
}, criuContract());

contract("checkpoint: mounts, masks, files of a tmpfs, hostname and a bind mount", async (box) => {
  const data = `${box.dir}/data`;
  Deno.mkdirSync(data);
  Deno.writeTextFileSync(`${data}/file`, "of the host\n");
  const mounts = [
    ...Object.values(MOUNTS),
    { destination: "/tmp", type: "tmpfs", source: "tmpfs" },
    { destination: "/link/data", type: "bind", source: data, options: ["rbind", "ro"] },
    { destination: "/one", type: "bind", source: `${data}/file`, options: ["bind"] },
  ];
  const linux = { maskedPaths: ["/proc/keys", "/proc/acpi"], readonlyPaths: ["/proc/sys"] };
  const container = box.container({
    process: counter("echo kept >/tmp/file; rm /log; exec >/log;"),
    mounts,
    linux,
  });
  Deno.mkdirSync(container.path("/real"));
  Deno.symlinkSync("real", container.path("/link"));
  await container.started();
  await until("counting", () => lastCount(container) > 3);
  assertOk(await checkpoint(container));
  // A rootfs that was unpacked anew has no places for mounts.
  Deno.removeSync(container.path("/real/data"));
  Deno.removeSync(container.path("/one"));
  const count = lastCount(container);
  assertOk(await restore(container));
  await countsOn(container, count);
  const script = "cat /tmp/file /link/data/file /one; hostname; wc -c </proc/keys; ls /proc/acpi; " +
    "touch /link/data/x; echo 1 >/proc/sys/kernel/panic; stat -c '%t:%T' /proc/keys";
  const { stdout, stderr } = await box.cli(["exec", container.id, "sh", "-c", script]);
  assertEquals(stdout, "kept\nof the host\nof the host\nbox\n0\n1:3\n");
  assertEquals(stderr.match(/Read-only file system/g)?.length, 2, stderr);
}, criuContract());

contract(
  "restore: what covers masked files is not the host's null device",
  async (box) => {
    const container = box.container({ process: counter(), linux: { maskedPaths: ["/proc/keys"] } });
    await container.started();
    await until("counting", () => lastCount(container) > 3);
    assertOk(await checkpoint(container));
    assertOk(await restore(container));
    const { dev, ino } = Deno.statSync("/dev/null");
    const inside = Deno.statSync(`/proc/${await container.pid()}/root/proc/keys`);
    assert(dev !== inside.dev || ino !== inside.ino);
  },
  criuContract({ notOnReference: "runc covers them with the host's, whose modes the container can change" }),
);

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

contract("checkpoint: a pre-dump as the parent of a dump", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  const cli = (...flags: string[]) =>
    box.cli(["checkpoint", ...flags, container.id], { env: criuEnvironment() });
  const parent = `${box.dir}/parent`, { images: directory } = images(container);
  assertOk(await cli("--pre-dump", "--image-path", parent));
  assertEquals(await container.status(), "running");
  assertOk(await cli("--image-path", directory, "--parent-path", "../parent"));
  assertEquals(Deno.readLinkSync(`${directory}/parent`), "../parent");
  const count = lastCount(container);
  assertOk(await restore(container));
  await countsOn(container, count);
}, criuContract({ skip: lacksMemTrack() }));

/** A dump whose pages are asked for over a port, begun and not yet at its end. */
async function lazyDump(container: Container, port: number): Promise<{ end: Promise<Result> }> {
  const { images: directory, work } = images(container);
  const paths = ["--image-path", directory, "--work-path", work, "--status-fd", "3"];
  const lazy = ["--lazy-pages", "--page-server", `127.0.0.1:${port}`];
  const status = `${container.box.dir}/status`;
  const end = container.box.cli(["checkpoint", ...paths, ...lazy, container.id], {
    env: criuEnvironment(),
    redirect: `3>${status}`,
  });
  await until("the page server", () => readText(status) === "\0");
  return { end };
}

const randomPort = () => 30_000 + Math.floor(Math.random() * 10_000);

contract(
  "checkpoint: a lazy dump tells when pages can be asked for, and ends when that is over",
  async (box) => {
    const container = await box.container({ process: counter() }).started();
    await until("counting", () => lastCount(container) > 3);
    const port = randomPort();
    const { end } = await lazyDump(container, port);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await container.status(), "running");
    connection.close();
    assertOk(await end);
    await box.assertNothingLeft();
  },
  criuContract({ skip: lacksLazyPages() }),
);

contract("checkpoint: lazy pages come when they are used", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  const port = randomPort(), { images: directory, work } = images(container);
  const { end } = await lazyDump(container, port);
  const count = lastCount(container);
  const server = ["--page-server", "--address", "127.0.0.1", "--port", String(port)];
  const pages = box.command(["/usr/bin/env", "criu", "lazy-pages", ...server, "-D", directory, "-W", work], {
    env: criuEnvironment(),
  });
  await until("the socket for pages", () => exists(`${work}/lazy-pages.socket`));
  const copy = box.sibling(container, { process: counter() });
  assertOk(await restore(copy, "--lazy-pages", "--manage-cgroups-mode", "ignore"));
  await countsOn(container, count);
  assertOk(await end);
  assertOk(await pages);
  assertEquals(await copy.status(), "running");
}, criuContract({ skip: lacksPageServer() }));

contract("checkpoint: a criu that is none", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const checkpoint = (criu: string) =>
    box.cli(["checkpoint", "--image-path", `${box.dir}/images`, container.id], { globals: ["--criu", criu] });
  assertError(await checkpoint(`${box.dir}/none`), /exec .*none": no such file or directory/);
  assertError(await checkpoint("/bin/false"), /criu ended unexpectedly/);
  assertError(await checkpoint("no-such-program"), /no no-such-program in PATH: install CRIU/);
  assertEquals(await container.status(), "running");
  const flags = ["--bundle", container.bundle.dir, "--image-path", box.dir, `${box.token}-9`];
  assertError(await box.cli(["restore", ...flags], { globals: ["--criu", "/bin/false"] }), /criu ended/);
}, { notOnReference: "runc's words are others" });

contract("checkpoint: what is given wrongly", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
  assertError(await checkpoint(container), /Container cannot be checkpointed in created state/i);
  assertOk(await container.start());
  assertError(
    await checkpoint(container, "--manage-cgroups-mode", "hard"),
    /invalid manage.cgroups.mode/i,
  );
  assertError(await checkpoint(container, "--empty-ns", "pid"), /namespace "pid" is not supported/);
  assertError(await checkpoint(container, "--page-server", "x"), /Use --page-server ADDRESS:PORT/);
  assertError(await checkpoint(container, "--page-server", "x:y"), /Invalid port number/);
  assertError(await checkpoint(container, "--parent-path", "/x"), /--parent-path must be relative/);
  assertError(await checkpoint(container, "--parent-path", "none"), /invalid --parent-path/);
  assertEquals(await container.status(), "running");
}, criuContract());
