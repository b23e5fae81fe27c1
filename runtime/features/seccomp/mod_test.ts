import { local } from "../../../ffi/local.ts";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import type { LinuxSeccomp } from "../../../spec/linux.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { compileSeccomp, libseccompVersion } from "./mod.ts";
import { seccompFeatures } from "./features.ts";
import { hasLibseccomp } from "./bpf_testing.ts";

/** Runs a test with the path of a cache; it needs libseccomp. */
function test(name: string, fn: (cache: string) => void) {
  Deno.test({
    name,
    ignore: !hasLibseccomp,
    sanitizeResources: false,
    fn: () => {
      const parent = Deno.makeTempDirSync();
      try {
        fn(`${parent}/cache`);
      } finally {
        Deno.removeSync(parent, { recursive: true });
      }
    },
  });
}

/** Runs a script in a Deno of its own and returns what it printed. */
function run(script: string, ...args: string[]): string {
  const modules = `
    import { local } from "${import.meta.resolve("../../../ffi/local.ts")}";
    import { compileSeccomp } from "${import.meta.resolve("./mod.ts")}";
    import { allSyscallNames } from "${import.meta.resolve("./bpf_testing.ts")}";
    import { nativeArch } from "${import.meta.resolve("./compile.ts")}";
    import { SeccompFilter } from "${import.meta.resolve("../../../ffi/libseccomp.ts")}";
    import { libc, errno } from "${import.meta.resolve("../../../ffi/libc.ts")}";
    import { syscallNumber } from "${import.meta.resolve("../../../ffi/syscalls.ts")}";
    const args = ${JSON.stringify(args)};
  `;
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: [
      "eval",
      "--no-config",
      "--no-lock",
      "--quiet",
      "--v8-flags=--expose-gc",
      "--ext=ts",
      modules + script,
    ],
  }).outputSync();
  const decoder = new TextDecoder();
  assertEquals(success, true, decoder.decode(stderr));
  return decoder.decode(stdout);
}

const PROFILE: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 5 }],
};
const NOTIFY: LinuxSeccomp = {
  defaultAction: "SCMP_ACT_ALLOW",
  listenerPath: "/run/listener",
  syscalls: [{ names: ["mkdirat"], action: "SCMP_ACT_NOTIFY" }],
};

Deno.test("an empty profile is no filter", () => {
  assertEquals(compileSeccomp(local(), { defaultAction: "" }, "/nonexistent"), null);
  assertEquals(compileSeccomp(local(), { defaultAction: "", syscalls: [] }, "/nonexistent"), null);
  assertThrows(
    () => compileSeccomp(local(), { ...PROFILE, defaultAction: "" }, "/nonexistent"),
    RuntimeError,
    "is not a valid action",
  );
});

test("a filter from the cache is the filter compiled", (cache) => {
  const compiled = compileSeccomp(local(), PROFILE, cache);
  assertEquals(compiled?.listener, false);
  assertEquals([...Deno.readDirSync(cache)].length, 1);
  assertEquals(compileSeccomp(local(), PROFILE, cache), compiled);
  assertEquals([...Deno.readDirSync(cache)].length, 1);
});

test("a signal ends the compilation of a long profile", (cache) => {
  const k = local(), interrupted = new RuntimeError("EINTR_COMMAND", "interrupted");
  const syscalls: LinuxSeccomp["syscalls"] = Array.from({ length: 1000 }, (_, value) => ({
    names: ["mkdirat"],
    action: "SCMP_ACT_ERRNO",
    args: [{ index: 0, value, op: "SCMP_CMP_EQ" }],
  }));
  let looks = 0;
  k.interruption = {
    fd: -1,
    check() {
      if (++looks === 3) throw interrupted;
    },
  };
  try {
    assertThrows(() => compileSeccomp(k, { ...PROFILE, syscalls }, cache), RuntimeError, "interrupted");
  } finally {
    k.interruption = undefined;
  }
});

test("another profile, or other flags, are another filter", (cache) => {
  compileSeccomp(local(), PROFILE, cache);
  assertEquals(compileSeccomp(local(), { ...PROFILE, flags: [] }, cache)?.flags, 0);
  assertEquals(compileSeccomp(local(), { ...PROFILE, flags: ["SECCOMP_FILTER_FLAG_LOG"] }, cache)?.flags, 2);
  assertEquals([...Deno.readDirSync(cache)].length, 3);
});

test("values beyond 2^53 tell profiles apart", (cache) => {
  const withValue = (value: bigint): LinuxSeccomp => ({
    ...PROFILE,
    syscalls: [{
      names: ["mkdirat"],
      action: "SCMP_ACT_ERRNO",
      args: [{ index: 1, value, op: "SCMP_CMP_EQ" }],
    }],
  });
  const first = compileSeccomp(local(), withValue(0xffff_ffff_ffff_fffen), cache);
  const second = compileSeccomp(local(), withValue(0xffff_ffff_ffff_fffcn), cache);
  assertEquals(first?.program.toHex() === second?.program.toHex(), false);
  assertEquals(compileSeccomp(local(), withValue(0xffff_ffff_ffff_fffen), cache), first);
});

test("a cache hit does not load libseccomp", (cache) => {
  const script = `
    const filter = compileSeccomp(local(), JSON.parse(args[0]), args[1]);
    console.log(filter.program.length, Deno.readTextFileSync("/proc/self/maps").includes("libseccomp"));
  `;
  const miss = run(script, JSON.stringify(PROFILE), cache).trim().split(" ");
  // A miss loads the library and unloads it again, so what shows the difference is that one left a file.
  assertEquals([...Deno.readDirSync(cache)].length, 1);
  const loads = `
    const dlopen = Deno.dlopen;
    Deno.dlopen = (path, symbols) => {
      if (path.includes("libseccomp")) throw new Error("dlopen " + path);
      return dlopen(path, symbols);
    };
  `;
  assertEquals(run(loads + script, JSON.stringify(PROFILE), cache).trim().split(" "), [miss[0], "false"]);
});

