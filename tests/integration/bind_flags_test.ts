/**
 * Flags of bind mounts: any that is given replaces all of the source's, in a user namespace but for the
 * locked ones.
 */
import { assertEquals } from "@std/assert";
import { REFUSED, SOURCES, TABLE } from "../lib/bind_flags_table.ts";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, namespaces } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { mountAt, parseMountinfo } from "../lib/mountinfo.ts";
import { host } from "../lib/process.ts";

const IDS = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
const LINUX = {
  "without a user namespace": { namespaces: namespaces("pid", "mount", "ipc", "uts") },
  "with a user namespace": {
    namespaces: namespaces("pid", "mount", "ipc", "uts", "user"),
    uidMappings: IDS,
    gidMappings: IDS,
  },
};
const NOT_HERE =
  "runc 1.1.5 sets flags one by one where an option only clears some; its head replaces them all";

/** Runs a test with a mount of these flags. */
async function withSource(box: Box, flags: string, test: (dir: string) => Promise<void>): Promise<void> {
  const dir = `${box.dir}/source`;
  Deno.chmodSync(box.dir, 0o755);
  Deno.mkdirSync(dir);
  await host("mount", "-t", "tmpfs", "tmpfs", dir);
  try {
    await host("mount", "--bind", "-o", `remount,${flags}`, dir);
    await test(dir);
  } finally {
    await host("umount", dir);
  }
}

SOURCES.forEach((flags, column) => {
  Object.entries(LINUX).forEach(([kind, linux], user) => {
    for (const bind of ["bind", "rbind"]) {
      contract(
        `bind flags: ${bind} of a mount with ${flags}, ${kind}`,
        (box) =>
          withSource(box, flags, async (source) => {
            const rows = TABLE.map(([options, ...cells]) => ({
              options,
              expected: cells[column * 2 + user],
            }));
            const mount = (options: string, destination: string): Dict => (
              { destination, type: "bind", source, options: [bind, ...options.split(",")] }
            );
            const good = rows.filter(({ expected }) => expected !== REFUSED);
            const container = box.container({
              process: { args: ["/bin/cat", "/proc/self/mountinfo"] },
              linux,
              mounts: [MOUNTS.proc, MOUNTS.dev, ...good.map(({ options }, i) => mount(options, `/m${i}`))],
            });
            good.forEach((_, i) => Deno.mkdirSync(container.path(`/m${i}`)));
            const mounts = parseMountinfo(await container.output());
            assertEquals(
              good.map(({ options }, i) => `${options} ${mountAt(mounts, `/m${i}`)?.options}`),
              good.map(({ options, expected }) => `${options} ${expected}`),
            );
            for (const { options } of rows.filter(({ expected }) => expected === REFUSED)) {
              container.configure({ linux, mounts: [MOUNTS.proc, MOUNTS.dev, mount(options, "/m0")] });
              assertError(
                await container.run(),
                /error mounting "[^"]*source" to rootfs at "\/m0": .*: operation not permitted/,
              );
            }
          }),
        { timeout: 60_000, notOnReference: NOT_HERE },
      );
    }
  });
});

contract(
  "bind flags: rbind changes the mount itself and none below",
  (box) =>
    withSource(box, "rw", async (source) => {
      Deno.mkdirSync(`${source}/below`);
      await host("mount", "-t", "tmpfs", "-o", "nodev", "tmpfs", `${source}/below`);
      try {
        const mount = { destination: "/m", type: "bind", source, options: ["rbind", "ro"] };
        const { mounts } = await box.container().probe({ mounts: [MOUNTS.proc, MOUNTS.dev, mount] });
        assertEquals(mountAt(mounts, "/m")?.options, ["ro", "relatime"]);
        assertEquals(mountAt(mounts, "/m/below")?.options, ["rw", "nodev", "relatime"]);
      } finally {
        await host("umount", `${source}/below`);
      }
    }),
);

contract("remount: flags and options of what is mounted there already", async (box) => {
  const tmpfs = (options: string[], destination = "/t") => (
    { destination, type: "tmpfs", source: "tmpfs", options }
  );
  const { mounts } = await box.container().probe({
    mounts: [
      ...[MOUNTS.proc, MOUNTS.dev, tmpfs(["nosuid", "size=64k", "mode=700"]), tmpfs(["noexec"], "/u")],
      tmpfs(["remount", "size=128k", "nodev"]),
      { destination: "/u", type: "bind", source: "none", options: ["bind", "remount", "nosuid"] },
    ],
  });
  assertEquals(mounts.filter(({ target }) => target === "/t" || target === "/u").length, 2);
  assertEquals(mountAt(mounts, "/t")?.options, ["rw", "nodev", "relatime"]);
  assertEquals(mountAt(mounts, "/t")?.superOptions.slice(1), ["size=128k", "mode=700"]);
  assertEquals(mountAt(mounts, "/u")?.options, ["rw", "nosuid", "relatime"]);
  const result = await box.container({
    mounts: [MOUNTS.proc, tmpfs(["remount", "nodev"], "/tmp")],
  }).create();
  assertError(result, /"\/tmp".*invalid argument/);
}, { notOnReference: "1.1.5 looks for the source of the bind mount" });
