import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { writePidFile } from "./pid_file.ts";
import { withRoot } from "../container/record_testing.ts";

const names = (dir: string) => [...Deno.readDirSync(dir)].map(({ name }) => name).sort();

Deno.test("writePidFile: a number and nothing else, in the place of what was there", () =>
  withRoot((dir) => {
    for (const pid of [12345, 7]) {
      writePidFile(`${dir}/pid`, pid);
      assertEquals(Deno.readTextFileSync(`${dir}/pid`), String(pid));
    }
    assertEquals(names(dir), ["pid"]);
  }));

Deno.test("writePidFile: what cannot be written leaves nothing behind", () =>
  withRoot((dir) => {
    Deno.mkdirSync(`${dir}/pid`);
    assertThrows(() => writePidFile(`${dir}/pid`, 7), RuntimeError, `write pid file ${dir}/pid: `);
    assertEquals(names(dir), ["pid"]);
    assertThrows(() => writePidFile(`${dir}/none/pid`, 7), RuntimeError, "no such file or directory");
  }));

Deno.test("writePidFile: a link in the place of its temporary file is not followed", () =>
  withRoot((dir) => {
    Deno.writeTextFileSync(`${dir}/victim`, "untouched");
    Deno.symlinkSync(`${dir}/victim`, `${dir}/.pid`);
    writePidFile(`${dir}/pid`, 7);
    assertEquals([Deno.readTextFileSync(`${dir}/victim`), Deno.readTextFileSync(`${dir}/pid`)], [
      "untouched",
      "7",
    ]);
    assertEquals(names(dir), ["pid", "victim"]);
  }));
