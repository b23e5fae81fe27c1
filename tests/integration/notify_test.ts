/** `NOTIFY_SOCKET`: a container's process says that it is ready, and the service manager hears of it. */
import { assertEquals } from "@std/assert";
import { local } from "../../ffi/local.ts";
import type { Box } from "../lib/box.ts";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { UnixListener } from "../lib/unix_listener.ts";
import { exists, until } from "../lib/process.ts";

/**
 * busybox speaks to unix sockets only as a syslogd does: with `nc local:` streams. So the test sends for the
 * container.
 */
const WAIT = sh(
  'echo "$NOTIFY_SOCKET"; grep " /run/notify " /proc/self/mountinfo; trap "exit 0" TERM; while :; do sleep .02; done',
);

/** Sends as the container's process would; it is on the same socket that is mounted into the container. */
async function say(box: Box, id: string, text: string): Promise<void> {
  const path = `${box.root}/${id}/notify/notify.sock`;
  await until("the container's socket", () => exists(path));
  const { connectUnix, sendMessage } = await import("../../runtime/host/unix_socket.ts");
  const k = local();
  const socket = connectUnix(k, path, 2);
  sendMessage(k, socket, new TextEncoder().encode(text), [], path);
  k.close(socket);
}

/** Waits until the container's program, which is its namespace's first process, takes a SIGTERM. */
async function untilItTakesTerm(container: Container): Promise<void> {
  const TERM = 15;
  const pid = await container.pid();
  await until("the program to have its trap", () => {
    const [, caught] = /^SigCgt:\t([0-9a-f]+)$/m.exec(Deno.readTextFileSync(`/proc/${pid}/status`)) ?? [];
    return (BigInt(`0x${caught ?? 0}`) >> BigInt(TERM - 1) & 1n) === 1n;
  });
}

/** What a manager gets of a service, sorted: the messages up to the barrier, which it passes. */
async function heard(manager: UnixListener, box: Box): Promise<string[]> {
  const lines: string[] = [];
  for (;;) {
    const { text, fds } = await manager.message();
    for (const fd of fds) local().close(fd);
    lines.push(...text.split("\n").filter((line) => line !== ""));
    // runc 1.1.5 does not wait for the manager.
    if (box.runtime.reference && lines.length === 2) lines.push("BARRIER=1");
    else if (fds.length === 0) continue;
    return lines.toSorted();
  }
}

contract(
  "NOTIFY_SOCKET: start returns when the container is ready, and the manager knows its pid",
  async (box) => {
    using manager = new UnixListener(`${box.dir}/manager`, "datagram");
    const env = { NOTIFY_SOCKET: manager.path };
    const container = await box.container({ process: { args: WAIT } }).created({ env });
    let over = false;
    const start = container.start({ env }).finally(() => over = true);
    await say(box, container.id, "STATUS=nearly there\n");
    assertEquals(over, false);
    await say(box, container.id, "READY=1\nSTATUS=there\n");
    const lines = await heard(manager, box);
    assertOk(await start);
    assertEquals(lines, ["BARRIER=1", `MAINPID=${await container.pid()}`, "READY=1"]);
    const [variable, mount] = container.stdout().split("\n");
    assertEquals(variable, "/run/notify/notify.sock");
    assertEquals(mount.split(" ")[5].split(",").filter((option) => option !== "relatime"), [
      ...["ro", "nosuid", "nodev", "noexec"],
    ]);
    assertOk(await container.delete("--force"));
    await box.assertNothingLeft();
  },
);

contract("NOTIFY_SOCKET: start returns when the container ends without a word", async (box) => {
  using manager = new UnixListener(`${box.dir}/manager`, "datagram");
  const env = { NOTIFY_SOCKET: manager.path };
  const container = await box.container({ process: { args: sh("sleep .2") } }).created({ env });
  assertOk(await container.start({ env }));
  await container.wait("stopped");
  assertEquals(manager.poll(), undefined);
});

contract("NOTIFY_SOCKET: in the foreground the manager watches the runtime", async (box) => {
  using manager = new UnixListener(`${box.dir}/manager`, "datagram");
  const container = box.container({ process: { args: WAIT } });
  let pid = 0;
  const end = container.run({ env: { NOTIFY_SOCKET: manager.path }, onStart: (started) => pid = started });
  await say(box, container.id, "READY=1\n");
  assertEquals(await heard(manager, box), ["BARRIER=1", `MAINPID=${pid}`, "READY=1"]);
  await untilItTakesTerm(container);
  Deno.kill(pid, "SIGTERM");
  assertEquals((await end).code, 0);
});

contract("NOTIFY_SOCKET: a container that never says a word can be run in the foreground", async (box) => {
  using manager = new UnixListener(`${box.dir}/manager`, "datagram");
  const container = box.container({ process: { args: sh("exit 3") } });
  assertEquals((await container.run({ env: { NOTIFY_SOCKET: manager.path } })).code, 3);
  assertEquals(manager.poll(), undefined);
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 waits for ever" });

contract("NOTIFY_SOCKET: run --detach waits for the container to be ready", async (box) => {
  using manager = new UnixListener(`${box.dir}/manager`, "datagram");
  const container = box.container({ process: { args: WAIT } });
  const run = container.run({ env: { NOTIFY_SOCKET: manager.path }, flags: ["--detach"] });
  await say(box, container.id, "READY=1");
  const lines = await heard(manager, box);
  assertOk(await run);
  assertEquals(lines, ["BARRIER=1", `MAINPID=${await container.pid()}`, "READY=1"]);
});

contract("NOTIFY_SOCKET: a manager that cannot be reached is an error of start", async (box) => {
  const env = { NOTIFY_SOCKET: `${box.dir}/nobody` };
  const container = await box.container({ process: { args: WAIT } }).created({ env });
  const start = container.start({ env });
  await say(box, container.id, "READY=1");
  assertError(await start, /dial unix(gram)? .*nobody: (connect: )?no such file or directory/);
}, { notOnReference: "runc finds out as soon as the container is started" });

contract("NOTIFY_SOCKET: a manager in the abstract namespace", async (box) => {
  const path = `@${box.token}`;
  using manager = new UnixListener(path, "datagram");
  const container = box.container({ process: { args: WAIT } });
  const run = container.run({ env: { NOTIFY_SOCKET: path }, flags: ["--detach"] });
  await say(box, container.id, "READY=1");
  assertEquals((await heard(manager, box)).length, 3);
  assertOk(await run);
});
