/** `podman container checkpoint` and `restore`, by tsrun and CRIU. */
import { assertEquals } from "@std/assert";
import { criuDirectory, lacksCriu } from "../lib/criu.ts";
import { until } from "../lib/process.ts";
import { testClient } from "./client.ts";
import { Podman, podmanMissing } from "./podman.ts";

const SCRIPT = "i=0; while :; do echo $i; i=$((i+1)); usleep 50000; done";

async function numbers(podman: Podman, id: string): Promise<number[]> {
  return (await podman.ok("logs", id)).split("\n").map(Number);
}

async function started(): Promise<Podman> {
  const podman = await Podman.start();
  podman.daemons.addPath(criuDirectory());
  return podman;
}

testClient("podman: checkpoint", podmanMissing() ?? lacksCriu(), started, async (podman, t) => {
  await t.step("checkpoint and restore: a counter goes on", async () => {
    const id = await podman.detached("tsrun", "box", "sh", "-c", SCRIPT);
    await until("counting", async () => (await numbers(podman, id)).length > 3);
    await podman.ok("--runtime", "tsrun", "container", "checkpoint", id);
    assertEquals(await podman.ok("inspect", "-f", "{{.State.Checkpointed}}", id), "true");
    const before = await numbers(podman, id);
    await podman.ok("--runtime", "tsrun", "container", "restore", id);
    await until("counting on", async () => (await numbers(podman, id)).length > before.length + 3);
    const all = await numbers(podman, id);
    assertEquals(all, all.map((_, index) => index));
    await podman.ok("rm", "-f", "-t", "0", id);
  });
  await t.step("to a file, and from it under another name", async () => {
    const id = await podman.detached("tsrun", "box", "sh", "-c", SCRIPT);
    await until("counting", async () => (await numbers(podman, id)).length > 3);
    const file = `${podman.daemons.dir}/checkpoint.tar`;
    const run = (...args: string[]) => podman.ok("--runtime", "tsrun", "container", ...args);
    await run("checkpoint", "--leave-running", "--compress", "none", "--export", file, id);
    assertEquals(await podman.ok("inspect", "-f", "{{.State.Running}}", id), "true");
    const copy = await run("restore", "--import", file, "--name", "copy");
    await until("counting on", async () => (await numbers(podman, copy)).length > 3);
    await podman.ok("rm", "-f", "-t", "0", id, copy);
  });
});
