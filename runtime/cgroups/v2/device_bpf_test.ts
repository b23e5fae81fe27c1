import { assert, assertEquals } from "@std/assert";
import type { LinuxDeviceCgroup } from "../../../spec/types.ts";
import { deviceProgram } from "./device_bpf.ts";
import { deviceList } from "../device_rules.ts";

/** An access as the kernel asks about it. */
interface Access {
  type: "b" | "c";
  major: number;
  minor: number;
  /** Of `rwm`. */
  kinds: string;
}

/**
 * What the program answers: runs the few instructions that it is made of, as the kernel's document defines
 * them.
 */
function run(program: Uint8Array<ArrayBuffer>, { type, major, minor, kinds }: Access): number {
  const set = [["m", 1], ["r", 2], ["w", 4]].reduce(
    (sum, [k, bit]) => kinds.includes(`${k}`) ? sum | Number(bit) : sum,
    0,
  );
  const context = [(set << 16 | (type === "c" ? 2 : 1)) >>> 0, major, minor];
  const view = new DataView(program.buffer);
  const registers = new Array<number>(11).fill(NaN);
  assertEquals(program.length % 8, 0);
  for (let at = 0, steps = 0; steps < 10_000; at++, steps++) {
    assert(at * 8 < program.length, "ran off the end");
    const code = view.getUint8(at * 8),
      to = view.getUint8(at * 8 + 1) & 15,
      from = view.getUint8(at * 8 + 1) >> 4;
    const jump = view.getInt16(at * 8 + 2, true), constant = view.getUint32(at * 8 + 4, true);
    switch (code) {
      case 0x61:
        assertEquals(from, 1);
        registers[to] = context[jump / 4];
        break;
      case 0x54:
        registers[to] = (registers[to] & constant) >>> 0;
        break;
      case 0x74:
        registers[to] = registers[to] >>> constant;
        break;
      case 0xb4:
        registers[to] = constant;
        break;
      case 0xbc:
        registers[to] = registers[from];
        break;
      case 0x16:
        if (registers[to] === constant) at += jump;
        break;
      case 0x56:
        if (registers[to] !== constant) at += jump;
        break;
      case 0x5e:
        if (registers[to] !== registers[from]) at += jump;
        break;
      case 0x95:
        return registers[0];
      default:
        throw new Error(`unknown instruction ${code}`);
    }
  }
  throw new Error("does not end");
}

function allows(rules: LinuxDeviceCgroup[] | undefined, text: string): boolean {
  const [type, numbers, kinds] = text.split(" ");
  const [major, minor] = numbers.split(":").map(Number);
  return run(deviceProgram(deviceList(rules)), { type: type as "b" | "c", major, minor, kinds }) === 1;
}

function check(rules: LinuxDeviceCgroup[] | undefined, allowed: string[], denied: string[]): void {
  for (const text of allowed) assert(allows(rules, text), `${text} is denied`);
  for (const text of denied) assert(!allows(rules, text), `${text} is allowed`);
}

Deno.test("without rules: the devices that every container has, and mknod of all", () => {
  const allowed = [
    "c 1:3 rw",
    "c 1:3 rwm",
    "c 5:2 r",
    "c 136:7 rw",
    "c 10:200 rwm",
    "b 8:0 m",
    "c 4:4294967295 m",
  ];
  check(undefined, allowed, ["b 8:0 r", "b 8:0 rm", "c 1:1 r", "c 10:229 rw", "b 1:3 r", "c 137:3 r"]);
});

Deno.test("an exception allows what it covers whole", () => {
  const rules: LinuxDeviceCgroup[] = [
    { allow: false, access: "rwm" },
    { allow: true, type: "b", major: 8, access: "r" },
    { allow: true, type: "c", major: 4, minor: 64, access: "rw" },
  ];
  check(rules, ["b 8:0 r", "b 8:77 r", "c 4:64 rw", "c 4:64 w"], [
    "b 8:0 w",
    "b 8:0 rw",
    "b 9:0 r",
    "c 4:65 r",
  ]);
});

Deno.test("a denial of a part denies what touches it", () => {
  const rules: LinuxDeviceCgroup[] = [
    { allow: true, access: "rwm" },
    { allow: false, type: "b", major: 8, minor: 0, access: "w" },
  ];
  check(rules, ["b 8:0 r", "b 8:0 rm", "b 8:1 rw", "c 8:0 rw", "c 1:1 rwm"], [
    "b 8:0 w",
    "b 8:0 rw",
    "b 8:0 rwm",
  ]);
});

Deno.test("all is allowed by a program of two answers", () => {
  const rules = [{ allow: true, access: "rwm" }];
  check(rules, ["b 8:0 rwm", "c 1:1 r"], []);
  assertEquals(deviceProgram(deviceList(rules)).length, 8 * 8);
});

Deno.test("numbers beyond 31 bits are compared as they are", () => {
  const rules: LinuxDeviceCgroup[] = [{
    allow: true,
    type: "c",
    major: 4294967294,
    minor: 2147483648,
    access: "rwm",
  }];
  check(rules, ["c 4294967294:2147483648 rw"], ["c 4294967294:0 rw", "c 0:2147483648 rw"]);
});
