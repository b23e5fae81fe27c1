/** `mounts add` and `mounts remove`: mounts of a container that runs. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { execOutput, sleeper } from "../lib/exec.ts";
import { mountAt, parseMountinfo } from "../lib/mountinfo.ts";
import { host, readText, type Result } from "../lib/process.ts";
import { missingForRootless, RootlessContainer } from "../lib/rootless.ts";
import { FIRST, MAPPINGS, shifted } from "../lib/shifted.ts";

const OURS: ContractOptions = { notOnReference: "runc has no command for it" };

/** Writes a document of mounts, and runs `mounts add` or `mounts remove` with it. */
function mounts(
  box: Box,
  action: string,
  { id }: { id: string },
  list: unknown,
  ...flags: string[]
): Promise<Result> {
  Deno.writeTextFileSync(`${box.dir}/mounts.json`, JSON.stringify(list));
  return box.cli(["mounts", ...flags, action, id, `${box.dir}/mounts.json`]);
}

/** The mounts that a container's process sees. */
async function seen(container: Container) {
  return parseMountinfo(readText(`/proc/${await container.pid()}/mountinfo`));
}

/** A directory of the host with a file in it; its path. */
function volume(box: Box): string {
  const path = `${box.dir}/volume`;
  Deno.mkdirSync(path);
  Deno.writeTextFileSync(`${path}/file`, "inside\n");
  return path;
}

contract("mounts: a directory, a file and a new filesystem, added and removed", async (box) => {
  const source = volume(box), container = await sleeper(box);
  const before = (await seen(container)).length;
  const list = [
    { destination: "/data/deep", type: "bind", source, options: ["bind"] },
    { destination: "/data/one", source: `${source}/file`, options: ["bind", "ro", "nosuid"] },
    { destination: "/scratch", type: "tmpfs", source: "tmpfs", options: ["size=64k", "noexec", "mode=0711"] },
  ];
  assertEquals(await mounts(box, "add", container, list), { code: 0, stdout: "", stderr: "" });
  const script =
    "cat /data/deep/file /data/one; echo x >/data/deep/new; echo y >/scratch/y; stat -c %a /scratch";
  assertEquals(await execOutput(container, sh(script)), "inside\ninside\n711\n");
  assertEquals(readText(`${source}/new`), "x\n");
  const all = await seen(container);
  assertEquals(all.length, before + 3);
  assertEquals(mountAt(all, "/data/one")!.options.filter((option) => /^(ro|nosuid)$/.test(option)), [
    "ro",
    "nosuid",
  ]);
  assertEquals(
    [mountAt(all, "/scratch")!.type, mountAt(all, "/scratch")!.superOptions.includes("size=64k")],
    [
      "tmpfs",
      true,
    ],
  );
  assertOk(await mounts(box, "remove", container, list));
  assertEquals((await seen(container)).length, before);
  assertError(
    await mounts(box, "remove", container, list),
    /nothing that could be removed is mounted on "\/scratch"/,
  );
  assertEquals(await container.status(), "running");
}, OURS);

contract("mounts add: all of them or none", async (box) => {
  const source = volume(box), container = await sleeper(box), before = await seen(container);
  const good = { destination: "/data", source, options: ["bind"] };
  const refused = async (bad: Dict, words: RegExp) => {
    assertError(await mounts(box, "add", container, [good, bad]), words);
    assertEquals(await seen(container), before);
  };
  await refused(
    { destination: "/b", source: "/none", options: ["bind"] },
    /"\/none": no such file or directory/,
  );
  await refused({ destination: "/b", type: "nofs", source: "x" }, /fsopen "nofs": no such device/);
  await refused(
    { destination: "/data/file", source, options: ["bind"] },
    /to "?\/data\/file"?.*not a directory/,
  );
  await refused({ destination: "/b", type: "tmpfs", source: "t", options: ["size=x"] }, /option size=x/);
}, OURS);

