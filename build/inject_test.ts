import { assert, assertEquals, assertThrows } from "@std/assert";
import { skip } from "../tests/lib/skip.ts";
import { endOfProgram, injectEntry } from "./inject.ts";
import { prelink, randomBase } from "./prelink.ts";

const TABLE = {
  args: [],
  variables: ["OWN=1"],
  limits: [],
  failure: "cannot start",
  noProcess: "no process",
};

/** Runs a program in a directory of its own, with these variables. */
function run(program: Uint8Array, env: Record<string, string>, args: string[] = []): [string, string] {
  const dir = Deno.makeTempDirSync();
  try {
    const file = `${dir}/program`;
    Deno.writeFileSync(file, program, { mode: 0o755 });
    const { stdout, stderr } = new Deno.Command(file, { args, env, clearEnv: true, cwd: "/" }).outputSync();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).replaceAll(dir, "DIR");
    return [text(stdout), text(stderr)];
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

Deno.test("inject: a dynamic program starts with the entry's environment, and ld.so sees no other", () => {
  const program = injectEntry(Deno.readFileSync("/usr/bin/env"), TABLE);
  const [out, err] = run(program, { A: "x y", LD_PRELOAD: "/nonexistent", LD_TRACE_LOADED_OBJECTS: "1" });
  assertEquals(err, "");
  assertEquals(out.trimEnd().split("\n").toSorted(), [
    "OWN=1",
    "TMPDIR=/dev/null",
    "tsrun:A=x y",
    "tsrun:LD_PRELOAD=/nonexistent",
    "tsrun:LD_TRACE_LOADED_OBJECTS=1",
  ]);
  assertEquals(run(program, {}, ["echo", "a b"])[0], "a b\n");
});

Deno.test("inject: variables that have their new names already keep them", () => {
  const program = injectEntry(Deno.readFileSync("/usr/bin/env"), TABLE);
  assertEquals(run(program, { "tsrun:A": "1" })[0], "TMPDIR=/dev/null\nOWN=1\ntsrun:A=1\n");
});

Deno.test("inject: a program whose data stand behind it, at a fixed address", () => {
  const deno = Deno.readFileSync(Deno.execPath());
  const end = endOfProgram(deno);
  const whole = new Uint8Array(end + 4);
  whole.set(deno.subarray(0, end));
  whole.set(new TextEncoder().encode("DATA"), end);
  const program = injectEntry(whole, TABLE);
  assertEquals(new TextDecoder().decode(program.subarray(-4)), "DATA");
  prelink(program, randomBase());
  const script = "console.log(Deno.env.get('tsrun:A'), Deno.env.get('OWN'), Deno.execPath())";
  const [out, err] = run(program, { A: "1", DENO_V8_FLAGS: "--bogus" }, ["eval", script]);
  assertEquals([out, err], ["1 1 DIR/program\n", ""]);
});

/** Debian's libc6-arm64-cross: its libc is a program too, which tells its version. */
const SYSROOT = "/usr/aarch64-linux-gnu", QEMU = "/usr/bin/qemu-aarch64-static";
const emulated = "inject: a dynamic program of aarch64 (emulated) starts";
const lacking = [QEMU, `${SYSROOT}/lib/libc.so.6`].find((path) => {
  try {
    return !Deno.statSync(path).isFile;
  } catch {
    return true;
  }
});
if (lacking !== undefined) skip(emulated, `no ${lacking} (qemu-user-static, libc6-arm64-cross)`);
else {
  Deno.test(emulated, () => {
    const file = Deno.makeTempFileSync();
    try {
      Deno.writeFileSync(file, injectEntry(Deno.readFileSync(`${SYSROOT}/lib/libc.so.6`), TABLE));
      Deno.chmodSync(file, 0o755);
      const { stdout } = new Deno.Command(QEMU, { args: ["-L", SYSROOT, file] }).outputSync();
      assert(new TextDecoder().decode(stdout).startsWith("GNU C Library"));
    } finally {
      Deno.removeSync(file);
    }
  });
}

Deno.test("inject: what is no dynamic program is refused", () => {
  assertThrows(() => injectEntry(new Uint8Array(4096), TABLE), Error, "not a program");
  const header = Deno.readFileSync("/usr/bin/env");
  // No header is one of notes.
  const view = new DataView(header.buffer);
  for (let i = 0, at = 64; i < view.getUint16(56, true); i++, at += 56) {
    if (view.getUint32(at, true) === 4) view.setUint32(at, 0, true);
  }
  assertThrows(() => injectEntry(header, TABLE), Error, "no header to spare");
});
