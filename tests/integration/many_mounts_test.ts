/**
 * More mounts and masked paths than usual: they are recorded in bulk, and their destinations are made before
 * they are asked for.
 */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
import type { Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

const COUNT = 60;

contract("many mounts: each lies where it is asked for, whatever was there", async (box) => {
  const dir = `${box.dir}/source`;
  Deno.mkdirSync(`${dir}/directory`, { recursive: true });
  Deno.writeTextFileSync(`${dir}/directory/inside`, "");
  Deno.writeTextFileSync(`${dir}/file`, "of a file\n");
  const bind = (source: string, destination: string): Dict => (
    { destination, type: "bind", source: `${dir}/${source}`, options: ["bind"] }
  );
  const tmpfs = (destination: string, ...options: string[]): Dict => (
    { destination, type: "tmpfs", source: "tmpfs", options }
  );
  const filler = Array.from({ length: COUNT }, (_, i) => bind("directory", `/many/d${i}`));
  const script = [
    "ls /many | wc -l; ls /many/d0 /many/d59 /deep/er/d /target/d | grep -c inside",
    "cat /files/f /there /deep/er/f /target/f /t/f",
    "stat -c '%n %a' /new /kept /t/new /deep/er/new",
    "ls -ld /link | cut -c1",
  ];
  const container = box.container({
    process: { args: sh(script.join("\n")) },
    mounts: [
      ...[MOUNTS.proc, MOUNTS.dev, ...filler],
      ...[bind("directory", "/deep/er/d"), bind("file", "/deep/er/f"), tmpfs("/deep/er/new")],
      ...[bind("file", "/files/f"), bind("file", "/there")],
      ...[bind("directory", "/link/d"), bind("file", "/link/f")],
      ...[tmpfs("/t", "mode=755"), bind("file", "/t/f"), tmpfs("/t/new"), tmpfs("/new"), tmpfs("/kept")],
    ],
  });
  Deno.mkdirSync(container.path("/files"));
  Deno.mkdirSync(container.path("/kept"));
  Deno.chmodSync(container.path("/kept"), 0o751);
  Deno.writeTextFileSync(container.path("/there"), "of the image\n");
  Deno.symlinkSync("/target", container.path("/link"));
  assertEquals(
    await container.output(),
    `${COUNT}\n4\n${"of a file\n".repeat(5)}/new 1777\n/kept 751\n/t/new 1777\n/deep/er/new 1777\nl\n`,
  );
  const made = ["/many/d7", "/deep/er/d", "/new"].map((path) => Deno.statSync(container.path(path)).mode);
  assertEquals(made.map((mode) => (mode ?? 0) & 0o7777), [0o755, 0o755, 0o755]);
  assertEquals((Deno.statSync(container.path("/deep/er/f")).mode ?? 0) & 0o7777, 0o644);
}, { notOnReference: "runc 1.1.5 gives a new directory's mode to the tmpfs" });

/** A container with 100 read-only binds of one directory on directories of the image. */
function withBinds(box: Box, change: (mounts: Dict[]) => void): Container {
  const source = `${box.dir}/source`;
  Deno.mkdirSync(source);
  Deno.writeTextFileSync(`${source}/inside`, "");
  const options = ["bind", "ro"];
  const binds: Dict[] = Array.from({ length: 100 }, (_, i) => (
    { destination: `/binds/${i}`, type: "bind", source, options }
  ));
  change(binds);
  const container = box.container({
    process: { args: sh("ls /binds/*/inside | wc -l; touch /binds/99/new || echo ro") },
    mounts: [MOUNTS.proc, MOUNTS.dev, ...binds],
  });
  for (let i = 0; i < 100; i++) Deno.mkdirSync(container.path(`/binds/${i}`), { recursive: true });
  return container;
}

contract("many mounts: all of them get the flags that they ask for", async (box) => {
  const container = withBinds(box, () => {});
  const { stdout } = await container.run();
  assertEquals(stdout, "100\nro\n");
});

contract("many mounts: of one that fails the error names both ends", async (box) => {
  const container = withBinds(box, (binds) => binds[71].source = `${box.dir}/nothing`);
  const { code, stderr } = await container.run();
  assertEquals(code, 1);
  assertStringIncludes(stderr, `${box.dir}/nothing`);
  assertStringIncludes(stderr, "/binds/71");
  assertStringIncludes(stderr, "no such file or directory");
  await box.assertNothingLeft();
});

contract("many mounts: a file is not mounted on a directory", async (box) => {
  const container = withBinds(box, (binds) => binds[42].source = `${box.dir}/source/inside`);
  const { code, stderr } = await container.run();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "/binds/42");
  assertStringIncludes(stderr, "not a directory");
  await box.assertNothingLeft();
});

contract("many mounts: a link of the image leads none of them out of the root or into /proc", async (box) => {
  const container = withBinds(box, () => {});
  for (const [i, target] of [[50, `${box.dir}/outside`], [80, "/proc/tty"]] as const) {
    Deno.removeSync(container.path(`/binds/${i}`));
    Deno.symlinkSync(target, container.path(`/binds/${i}`));
    const { code, stderr, stdout } = await container.run();
    if (i === 50) {
      assertEquals(stdout, "100\nro\n");
      continue;
    }
    assert(code !== 0);
    assertStringIncludes(stderr, "/proc");
  }
  assertEquals([...Deno.readDirSync(box.dir)].some(({ name }) => name === "outside"), false);
  await box.assertNothingLeft();
});

contract("many masked paths: directories and files are hidden, what is missing is not made", async (box) => {
  const names = Array.from({ length: 300 }, (_, i) => `${i}`);
  const container = box.container({
    process: {
      args: sh(
        "ls /secret | wc -l; cat /secret/*/key 2>/dev/null | wc -c; touch /secret/1/new || echo ro; " +
          "cat /secret/files/* | wc -c; cat /secret/other/key",
      ),
    },
    linux: {
      maskedPaths: [
        ...names.map((name) => `/secret/${name}`),
        ...names.map((name) => `/secret/files/${name}`),
      ],
    },
  });
  // Every tenth directory and every other file is missing.
  for (const name of [...names.filter((name) => !name.endsWith("7")), "files", "other"]) {
    Deno.mkdirSync(container.path(`/secret/${name}`), { recursive: true });
    Deno.writeTextFileSync(container.path(`/secret/${name}/key`), "secret");
  }
  Deno.removeSync(container.path("/secret/files/key"));
  for (const name of names.filter((name) => Number(name) % 2 === 0)) {
    Deno.writeTextFileSync(container.path(`/secret/files/${name}`), "secret");
  }
  assertEquals(await container.output(), "272\n6\nro\n0\nsecret");
});