contract("mounts add: links of the image lead to nothing outside, and nothing below /proc", async (box) => {
  const source = volume(box), container = await sleeper(box), before = (await seen(container)).length;
  Deno.symlinkSync(`${box.dir}/outside`, container.path("/away"));
  Deno.symlinkSync("/proc/sys", container.path("/trap"));
  assertOk(await mounts(box, "add", container, [{ destination: "/away/x", source, options: ["bind"] }]));
  assertEquals(await execOutput(container, ["cat", `${box.dir}/outside/x/file`]), "inside\n");
  const trap = [{ destination: "/trap", source, options: ["bind"] }];
  assertError(
    await mounts(box, "add", container, trap),
    /"\/trap" cannot be mounted because it is inside \/proc/,
  );
  assertEquals((await seen(container)).length, before + 1);
  // What was added is removed by the name that it was added by; other mounts only by their own.
  assertOk(await mounts(box, "remove", container, [{ destination: "/away/x" }]));
  Deno.symlinkSync("/dev", container.path("/elsewhere"));
  const other = [{ destination: "/elsewhere/shm" }];
  assertError(
    await mounts(box, "remove", container, other),
    /leads to the mount on "\/dev\/shm".*: name that path/,
  );
  assertOk(await mounts(box, "remove", container, [{ destination: "/dev/shm" }]));
  assertEquals((await seen(container)).length, before - 1);
}, OURS);

contract("mounts: as JSON, what was mounted and removed, in order", async (box) => {
  const container = await sleeper(box), type = "tmpfs", source = "tmpfs";
  const list = [{ destination: "/a", type, source }, { destination: "/b\u007f", type, source }];
  const told = async (action: string) => assertOk(await mounts(box, action, container, list, "-f", "json"));
  const { id } = container, { stdout } = await told("add");
  assertEquals(stdout, `{"id":"${id}","action":"add","destinations":["/a","/b\\u007f"]}\n`);
  const removed = JSON.parse((await told("remove")).stdout);
  assertEquals(removed, { id, action: "remove", destinations: ["/b\u007f", "/a"] });
  assertError(await mounts(box, "add", container, list, "--format", "xml"), /want text or json/);
}, OURS);

contract("mounts: a container that was not started, and one that is paused", async (box) => {
  const source = volume(box), list = [{ destination: "/data", source, options: ["rbind", "ro"] }];
  const created = await box.container({ process: { args: sh("cat /data/file") } }).created();
  assertOk(await mounts(box, "add", created, list));
  assertOk(await created.start());
  await created.wait("stopped");
  assertEquals(created.stdout(), "inside\n");
  const paused = await sleeper(box);
  assertOk(await box.cli(["pause", paused.id]));
  assertOk(await mounts(box, "add", paused, list));
  assertOk(await box.cli(["resume", paused.id]));
  assertEquals(await execOutput(paused, ["cat", "/data/file"]), "inside\n");
}, OURS);

contract("mounts: in a user namespace, new filesystems belong to its root", async (box) => {
  const source = volume(box);
  const container = await shifted(box, { process: { args: ["sleep", "1000"] } });
  await container.started();
  await host("/bin/chmod", "0700", box.dir);
  Deno.chownSync(`${source}/file`, FIRST, FIRST);
  const list = [
    { destination: "/data", source, options: ["bind"] },
    { destination: "/scratch", type: "tmpfs", source: "tmpfs" },
    { destination: "/mapped", source, options: ["bind", "idmap"] },
  ];
  assertOk(await mounts(box, "add", container, list));
  const script = "stat -c '%u %n' /data/file /mapped /scratch; : >/scratch/x";
  assertMatch(await execOutput(container, sh(script)), /^0 \/data\/file\n0 \/mapped\n0 \/scratch\n/);
  assertEquals(Deno.statSync(container.path("/scratch")).uid, FIRST);
  assertOk(await mounts(box, "remove", container, list));
}, OURS);

