/** Archives: other programs read them, and the same content makes the same bytes. */
import { assertEquals, assertThrows } from "@std/assert";
import { arArchive, joined, Packer, tarPieces } from "./archive.ts";
import { directoriesOf, type Entry, textEntry } from "./tree.ts";

const TIME = 1767323045;
const LONG = `${"d".repeat(90)}/${"f".repeat(60)}`;
const ENTRIES: readonly Entry[] = [
  textEntry("a/b/text", "hello\n"),
  textEntry("a/program", "#!/bin/sh\n", 0o755),
  { path: "a/link", link: "b/text" },
  textEntry(LONG, "x"),
  { path: "large", content: new Uint8Array(9 << 20).fill(7), mode: 0o644 },
];

/** Runs a program in a directory with one file in it. */
function read(name: string, content: Uint8Array, program: string, ...args: string[]): string {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(`${dir}/${name}`, content);
    const { code, stdout, stderr } = new Deno.Command(program, { args, cwd: dir }).outputSync();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("archive: tar(1) reads names, modes, owners, times, links and contents", async () => {
  const bytes = await new Packer(TIME).tarGz(ENTRIES);
  const list = read("x.tar.gz", bytes, "tar", "-tvzf", "x.tar.gz", "--full-time", "--utc");
  assertEquals(list.trimEnd().split("\n").map((line) => line.replace(/ +/g, " ")), [
    "drwxr-xr-x root/root 0 2026-01-02 03:04:05 a/",
    "drwxr-xr-x root/root 0 2026-01-02 03:04:05 a/b/",
    `drwxr-xr-x root/root 0 2026-01-02 03:04:05 ${LONG.split("/")[0]}/`,
    "-rw-r--r-- root/root 6 2026-01-02 03:04:05 a/b/text",
    "lrwxrwxrwx root/root 0 2026-01-02 03:04:05 a/link -> b/text",
    "-rwxr-xr-x root/root 10 2026-01-02 03:04:05 a/program",
    `-rw-r--r-- root/root 1 2026-01-02 03:04:05 ${LONG}`,
    `-rw-r--r-- root/root ${9 << 20} 2026-01-02 03:04:05 large`,
  ]);
  assertEquals(read("x.tar.gz", bytes, "tar", "-xzOf", "x.tar.gz", "a/b/text"), "hello\n");
  assertEquals(await new Packer(TIME).tarGz(ENTRIES), bytes);
});

Deno.test("archive: a tar without compression ends with two empty blocks, each file with a whole one", () => {
  const bytes = joined(tarPieces([textEntry("f", "abc")], TIME));
  assertEquals(bytes.length, 4 * 512);
  assertEquals(bytes.subarray(2 * 512), new Uint8Array(2 * 512));
  assertThrows(() => tarPieces([textEntry("f".repeat(101), "")], TIME), Error, "too long for an archive");
});

Deno.test("archive: dpkg-deb's ar: a member of odd length is followed by a newline", () => {
  const bytes = arArchive([["one", new Uint8Array([65])], ["two", new Uint8Array([66, 67])]], 5);
  const head = (name: string, size: number) =>
    `${name.padEnd(16)}5           0     0     100644  ${`${size}`.padEnd(10)}\`\n`;
  assertEquals(new TextDecoder().decode(bytes), `!<arch>\n${head("one", 1)}A\n${head("two", 2)}BC`);
});

Deno.test("archive: every directory above a file, once", () => {
  assertEquals(directoriesOf([textEntry("a/b/c", ""), textEntry("a/d", ""), textEntry("e", "")]), [
    "a",
    "a/b",
  ]);
});
