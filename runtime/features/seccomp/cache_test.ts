import { local } from "../../../ffi/local.ts";
import { assertEquals } from "@std/assert";
import { readCache, writeCache } from "./cache.ts";
import type { DebugSink } from "../../host/log.ts";

const filter = { program: new Uint8Array([6, 0, 0, 0, 0, 0, 255, 127]), flags: 4 };

/** Runs a test with the path of a cache that does not exist yet, and the log lines. */
function withCache(
  test: (directory: string, log: string[], debug: DebugSink) => void,
) {
  const parent = Deno.makeTempDirSync();
  const log: string[] = [];
  try {
    test(`${parent}/cache`, log, (line) => log.push(line));
  } finally {
    Deno.removeSync(parent, { recursive: true });
  }
}

function onlyFile(directory: string): string {
  const [entry, ...more] = Deno.readDirSync(directory);
  assertEquals(more, []);
  return `${directory}/${entry.name}`;
}

Deno.test("what was written is read, in a directory and a file of the owner alone", () =>
  withCache((directory, log, debug) => {
    assertEquals(readCache(local(), directory, "key", debug), null);
    writeCache(local(), directory, "key", filter, debug);
    assertEquals(readCache(local(), directory, "key", debug), filter);
    assertEquals(Deno.statSync(directory).mode! & 0o7777, 0o700);
    assertEquals(Deno.statSync(onlyFile(directory)).mode! & 0o7777, 0o600);
    assertEquals(log, []);
  }));

Deno.test("the full key decides, not the file's name", () =>
  withCache((directory, _log, debug) => {
    // As long as each other and alike at every letter that goes into the name: the same file.
    const keys = ["a" + "x".repeat(300), "a" + "x".repeat(300).replace(/^x/, "y")];
    writeCache(local(), directory, keys[0], filter, debug);
    assertEquals(readCache(local(), directory, keys[1], debug), null);
    writeCache(local(), directory, keys[1], { ...filter, flags: 0 }, debug);
    onlyFile(directory);
    assertEquals(readCache(local(), directory, keys[0], debug), null);
    assertEquals(readCache(local(), directory, keys[1], debug)?.flags, 0);
    assertEquals(readCache(local(), directory, keys[1].slice(0, -1), debug), null);
  }));

Deno.test("a damaged file is ignored, and written anew", () =>
  withCache((directory, _log, debug) => {
    writeCache(local(), directory, "key", filter, debug);
    const file = onlyFile(directory);
    const good = Deno.readTextFileSync(file);
    const damaged = [
      "",
      "key",
      "key\n",
      good.slice(0, -1),
      good.slice(0, -9),
      good + "x",
      good.replace("BgAA", "CgAA"),
      "\0".repeat(99),
    ];
    for (
      const text of [
        ...damaged,
        good.replaceAll("BgAA", "B!AA"),
        "key\n4\n\n\n",
        good.replace("\n4\n", "\n\n"),
        "key\n4\nBgAA\nBgAA\n",
      ]
    ) {
      Deno.writeTextFileSync(file, text);
      assertEquals(readCache(local(), directory, "key", debug), null, JSON.stringify(text));
    }
    writeCache(local(), directory, "key", filter, debug);
    assertEquals(readCache(local(), directory, "key", debug), filter);
  }));

Deno.test("a directory that others can enter is neither read nor written", () =>
  withCache((directory, log, debug) => {
    writeCache(local(), directory, "key", filter, debug);
    Deno.chmodSync(directory, 0o750);
    assertEquals(readCache(local(), directory, "key", debug), null);
    writeCache(local(), directory, "another", filter, debug);
    onlyFile(directory);
    assertEquals(log.length, 2);
    assertEquals(log[0].endsWith(`is not a directory of user ${Deno.uid()} with mode 0700; not used`), true);
  }));

Deno.test({
  name: "a directory of another user is neither read nor written",
  ignore: Deno.uid() !== 0,
  fn: () =>
    withCache((directory, log, debug) => {
      writeCache(local(), directory, "key", filter, debug);
      Deno.chownSync(directory, 65534, 65534);
      assertEquals(readCache(local(), directory, "key", debug), null);
      writeCache(local(), directory, "another", filter, debug);
      onlyFile(directory);
      assertEquals(log.length, 2);
    }),
});

Deno.test("a cache that cannot be made is a debug line, not a failure", () =>
  withCache((directory, log, debug) => {
    Deno.writeTextFileSync(directory, "in the way");
    writeCache(local(), directory, "key", filter, debug);
    assertEquals(readCache(local(), directory, "key", debug), null);
    assertEquals(log[0].startsWith(`seccomp cache: mkdir ${directory}: `), true, log[0]);
  }));

Deno.test("the number of files is bounded, left-overs included, and the newest stay", () =>
  withCache((directory, _log, debug) => {
    for (let i = 0; i < 100; i++) {
      writeCache(local(), directory, `key ${i}`, filter, debug);
      if (i % 10 === 0) Deno.writeTextFileSync(`${directory}/left-over.${i}`, "");
    }
    const count = [...Deno.readDirSync(directory)].length;
    assertEquals(count <= 33, true, `${count} files`);
    assertEquals(readCache(local(), directory, "key 99", debug), filter);
    assertEquals(readCache(local(), directory, "key 0", debug), null);
  }));

Deno.test("the filter that is used stays, though it is the oldest", () =>
  withCache((directory, _log, debug) => {
    writeCache(local(), directory, "hot", filter, debug);
    const old = new Date(2000, 0);
    for (let i = 0; i < 100; i++) {
      // Files of one moment would be removed in any order.
      for (const { name } of Deno.readDirSync(directory)) Deno.utimeSync(`${directory}/${name}`, old, old);
      assertEquals(readCache(local(), directory, "hot", debug), filter, `after ${i} others`);
      writeCache(local(), directory, `cold ${i}`, filter, debug);
    }
  }));
