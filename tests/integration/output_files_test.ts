/** Standard output of another user's container that is a file of the caller's: `run >file`, `exec >file`. */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { readText } from "../lib/process.ts";

/** A file of root's that nobody else may write to, and how a shell puts output there. */
function fileOf(box: Box, name: string, mode = 0o644): { path: string; owner: () => number | null } {
  const path = `${box.dir}/${name}`;
  Deno.writeTextFileSync(path, "before\n", { mode });
  return { path, owner: () => Deno.statSync(path).uid };
}

const USER: Dict = { user: { uid: 1000, gid: 1000 } };
const REOPENING = "echo one; echo two >>/dev/stdout; echo three >&2; echo four >>/dev/stderr";

function ran(container: Container, redirect: string) {
  return container.run({ redirect });
}

contract(
  "output files: a file of the caller's keeps its owner, and /dev/stdout can be opened",
  async (box) => {
    const file = fileOf(box, "out"), errors = fileOf(box, "err");
    const container = box.container({ process: { ...USER, args: sh(REOPENING) } });
    assertOk(await ran(container, `>>${file.path} 2>>${errors.path}`));
    assertEquals(readText(file.path), "before\none\ntwo\n");
    assertEquals(readText(errors.path), "before\nthree\nfour\n");
    assertEquals([file.owner(), errors.owner()], [0, 0]);
  },
);

contract("output files: both streams in one file stay in their order", async (box) => {
  const file = fileOf(box, "out");
  const container = box.container({ process: { ...USER, args: sh(REOPENING) } });
  assertOk(await ran(container, `>>${file.path} 2>&1`));
  assertEquals(readText(file.path), "before\none\ntwo\nthree\nfour\n");
  assertEquals(file.owner(), 0);
}, { notOnReference: "runc 1.1.5 copies each stream by itself: their order is chance" });

contract("output files: the last of much output is there, and the status is the program's", async (box) => {
  const file = fileOf(box, "out");
  const script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 7";
  const container = box.container({ process: { ...USER, args: sh(script) } });
  assertEquals((await ran(container, `>>${file.path}`)).code, 7);
  const lines = readText(file.path).trimEnd().split("\n");
  assertEquals([lines.length, lines.at(-1)], [20_001, "line 19999"]);
});

contract("output files: exec's, too", async (box) => {
  const file = fileOf(box, "out");
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const args = ["exec", "--user", "1000:1000", container.id, ...sh(REOPENING)];
  assertOk(await box.cli(args, { redirect: `>>${file.path} 2>&1` }));
  assertEquals(readText(file.path), "before\none\ntwo\nthree\nfour\n");
  assertEquals(file.owner(), 0);
});

contract("output files: of a user namespace's user", async (box) => {
  const file = fileOf(box, "out");
  const map = [{ containerID: 0, hostID: 100_000, size: 65_536 }];
  const container = box.container({
    process: { ...USER, args: sh(REOPENING) },
    linux: {
      namespaces: ["pid", "mount", "ipc", "uts", "network", "user"].map((type) => ({ type })),
      uidMappings: map,
      gidMappings: map,
    },
  });
  assertOk(await ran(container, `>>${file.path} 2>&1`));
  assertEquals(readText(file.path), "before\none\ntwo\nthree\nfour\n");
  assertEquals(file.owner(), 0);
}, { notOnReference: "runc 1.1.5 changes the owner" });

contract("output files: one that the user may write to is the container's as it is", async (box) => {
  const file = fileOf(box, "out", 0o666);
  Deno.chmodSync(file.path, 0o666);
  const container = box.container({
    process: { ...USER, args: sh("readlink /proc/self/fd/1; echo x >>/dev/stdout") },
  });
  assertOk(await ran(container, `>>${file.path}`));
  assertMatch(readText(file.path), /^before\n\/.*\nx\n$/);
  assertEquals(file.owner(), 0);
}, { notOnReference: "runc copies all output" });
