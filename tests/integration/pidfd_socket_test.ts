/** `--pidfd-socket`: the caller gets a descriptor of the container's process. */
import { assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { UnixListener } from "../lib/unix_listener.ts";

const OLD = { notOnReference: "--pidfd-socket came with runc 1.2" };
const SIGKILL = 9;

/** The pid that a pidfd stands for, as this process sees it. */
function pidOf(pidfd: number): number {
  return Number(/^Pid:\s*(-?\d+)/m.exec(Deno.readTextFileSync(`/proc/self/fdinfo/${pidfd}`))![1]);
}

contract("--pidfd-socket: create and run send a pidfd of the container's process", async (box) => {
  using listener = new UnixListener(`${box.dir}/s`);
  const flags = ["--pidfd-socket", listener.path];
  const created = box.container({ process: { args: sh("sleep 60") } });
  assertOk(await created.create({ flags }));
  const running = box.container({ process: { args: sh("sleep 60") } });
  assertOk(await running.run({ flags: [...flags, "--detach"] }));
  for (const container of [created, running]) {
    const { text, fds } = await listener.message();
    assertEquals(text, "standard");
    assertEquals(fds.map(pidOf), [await container.pid()]);
    local().call("pidfd_send_signal", [fds[0], SIGKILL, null, 0]);
    await container.wait("stopped");
    local().close(fds[0]);
  }
}, OLD);

contract(
  "--pidfd-socket: a path longer than a socket's address, and one relative to the caller",
  async (box) => {
    const deep = `${box.dir}/${"d".repeat(120)}`;
    Deno.mkdirSync(deep);
    using listener = new UnixListener(`${box.dir}/s`);
    Deno.symlinkSync(listener.path, `${deep}/link`);
    const container = box.container();
    assertOk(await container.run({ flags: ["--pidfd-socket", `${deep}/link`] }));
    const long = await listener.message();
    assertOk(await container.run({ flags: ["--pidfd-socket", "s"], cwd: box.dir }));
    const relative = await listener.message();
    assertEquals([long.text, relative.text], ["standard", "standard"]);
    for (const fd of [...long.fds, ...relative.fds]) local().close(fd);
  },
  OLD,
);

contract("--pidfd-socket: nobody listens, so there is no container", async (box) => {
  const container = box.container();
  const path = `${box.dir}/none`;
  const result = await container.create({ flags: ["--pidfd-socket", path] });
  assertError(result, /no such file or directory/);
  assertMatch(result.stderr, new RegExp(path));
  await box.assertNothingLeft();
}, OLD);
