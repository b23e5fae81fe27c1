import { assertEquals } from "@std/assert";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS } from "../../../spec/seccomp.ts";
import { enosysStub, needsEnosysStub } from "./enosys.ts";
import { runFilter } from "./bpf_testing.ts";

const { SCMP_ARCH_X86_64: X86_64, SCMP_ARCH_X32: X32, SCMP_ARCH_X86: X86, SCMP_ARCH_AARCH64: AARCH64 } =
  SECCOMP_ARCHS;
const X32_BIT = 0x4000_0000;
const ENOSYS = 0x50026;
/** What the filter behind the stub answers in these tests. */
const FILTER = 0x7fff0000;

/** The stub with a filter behind it that allows all. */
function withStub(largest: [number, number][]): (arch: number, nr: number) => number {
  const stub = enosysStub(new Map(largest));
  const program = new Uint8Array(stub.length + 8);
  program.set(stub);
  program.set([0x06, 0, 0, 0, 0x00, 0x00, 0xff, 0x7f], stub.length);
  return (arch, nr) => runFilter(program, { nr, arch, args: [] });
}

Deno.test("calls above the largest known number get ENOSYS, the others reach the filter", () => {
  for (const arch of [X86_64, AARCH64, X86]) {
    const run = withStub([[arch, 100]]);
    assertEquals(run(arch, 0), FILTER);
    assertEquals(run(arch, 100), FILTER);
    assertEquals(run(arch, 101), ENOSYS);
    assertEquals(run(arch, 0x3fff_ffff), ENOSYS);
  }
});

Deno.test("each architecture has its own largest number", () => {
  const run = withStub([[X86_64, 400], [X86, 300], [X32, X32_BIT | 500], [AARCH64, 200]]);
  assertEquals([run(X86_64, 400), run(X86_64, 401)], [FILTER, ENOSYS]);
  assertEquals([run(X86, 300), run(X86, 301)], [FILTER, ENOSYS]);
  assertEquals([run(X86_64, X32_BIT | 500), run(X86_64, X32_BIT | 501)], [FILTER, ENOSYS]);
  assertEquals([run(AARCH64, 200), run(AARCH64, 201)], [FILTER, ENOSYS]);
});

Deno.test("an architecture that the profile does not cover is the filter's business", () => {
  assertEquals(withStub([[AARCH64, 200]])(X86, 9999), FILTER);
  assertEquals(withStub([[X86_64, 200]])(X86_64, X32_BIT | 9999), FILTER);
  assertEquals(withStub([[X32, X32_BIT | 200]])(X86_64, 9999), FILTER);
  assertEquals(withStub([[X32, X32_BIT | 200]])(X86_64, X32_BIT | 9999), ENOSYS);
  assertEquals(enosysStub(new Map()).length, 0);
});

Deno.test("defaults that let unknown calls through, or answer ENOSYS anyhow, need no stub", () => {
  const {
    SCMP_ACT_ALLOW,
    SCMP_ACT_LOG,
    SCMP_ACT_TRACE,
    SCMP_ACT_ERRNO,
    SCMP_ACT_KILL,
    SCMP_ACT_KILL_PROCESS,
    SCMP_ACT_TRAP,
  } = SECCOMP_ACTIONS;
  for (
    const action of [SCMP_ACT_ALLOW, SCMP_ACT_LOG, SCMP_ACT_TRACE, SCMP_ACT_TRACE + 7, SCMP_ACT_ERRNO + 38]
  ) {
    assertEquals(needsEnosysStub(action), false, action.toString(16));
  }
  for (
    const action of [SCMP_ACT_ERRNO, SCMP_ACT_ERRNO + 1, SCMP_ACT_KILL, SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRAP]
  ) {
    assertEquals(needsEnosysStub(action), true, action.toString(16));
  }
});
