/** `docker checkpoint`, of a dockerd with experimental features, by tsrun and CRIU. */
import { assertEquals, assertMatch } from "@std/assert";
import { criuDirectory, lacksCriu } from "../lib/criu.ts";
import { until } from "../lib/process.ts";
import { testClient } from "./client.ts";
import { Docker, dockerMissing } from "./docker.ts";

const SCRIPT = "i=0; while :; do echo $i; i=$((i+1)); usleep 50000; done";

/** The numbers that a container has written. */
async function numbers(docker: Docker, id: string): Promise<number[]> {
  return (await docker.ok("logs", id)).split("\n").map(Number);
}

testClient(
  "docker: checkpoint",
  dockerMissing() ?? lacksCriu(),
  () =>
    Docker.start(
      undefined,
      ["--experimental"],
      (daemons) => Promise.resolve(daemons.addPath(criuDirectory())),
    ),
  async (docker, t) => {
    await t.step("create, and start from it: a counter goes on", async () => {
      const id = await docker.detached("tsrun", "box", "sh", "-c", SCRIPT);
      await until("counting", async () => (await numbers(docker, id)).length > 3);
      await docker.ok("checkpoint", "create", id, "one");
      assertEquals(await docker.ok("inspect", "-f", "{{.State.Running}}", id), "false");
      assertMatch(await docker.ok("checkpoint", "ls", id), /^one\b/m);
      const before = await numbers(docker, id);
      await docker.ok("start", "--checkpoint", "one", id);
      await until("counting on", async () => (await numbers(docker, id)).length > before.length + 3);
      const all = await numbers(docker, id);
      assertEquals(all, all.map((_, index) => index));
      assertEquals(await docker.ok("exec", id, "echo", "there"), "there");
      await docker.ok("rm", "-f", id);
    });
    await t.step("create --leave-running", async () => {
      const id = await docker.detached("tsrun", "box", "sh", "-c", SCRIPT);
      await until("counting", async () => (await numbers(docker, id)).length > 3);
      await docker.ok("checkpoint", "create", "--leave-running", id, "two");
      assertEquals(await docker.ok("inspect", "-f", "{{.State.Running}}", id), "true");
      const before = await numbers(docker, id);
      await until("counting on", async () => (await numbers(docker, id)).length > before.length + 3);
      await docker.ok("rm", "-f", id);
    });
  },
);
