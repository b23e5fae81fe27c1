import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "./errors.ts";
import { writePidFile } from "./pid_file.ts";

/** Runs with a directory of its own. */
function within(work: (dir: string) => void): void {
  const dir = Deno.makeTempDirSync();
  try {
    work(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

Deno.test("writePidFile: a number and nothing else, in the place of what was there", () =>
  within((dir) => {
    for (const pid of [12345, 7]) {
      writePidFile(`${dir}/pid`, pid);
      assertEquals(Deno.readTextFileSync(`${dir}/pid`), String(pid));
    }
    assertEquals(names(dir), ["pid"]);
  }));

Deno.test("writePidFile: what cannot be written leaves nothing behind", () =>
  within((dir) => {
    Deno.mkdirSync(`${dir}/pid`);
    assertThrows(() => writePidFile(`${dir}/pid`, 7), RuntimeError, `write pid file ${dir}/pid: `);
    assertEquals(names(dir), ["pid"]);
    assertThrows(() => writePidFile(`${dir}/none/pid`, 7), RuntimeError, "no such file or directory");
  }));

Deno.test("writePidFile: a link in the place of its temporary file is not followed", () =>
  within((dir) => {
    Deno.writeTextFileSync(`${dir}/victim`, "untouched");
    Deno.symlinkSync(`${dir}/victim`, `${dir}/.pid`);
    writePidFile(`${dir}/pid`, 7);
    assertEquals([Deno.readTextFileSync(`${dir}/victim`), Deno.readTextFileSync(`${dir}/pid`)], [
      "untouched",
      "7",
    ]);
    assertEquals(names(dir), ["pid", "victim"]);
  }));
