/** More mounts than usual: their destinations are made before they are asked for, as those of a few are. */
import { assertEquals } from "@std/assert";
import { type Dict, MOUNTS, sh } from "../lib/bundle.ts";
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
