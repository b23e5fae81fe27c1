import { assertEquals, assertThrows } from "@std/assert";
import { prelink, PrelinkError, randomBase } from "./prelink.ts";

Deno.test("prelink: another copy of Deno at a fixed address runs, calls libc and unwinds", async () => {
  const dir = await Deno.makeTempDir();
  try {
    const image = await Deno.readFile(Deno.execPath());
    const base = randomBase();
    prelink(image, base);
    const copy = `${dir}/deno`;
    await Deno.writeFile(copy, image, { mode: 0o755 });
    const program = `
      const libc = Deno.dlopen("libc.so.6", { getpid: { parameters: [], result: "i32" } });
      let caught = "";
      try { JSON.parse("{"); } catch (error) { caught = error.name; }
      const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(1));
      const maps = Deno.readTextFileSync("/proc/self/maps");
      console.log(libc.symbols.getpid() === Deno.pid, caught, digest.byteLength, maps.startsWith("${
      base.toString(16)
    }-"));`;
    const { stdout, stderr } = await new Deno.Command(copy, { args: ["eval", program] }).output();
    assertEquals(new TextDecoder().decode(stderr), "");
    assertEquals(new TextDecoder().decode(stdout), "true SyntaxError 32 true\n");
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});

Deno.test("prelink: what is not a position-independent program is refused", () => {
  assertThrows(() => prelink(new Uint8Array(100), 2 ** 36), PrelinkError, "not a 64-bit");
  const header = new Uint8Array(100);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  header[16] = 3;
  header[18] = 3;
  assertThrows(() => prelink(header, 2 ** 36), PrelinkError, "not for x86-64 or aarch64");
  header[18] = 62;
  header[16] = 2;
  assertThrows(() => prelink(header, 2 ** 36), PrelinkError, "not position-independent");
});

Deno.test("randomBase: aligned to the largest page size and inside 39 bits", () => {
  for (let i = 0; i < 1000; i++) {
    const base = randomBase();
    assertEquals(base % 65536, 0);
    assertEquals(base >= 2 ** 36 && base < 2 ** 37, true);
  }
});