test("a missing library is told with the packages to install", (cache) => {
  const script = `
    const dlopen = Deno.dlopen;
    Deno.dlopen = (path, symbols) => {
      if (path.includes("libseccomp")) throw new Error("cannot open shared object file");
      return dlopen(path, symbols);
    };
    try { compileSeccomp(local(), JSON.parse(args[0]), args[1]); } catch (error) { console.log(error.name, error.message); }
  `;
  assertEquals(
    run(script, JSON.stringify({ ...PROFILE, flags: [] }), cache),
    "RuntimeError error compiling seccomp filter: libseccomp.so.2 cannot be loaded; install the package libseccomp2 " +
      "(Debian, Ubuntu, openSUSE) or libseccomp (Fedora, Arch, Alpine)\n",
  );
});

test("the memory of names and conditions outlives a garbage collection", () => {
  const script = `
    const names = allSyscallNames(nativeArch);
    const filter = new SeccompFilter(0x7fff0000, names);
    const numbers = () => names.map((name) => filter.resolve(name, nativeArch)).join();
    const before = numbers();
    const pressure = [];
    for (let i = 0; i < 20; i++) { pressure.push(new Uint8Array(4096).fill(i)); gc(); }
    filter.addRule(0x50007, filter.resolve("mkdirat", nativeArch), [{ arg: 5, op: 4, a: 0x1234567n, b: 0n }]);
    gc();
    const program = new Uint32Array(filter.exportProgram().buffer);
    console.log(numbers() === before, program.includes(0x1234567), program.includes(0x50007));
  `;
  assertEquals(run(script), "true true true\n");
});

test("a rule that notifies needs a listener, with the filter cached or not", (cache) => {
  for (let i = 0; i < 2; i++) {
    const filter = compileSeccomp(local(), NOTIFY, cache);
    assertEquals([filter?.listener, filter!.flags & 8], [true, 8]);
    assertThrows(
      () => compileSeccomp(local(), { ...NOTIFY, listenerPath: "" }, cache),
      RuntimeError,
      "seccomp listenerPath is not set",
    );
    assertThrows(
      () => compileSeccomp(local(), { ...PROFILE, listenerMetadata: "x" }, cache),
      RuntimeError,
      "seccomp listenerMetadata is set, but listenerPath is not",
    );
  }
  assertEquals([...Deno.readDirSync(cache)].length, 2);
});

test("the version of the library is known without loading it", () => {
  assertMatch(libseccompVersion(), /^2\.\d+\.\d+$/);
});

/** Loads a filter into the main thread of a Deno and makes calls there. */
const LOAD = `
  const call = (name, ...rest) => {
    const number = typeof name === "number" ? name : syscallNumber(name);
    const result = libc().syscall(number, ...[...rest, 0, 0, 0, 0, 0, 0].slice(0, 6));
    return result === -1 ? -errno() : result;
  };
  errno();
  function load(filter) {
    const memory = new ArrayBuffer(1 << 16);
    const address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory)));
    // struct sock_fprog: count, pointer.
    new DataView(memory).setUint16(0, filter.program.length / 8, true);
    new DataView(memory).setBigUint64(8, BigInt(address + 16), true);
    new Uint8Array(memory).set(filter.program, 16);
    const noNewPrivileges = call("prctl", 38, 1);
    return [noNewPrivileges, call("seccomp", 1, filter.flags, address)];
  }
`;

test("the kernel takes the filter and does what it says", (cache) => {
  const script = `
    const filter = compileSeccomp(local(), JSON.parse(args[0]), args[1]);
    console.log(load(filter), call("mkdirat", -100, 0, 0), call("personality", 0xffffffff), call("personality", 8));
  `;
  const profile: LinuxSeccomp = {
    ...PROFILE,
    syscalls: [...PROFILE.syscalls!, {
      names: ["personality"],
      action: "SCMP_ACT_ERRNO",
      errnoRet: 7,
      args: [{ index: 0, value: 8, op: "SCMP_CMP_EQ" }],
    }],
  };
  assertEquals(run(LOAD + script, JSON.stringify(profile), cache), "[ 0, 0 ] -5 0 -7\n");
});

test("the kernel takes a large profile that denies by default; newer calls get ENOSYS, forbidden ones EPERM", (cache) => {
  const script = `
    const names = allSyscallNames(nativeArch).filter((name) => name !== "mkdirat" && name !== "keyctl");
    const profile = {
      defaultAction: "SCMP_ACT_ERRNO",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
      syscalls: [{ names, action: "SCMP_ACT_ALLOW" }],
    };
    const filter = compileSeccomp(local(), profile, args[0]);
    console.log(load(filter), call("mkdirat", -100, 0, 0), call("keyctl", 0), call(900), call("getpid") > 0);
  `;
  assertEquals(run(LOAD + script, cache), "[ 0, 0 ] -1 -1 -38 true\n");
});

Deno.test({
  name: "features name what is known, and of the flags what this kernel can do",
  sanitizeResources: false,
  fn: () => {
    const features = seccompFeatures();
    assertEquals(features.enabled, hasLibseccomp);
    assertEquals(features.actions?.length, 9);
    assertEquals(features.operators?.length, 7);
    assertEquals(features.knownFlags?.includes("SECCOMP_FILTER_FLAG_SPEC_ALLOW"), true);
    // Linux 4.17 and later; every kernel that tsrun runs on.
    assertEquals(features.supportedFlags?.includes("SECCOMP_FILTER_FLAG_SPEC_ALLOW"), true);
  },
});
