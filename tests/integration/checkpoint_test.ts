/** `checkpoint` and `restore`, by CRIU: what a container takes with it. */
import { assert, assertEquals } from "@std/assert";
import { MOUNTS } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { checkpoint, counter, countsOn, criuContract, images, lastCount, restore } from "../lib/criu.ts";
import { exists, until } from "../lib/process.ts";

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
