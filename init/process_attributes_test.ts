import { assert, assertEquals, assertThrows } from "@std/assert";
import { DryKernel } from "../ffi/dry.ts";
import { Label } from "../ffi/recorder.ts";
import type { Linux, Process } from "../spec/types.ts";
import { setAffinity, setAttributes, splitAttributes } from "./process_attributes.ts";

const PROCESS: Process = { user: { uid: 0, gid: 0 }, args: ["x"], cwd: "/" };
const GiB4 = 0x1_0000_0000;

/** What is recorded for a process and its `linux` section. */
function lines(changes: Partial<Process>, linux: Linux = {}): string[] {
  const kernel = new DryKernel();
  setAttributes(kernel, { ...PROCESS, ...changes }, linux);
  return kernel.lines();
}

Deno.test("attributes: nothing that is not asked for", () => assertEquals(lines({}), []));

Deno.test("attributes: scheduler", () => {
  const scheduler = { policy: "SCHED_BATCH", nice: -5, flags: ["SCHED_FLAG_RESET_ON_FORK"] } as const;
  assertEquals(lines({ scheduler: { ...scheduler, flags: [...scheduler.flags] } }), [
    `sched_setattr 0 [${48 + 3 * GiB4},1,${0xfffffffb},0,0,0] 0`,
  ]);
  assertEquals(lines({ scheduler: { policy: "SCHED_FIFO", priority: 7 } }), [
    `sched_setattr 0 [${48 + GiB4},0,${7 * GiB4},0,0,0] 0`,
  ]);
});

Deno.test("attributes: I/O priority, personality, memory policy", () => {
  assertEquals(lines({ ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 } }), [
    `ioprio_set 1 0 ${2 << 13 | 3}`,
  ]);
  assertEquals(lines({}, { personality: { domain: "LINUX32" } }), ["personality 8"]);
  assertEquals(lines({}, { memoryPolicy: { mode: "MPOL_LOCAL" } }), ["set_mempolicy 4 null 0"]);
  const kernel = new DryKernel();
  setAttributes(kernel, PROCESS, {
    memoryPolicy: { mode: "MPOL_BIND", nodes: "0,65", flags: ["MPOL_F_STATIC_NODES"] },
  });
  const [mode, mask, length] = kernel.calls[0].args;
  assertEquals([mode, length], [2 | 1 << 15, 129]);
  assertEquals([...mask as Uint8Array].map((byte, i) => byte && [i, byte]).filter(Boolean), [[0, 1], [8, 2]]);
});

Deno.test("attributes: a refusal beside limited CPUs says what may be the matter", () => {
  const kernel = new DryKernel(() => -1);
  const process: Process = { ...PROCESS, scheduler: { policy: "SCHED_DEADLINE" } };
  const linux: Linux = { resources: { cpu: { cpus: "0" } } };
  assertThrows(() => setAttributes(kernel, process, linux), Error, "can't be used together with AllowedCPUs");
  assertThrows(() => setAttributes(kernel, process, {}), Error, "set the scheduler SCHED_DEADLINE");
});

Deno.test("affinity: a mask of whole words, nothing for an empty list", () => {
  const kernel = new DryKernel();
  setAffinity(kernel, 5, "");
  assertEquals(kernel.calls, []);
  setAffinity(kernel, 5, "0-1,64");
  const [pid, size, mask] = kernel.calls[0].args;
  assertEquals([pid, size, (mask as Uint8Array)[0], (mask as Uint8Array)[8]], [5, 16, 3, 1]);
});

Deno.test("split attributes: what a clone inherits is set before it, the rest by it", () => {
  const split = (scheduler: Process["scheduler"]) => {
    const { before, after, needsNice } = splitAttributes({ ...PROCESS, scheduler }, {});
    const first = new DryKernel(), second = new DryKernel();
    before(first);
    after?.(second, new Label());
    return [first.calls.length, second.calls.length, needsNice];
  };
  assertEquals(split({ policy: "SCHED_FIFO", priority: 1 }), [1, 0, false]);
  assertEquals(split({ policy: "SCHED_OTHER", flags: ["SCHED_FLAG_RESET_ON_FORK"] }), [1, 1, false]);
  assertEquals(split({ policy: "SCHED_DEADLINE" }), [0, 1, true]);
  assert(split(undefined)[0] === 0);
});
