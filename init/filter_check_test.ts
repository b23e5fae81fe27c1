import { assert, assertEquals } from "@std/assert";
import { filterAllows, filterAnswer } from "./filter_check.ts";

/** Instructions as seccomp(2) takes them. */
function program(...instructions: [code: number, jt: number, jf: number, k: number][]): Uint8Array {
  const bytes = new Uint8Array(instructions.length * 8);
  const view = new DataView(bytes.buffer);
  instructions.forEach(([code, jt, jf, k], i) => {
    view.setUint16(i * 8, code, true);
    view.setUint8(i * 8 + 2, jt);
    view.setUint8(i * 8 + 3, jf);
    view.setUint32(i * 8 + 4, k, true);
  });
  return bytes;
}

const ALLOW = 0x7fff0000, ERRNO = 0x00050001, LOG = 0x7ffc0000;
const LOAD = 0x20, JEQ = 0x15, JGT = 0x25, JGE = 0x35, JSET = 0x45, JA = 0x05, AND = 0x54, RET = 0x06;

Deno.test("filterAnswer: by architecture and number", () => {
  const filter = program(
    [LOAD, 0, 0, 4],
    [JEQ, 1, 0, 0xc000003e],
    [RET, 0, 0, 0],
    [LOAD, 0, 0, 0],
    [JEQ, 0, 1, 126], // capset on x86-64
    [RET, 0, 0, ERRNO],
    [RET, 0, 0, ALLOW],
  );
  assertEquals(filterAnswer(filter, "capset", 0, "x86_64"), ERRNO);
  assertEquals(filterAnswer(filter, "clone", 0, "x86_64"), ALLOW);
  assertEquals(filterAnswer(filter, "clone", 0, "aarch64"), 0);
});

Deno.test("filterAnswer: by the first argument, masked, and over every jump", () => {
  const filter = program(
    [LOAD, 0, 0, 16],
    [AND, 0, 0, 0x7e020000],
    [JEQ, 1, 0, 0],
    [RET, 0, 0, ERRNO],
    [JA, 0, 0, 1],
    [RET, 0, 0, 1],
    [LOAD, 0, 0, 0],
    [JGT, 1, 0, 500],
    [JGE, 1, 0, 500],
    [JSET, 0, 1, 1 << 30],
    [RET, 0, 0, 2],
    [RET, 0, 0, ALLOW],
  );
  assertEquals(filterAnswer(filter, "clone", 0x8000, "x86_64"), ALLOW);
  assertEquals(filterAnswer(filter, "clone", 0x20000000, "x86_64"), ERRNO);
});

Deno.test("filterAllows: allowing and logging is, anything else is not", () => {
  assert(filterAllows(program([RET, 0, 0, ALLOW]), ["clone", "execve"], 0));
  assert(filterAllows(program([RET, 0, 0, LOG]), ["clone"], 0));
  for (const answer of [0, ERRNO, 0x7fc00000, 0x80000000]) {
    assert(!filterAllows(program([RET, 0, 0, answer]), ["clone"], 0), String(answer));
  }
  // An instruction that is not known, and a program without an end.
  assert(!filterAllows(program([0x81, 0, 0, 0], [RET, 0, 0, ALLOW]), ["clone"], 0));
  assert(!filterAllows(program([LOAD, 0, 0, 0]), ["clone"], 0));
});
