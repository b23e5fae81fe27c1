/** Files in directories that others may write to. */
import { assertEquals, assertThrows } from "@std/assert";
import { RuntimeError } from "../../../ffi/errors.ts";
import { OperationError } from "../../../ffi/kernel.ts";
import { local } from "../../../ffi/local.ts";
import { skip } from "../../../tests/lib/skip.ts";
import { makePrivateDirectory, writePrivately } from "./write.ts";

function inTemporary(test: (directory: string) => void): void {
  const directory = Deno.realPathSync(Deno.makeTempDirSync());
  try {
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const write = (directory: string, text = "new") =>
  writePrivately(local(), directory, "trace", new TextEncoder().encode(text));

Deno.test("write: a file is for its owner only, replaces one, and leaves no other", () =>
  inTemporary((directory) => {
    Deno.writeTextFileSync(`${directory}/trace`, "old", { mode: 0o666 });
    const long = "x".repeat(700_000);
    write(directory, long);
    assertEquals(Deno.readTextFileSync(`${directory}/trace`), long);
    assertEquals(Deno.statSync(`${directory}/trace`).mode! & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(directory)].length, 1);
  }));

Deno.test("write: a link in the place of the file is replaced, not followed", () =>
  inTemporary((directory) => {
    Deno.writeTextFileSync(`${directory}/precious`, "kept");
    Deno.symlinkSync("precious", `${directory}/trace`);
    write(directory);
    assertEquals(Deno.readTextFileSync(`${directory}/precious`), "kept");
    assertEquals(Deno.lstatSync(`${directory}/trace`).isFile, true);
  }));

Deno.test("write: links of one's own lead on, in the middle and at the end, relative or not", () =>
  inTemporary((directory) => {
    Deno.mkdirSync(`${directory}/real/deep`, { recursive: true });
    Deno.symlinkSync("real", `${directory}/relative`);
    Deno.symlinkSync(`${directory}/relative/../real/deep`, `${directory}/whole`);
    write(`${directory}/relative/deep`);
    write(`${directory}/whole`, "newer");
    assertEquals(Deno.readTextFileSync(`${directory}/real/deep/trace`), "newer");
    Deno.symlinkSync("loop", `${directory}/loop`);
    assertThrows(() => write(`${directory}/loop`), OperationError, "too many levels of symbolic links");
  }));

Deno.test("write: a directory is made once, for its owner only", () =>
  inTemporary((directory) => {
    makePrivateDirectory(local(), `${directory}/all`);
    makePrivateDirectory(local(), `${directory}/all`);
    assertEquals(Deno.statSync(`${directory}/all`).mode! & 0o777, 0o700);
    Deno.writeTextFileSync(`${directory}/file`, "");
    assertThrows(() => write(`${directory}/file`), OperationError, "not a directory");
    assertThrows(() => write(`${directory}/missing`), OperationError, "no such file or directory");
  }));

if (Deno.uid() !== 0) skip("write: a link of another user is not followed", "needs root");
else {
  Deno.test("write: a link of another user is not followed", () =>
    inTemporary((directory) => {
      Deno.mkdirSync(`${directory}/real`);
      Deno.symlinkSync("real", `${directory}/link`);
      new Deno.Command("chown", { args: ["-h", "1234", `${directory}/link`] }).outputSync();
      assertThrows(() => write(`${directory}/link`), RuntimeError, "link is a link of user 1234");
      assertEquals([...Deno.readDirSync(`${directory}/real`)], []);
    }));
}