contract("mounts add: ids mapped as the document says", async (box) => {
  const source = volume(box), container = await sleeper(box);
  const mapped = { uidMappings: MAPPINGS, gidMappings: MAPPINGS, options: ["bind"] };
  assertOk(await mounts(box, "add", container, [{ destination: "/mapped", source, ...mapped }]));
  assertEquals(await execOutput(container, ["stat", "-c", "%u", "/mapped/file"]), `${FIRST}\n`);
}, OURS);

contract("mounts: tmpcopyup, and a document on standard input", async (box) => {
  const container = await sleeper(box);
  const stdin = '[{"destination": "/etc", "type": "tmpfs", "source": "tmpfs", "options": ["tmpcopyup"]}]';
  Deno.mkdirSync(container.path("/etc"), { recursive: true });
  Deno.writeTextFileSync(container.path("/etc/of-the-image"), "here\n");
  assertOk(await box.cli(["mounts", "add", container.id, "-"], { stdin }));
  assertEquals(await execOutput(container, sh("cat /etc/of-the-image; rm /etc/of-the-image")), "here\n");
  assertEquals(readText(container.path("/etc/of-the-image")), "here\n");
}, OURS);

contract("mounts: rootless", async (box) => {
  await using container = await RootlessContainer.make(box, {
    process: { terminal: false, args: ["sleep", "1000"] },
    root: { path: "rootfs", readonly: false },
  });
  assertOk(await container.start("--detach"));
  const source = volume(box), document = `${box.dir}/mounts.json`;
  const list = [
    { destination: "/data", source, options: ["rbind", "ro"] },
    { destination: "/scratch", type: "tmpfs", source: "tmpfs" },
  ];
  Deno.writeTextFileSync(document, JSON.stringify(list));
  assertOk(await container.run("mounts", "add", container.id, document));
  const inside = sh("cat /data/file; stat -c %u /scratch; touch /data/x");
  const { stdout, stderr } = await container.run("exec", container.id, ...inside);
  assertEquals(stdout, "inside\n0\n");
  assertMatch(stderr, /Read-only file system/);
  assertOk(await container.run("mounts", "remove", container.id, document));
}, { ...OURS, skip: missingForRootless() });

contract("mounts: what it refuses", async (box) => {
  const container = await sleeper(box);
  const refused = async (list: unknown, words: RegExp) =>
    assertError(await mounts(box, "add", container, list), words);
  await refused({ mounts: [] }, /mounts\.json: must be a JSON array of mounts/);
  await refused([{ source: "/" }], /mounts\.json: .*\[0\]\.destination: is required/);
  await refused([{ destination: "/x", options: ["bind"] }], /\[0\]\.source: is required for a bind mount/);
  await refused(
    [{ destination: "/proc/x", source: "/", options: ["bind"] }],
    /\[0\]\.destination: .*inside \/proc/,
  );
  await refused(
    [{ destination: "/x", type: "proc", source: "p" }],
    /\[0\]\.type: a filesystem of type proc can only/,
  );
  await refused([{ destination: "/x", options: ["remount"] }], /\[0\]\.options: remount makes no mount/);
  assertError(await mounts(box, "remove", container, [{}]), /\[0\]\.destination: must be a path/);
  assertError(
    await mounts(box, "remove", container, [{ destination: "/" }]),
    /nothing that could be removed/,
  );
  assertError(
    await box.cli(["mounts", "add", container.id, "/none"]),
    /read \/none: no such file or directory/,
  );
  assertError(await mounts(box, "list", container, []), /unknown action "list": want add or remove/);
  assertError(await mounts(box, "add", { id: `${box.token}-none` }, []), /container does not exist/);
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertError(await mounts(box, "add", container, []), /container not running/);
  const shared = await sleeper(box, { mounts: [], linux: { namespaces: [{ type: "pid" }] } });
  assertError(await mounts(box, "add", shared, []), /has the host's mount namespace/);
}, OURS);
