import { assertEquals, assertRejects } from "@std/assert";
import { RuntimeError } from "../../ffi/errors.ts";
import { OperationError } from "../../ffi/kernel.ts";
import { local } from "../../ffi/local.ts";
import { readTail } from "./files.ts";
import { DOCUMENT_MAX, readInput } from "./input.ts";

async function withTempDir(test: (dir: string) => Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync();
  try {
    await test(dir);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

const read = (path: string) => readInput(local(), path);

Deno.test("input: regular files, empty ones and those of the kernel", () =>
  withTempDir(async (dir) => {
    Deno.writeTextFileSync(`${dir}/a`, "ü text");
    Deno.symlinkSync("a", `${dir}/link`);
    Deno.writeTextFileSync(`${dir}/empty`, "");
    assertEquals(await read(`${dir}/link`), "ü text");
    assertEquals(await read(`${dir}/empty`), "");
    assertEquals(await read("/proc/self/comm"), Deno.readTextFileSync("/proc/self/comm"));
  }));

Deno.test("input: what is no document, or too long for one, is refused before it is read", () =>
  withTempDir(async (dir) => {
    await assertRejects(() => read(`${dir}/none`), OperationError, "no such file or directory");
    await assertRejects(() => read(dir), RuntimeError, "is a directory");
    for (const path of ["/dev/zero", "/dev/null", "/dev/full"]) {
      await assertRejects(() => read(path), RuntimeError, "neither a regular file nor a pipe");
    }
    Deno.writeTextFileSync(`${dir}/long`, "");
    Deno.truncateSync(`${dir}/long`, DOCUMENT_MAX);
    assertEquals((await read(`${dir}/long`)).length, DOCUMENT_MAX);
    Deno.truncateSync(`${dir}/long`, DOCUMENT_MAX + 1);
    await assertRejects(() => read(`${dir}/long`), RuntimeError, "longer than 16 MiB");
    Deno.truncateSync(`${dir}/long`, 600 * 2 ** 20);
    await assertRejects(() => read(`${dir}/long`), RuntimeError, "longer than 16 MiB");
  }));

/** What is read of a pipe that a shell writes to. */
async function readPipe(dir: string, script: string): Promise<string> {
  const pipe = `${dir}/pipe`;
  await new Deno.Command("/usr/bin/mkfifo", { args: [pipe] }).output();
  const child = new Deno.Command("/bin/sh", { args: ["-c", `exec >"$0"; ${script}`, pipe], stderr: "null" })
    .spawn();
  try {
    return await read(pipe);
  } finally {
    Deno.removeSync(pipe);
    await child.status;
  }
}

Deno.test("input: a pipe, whenever its writer comes and however it writes", () =>
  withTempDir(async (dir) => {
    const text = await readPipe(
      dir,
      `printf 'a\\303'; sleep 0.1; printf '\\274b'; head -c 200000 /dev/zero | tr '\\0' x`,
    );
    assertEquals([text.length, text.slice(0, 5)], [200003, "aübxx"]);
    assertEquals(await readPipe(dir, "sleep 0.1"), "");
    await assertRejects(() => readPipe(dir, "cat /dev/zero"), RuntimeError, "longer than 16 MiB");
  }));

Deno.test("files: of a long file the end is read", () =>
  withTempDir((dir) => {
    Deno.writeTextFileSync(`${dir}/a`, "0123456789");
    assertEquals([readTail(`${dir}/a`, 3), readTail(`${dir}/a`, 100)], ["789", "0123456789"]);
    return Promise.resolve();
  }));
