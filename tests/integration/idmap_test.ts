/**
 * Id-mapped mounts: `mounts[].uidMappings` and `gidMappings`, options idmap and ridmap. Debian's runc has
 * none.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { host } from "../lib/process.ts";
import { FIRST, MAPPINGS, shifted } from "../lib/shifted.ts";

const NOT_ON_REFERENCE = { notOnReference: "runc 1.1.5 has no id-mapped mounts" };

/** A directory of the host with files of users 0 and 7; its path. */
function volume(box: Box): string {
  const path = `${box.dir}/volume`;
  Deno.mkdirSync(path);
  for (const id of [0, 7]) {
    Deno.writeTextFileSync(`${path}/of-${id}`, "");
    Deno.chownSync(`${path}/of-${id}`, id, id);
  }
  return path;
}

/** The usual mounts and one more. */
function mounts(mount: Dict): Dict[] {
  return [...Object.values(MOUNTS), { destination: "/volume", type: "bind", ...mount }];
}

/** Lists owners, makes a file, and lists that. */
const LIST = sh("cd /volume; stat -c '%n %u %g' .  of-0 of-7; echo x >made && stat -c '%n %u %g' made");

contract("idmap: with the maps of the container's user namespace", async (box) => {
  const source = volume(box);
  const container = await shifted(box, {
    process: { args: LIST },
    mounts: mounts({ source, options: ["bind", "idmap"] }),
  });
  assertEquals(await container.output(), ". 0 0\nof-0 0 0\nof-7 7 7\nmade 0 0\n");
  const { uid, gid } = Deno.statSync(`${source}/made`);
  assertEquals([uid, gid], [0, 0]);
  // Outside the container the volume itself is as it was.
  assertEquals(Deno.statSync(`${source}/of-7`).uid, 7);
}, NOT_ON_REFERENCE);

contract("idmap: with maps of its own, beside a user namespace", async (box) => {
  const source = volume(box);
  const maps = [{ containerID: 0, hostID: FIRST + 1000, size: 10 }];
  const container = await shifted(box, {
    process: { args: LIST, user: { uid: 1000, gid: 1000 } },
    mounts: mounts({ source, options: ["bind"], uidMappings: maps, gidMappings: maps }),
  });
  assertEquals(await container.output(), ". 1000 1000\nof-0 1000 1000\nof-7 1007 1007\nmade 1000 1000\n");
  assertEquals(Deno.statSync(`${source}/made`).uid, 0);
}, NOT_ON_REFERENCE);

contract("idmap: without a user namespace", async (box) => {
  const source = volume(box);
  const maps = [{ containerID: 0, hostID: 1000, size: 8 }];
  const container = box.container({
    process: { args: LIST, user: { uid: 1000, gid: 1000 } },
    mounts: mounts({ source, options: ["bind"], uidMappings: maps, gidMappings: maps }),
  });
  assertEquals(await container.output(), ". 1000 1000\nof-0 1000 1000\nof-7 1007 1007\nmade 1000 1000\n");
  assertEquals(Deno.statSync(`${source}/made`).uid, 0);
}, NOT_ON_REFERENCE);

contract("idmap: of one mount, or of all below", async (box) => {
  const source = volume(box);
  Deno.mkdirSync(`${source}/below`);
  await host("mount", "-t", "tmpfs", "none", `${source}/below`);
  try {
    for (const [option, owner] of [["idmap", "65534"], ["ridmap", "0"]]) {
      const container = await shifted(box, {
        process: { args: sh("stat -c %u /volume/of-0 /volume/below") },
        mounts: mounts({ source, options: ["rbind", option, "ro"] }),
      });
      assertEquals(await container.output(), `0\n${owner}\n`);
    }
  } finally {
    await host("umount", `${source}/below`);
  }
}, NOT_ON_REFERENCE);

contract("idmap: many mounts with the same maps", async (box) => {
  const source = volume(box);
  const many = [...Array(12).keys()].map((i) => ({
    destination: `/volume${i}`,
    source,
    options: ["bind", "ro"],
    uidMappings: MAPPINGS,
    gidMappings: MAPPINGS,
  }));
  const container = await shifted(box, {
    process: { args: sh("stat -c %u /volume*/of-7 | sort | uniq -c") },
    mounts: [...Object.values(MOUNTS), ...many],
  });
  assertMatch(await container.output(), /^\s+12 7\n$/);
}, NOT_ON_REFERENCE);

contract("idmap: what cannot be mapped says why", async (box) => {
  const source = volume(box);
  const maps = { uidMappings: MAPPINGS, gidMappings: MAPPINGS };
  const cases: [Dict, RegExp][] = [
    [
      { source: "/proc", options: ["bind"], ...maps },
      /map the ids of "\/proc" \(this filesystem has no id-mapped mounts\)/,
    ],
    [{ source, options: ["bind"], uidMappings: MAPPINGS }, /must have both uid and gid mappings specified/],
    [{ source, options: ["bind", "idmap"] }, /must have both uid and gid mappings specified/],
    [{ type: "tmpfs", source: "tmpfs", ...maps }, /id-mapped mounts are only supported for bind-mounts/],
  ];
  for (const [mount, pattern] of cases) {
    assertError(await box.container({ mounts: mounts(mount) }).run(), pattern);
  }
  await box.assertNothingLeft();
}, NOT_ON_REFERENCE);
