import { assert, assertEquals, assertThrows } from "@std/assert";
import { dropEmptyLibraries } from "./needed.ts";
import { prelink, PrelinkError, randomBase } from "./prelink.ts";

/** Libraries that a copy of Deno maps, and what it says. */
function librariesOf(image: Uint8Array): { libraries: string[]; errors: string } {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(`${dir}/deno`, image, { mode: 0o755 });
    const script = `console.log(Deno.readTextFileSync("/proc/self/maps"))`;
    const { stdout, stderr } = new Deno.Command(`${dir}/deno`, { args: ["eval", script] }).outputSync();
    const names = new TextDecoder().decode(stdout).matchAll(/\/(lib[a-z_]+|ld)[^/\s]*\.so[.\d]*$/gm);
    return {
      libraries: [...new Set([...names].map(([, name]) => name))].toSorted(),
      errors: new TextDecoder().decode(stderr),
    };
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("needed: libraries that are empty are not loaded, and the program runs all the same", () => {
  const before = librariesOf(Deno.readFileSync(Deno.execPath()));
  assertEquals(before.errors, "");
  for (const name of ["libdl", "libpthread", "librt"]) assert(before.libraries.includes(name), name);
  for (const andPrelink of [false, true]) {
    const image = Deno.readFileSync(Deno.execPath());
    dropEmptyLibraries(image);
    if (andPrelink) prelink(image, randomBase());
    const { libraries, errors } = librariesOf(image);
    assertEquals(errors, "");
    assertEquals(libraries, before.libraries.filter((name) => !/^lib(dl|pthread|rt)$/.test(name)));
  }
});

Deno.test("needed: what is not a position-independent program is refused", () => {
  assertThrows(() => dropEmptyLibraries(new Uint8Array(100)), PrelinkError);
});
