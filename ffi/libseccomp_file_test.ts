import { assertEquals, assertNotEquals } from "@std/assert";
import { installedRelease, locateLibseccomp, releaseOf } from "./libseccomp_file.ts";

/** Runs a test with a directory that holds a library as Debian installs it: a file and a link to it. */
function withLibrary(test: (directory: string) => void) {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${directory}/libseccomp.so.2.6.1`, "one build");
    Deno.symlinkSync("libseccomp.so.2.6.1", `${directory}/libseccomp.so.2`);
    test(directory);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

Deno.test("the first directory that has the library wins, and its file name tells the release", () =>
  withLibrary((directory) => {
    const file = locateLibseccomp(["/nonexistent", directory, "/usr/lib"]);
    assertEquals(file?.path, `${directory}/libseccomp.so.2`);
    assertEquals(releaseOf(file!), "2.6.1");
    assertEquals(locateLibseccomp(["/nonexistent"]), null);
    assertEquals(installedRelease(["/nonexistent", directory]), "2.6.1");
    assertEquals(installedRelease(["/nonexistent"]), undefined);
  }));

Deno.test("an upgraded library, of the same release even, is another one", () =>
  withLibrary((directory) => {
    const before = locateLibseccomp([directory]);
    assertEquals(locateLibseccomp([directory]), before);
    Deno.writeTextFileSync(`${directory}/new`, "another build");
    Deno.renameSync(`${directory}/new`, `${directory}/libseccomp.so.2.6.1`);
    assertNotEquals(locateLibseccomp([directory]), before);
  }));

Deno.test("a file name without a release tells none", () =>
  withLibrary((directory) => {
    Deno.removeSync(`${directory}/libseccomp.so.2`);
    Deno.writeTextFileSync(`${directory}/libseccomp.so.2`, "");
    assertEquals(releaseOf(locateLibseccomp([directory])!), null);
    assertEquals(installedRelease([directory]), undefined);
  }));
