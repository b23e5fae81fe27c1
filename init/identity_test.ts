import { assertEquals, assertThrows } from "@std/assert";
import {
  PR_CAP_AMBIENT,
  PR_CAP_AMBIENT_CLEAR_ALL,
  PR_CAP_AMBIENT_RAISE,
  PR_CAPBSET_DROP,
  PR_CAPBSET_READ,
  PR_SET_KEEPCAPS,
} from "../ffi/constants.ts";
import { DryKernel } from "../ffi/dry.ts";
import { EINVAL } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { CAPABILITIES } from "../spec/capabilities.ts";
import type { LinuxCapabilities, Process, User } from "../spec/types.ts";
import { callsOf, names, scripted } from "../tests/lib/scripted.ts";
import {
  becomeUser,
  dropBounding,
  finalSets,
  type HostCapabilities,
  raiseAmbient,
  readHostCapabilities,
  setCapabilities,
  withRights,
} from "./identity.ts";

const ALL: HostCapabilities = { permitted: { low: 0xffffffff, high: 0x1ff }, last: 40 };
const NONE = { low: 0, high: 0 };
const { CAP_CHOWN, CAP_KILL, CAP_SYS_ADMIN, CAP_BPF } = CAPABILITIES;
const CHOWN = { low: 1 << CAP_CHOWN, high: 0 }, KILL = { low: 1 << CAP_KILL, high: 0 };

function processOf(capabilities: LinuxCapabilities | undefined, user: User = { uid: 0, gid: 0 }): Process {
  return { user, cwd: "/", args: ["x"], capabilities };
}

Deno.test("capabilities: without a list the process has none", () => {
  assertEquals(finalSets(processOf(undefined), ALL), { permitted: NONE, effective: NONE, inheritable: NONE });
});

Deno.test("capabilities: each set is its own list", () => {
  const sets = finalSets(
    processOf({
      permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_BPF"],
      effective: ["CAP_KILL"],
      inheritable: ["CAP_CHOWN"],
    }),
    ALL,
  );
  assertEquals(sets, {
    permitted: { low: 1 << CAP_CHOWN | 1 << CAP_KILL, high: 1 << (CAP_BPF - 32) },
    effective: KILL,
    inheritable: CHOWN,
  });
});

Deno.test("capabilities: what is not permitted is not effective", () => {
  const { effective } = finalSets(
    processOf({ permitted: ["CAP_KILL"], effective: ["CAP_CHOWN", "CAP_KILL"] }),
    ALL,
  );
  assertEquals(effective, KILL);
});

Deno.test("capabilities: what the runtime itself has not, it cannot give, and that is no error", () => {
  const host = { permitted: KILL, last: 40 };
  const all = ["CAP_KILL", "CAP_CHOWN"];
  assertEquals(finalSets(processOf({ permitted: all, effective: all, inheritable: all }), host), {
    permitted: KILL,
    effective: KILL,
    inheritable: KILL,
  });
});

Deno.test("capabilities: what the kernel does not know is left out", () => {
  const sets = finalSets(processOf({ permitted: ["CAP_KILL", "CAP_BPF", "CAP_FUTURE"] }), {
    ...ALL,
    last: 37,
  });
  assertEquals(sets.permitted, KILL);
});

Deno.test("capabilities: for loading a filter CAP_SYS_ADMIN is added, as far as the runtime has it", () => {
  const sets = finalSets(processOf({ permitted: ["CAP_KILL"], effective: ["CAP_KILL"] }), ALL);
  const more = { low: 1 << CAP_KILL | 1 << CAP_SYS_ADMIN, high: 0 };
  assertEquals(withRights(sets, ALL, ["CAP_SYS_ADMIN"]), {
    permitted: more,
    effective: more,
    inheritable: NONE,
  });
  assertEquals(withRights(sets, { permitted: KILL, last: 40 }, ["CAP_SYS_ADMIN"]), sets);
  assertEquals(withRights(sets, ALL, []), sets);
});

Deno.test("capabilities: capset takes version 3, and low and high words one after the other", () => {
  const k = new DryKernel();
  setCapabilities(k, {
    effective: { low: 1, high: 2 },
    permitted: { low: 3, high: 4 },
    inheritable: { low: 5, high: 0xffffffff },
  });
  const [header, data] = k.calls[0].args.map((
    arg,
  ) => [...new Uint32Array((arg as Uint8Array).slice().buffer)]);
  assertEquals(header, [0x20080522, 0]);
  assertEquals(data, [1, 3, 5, 2, 4, 0xffffffff]);
});

Deno.test("capabilities: all but the bounding ones are dropped, to the last that the kernel has", () => {
  const k = new DryKernel();
  dropBounding(k, processOf({ bounding: ["CAP_CHOWN", "CAP_SETFCAP", "CAP_MAC_OVERRIDE"] }), 33);
  const dropped = callsOf(k, "prctl").map((
    { args: [option, bit] },
  ) => (assertEquals(option, PR_CAPBSET_DROP), bit));
  // 31 and 32 are kept: the two words' edges.
  assertEquals(dropped, [...Array.from({ length: 30 }, (_, i) => i + 1), 33]);
});

Deno.test("capabilities: without a bounding list all are dropped", () => {
  const k = new DryKernel();
  dropBounding(k, processOf(undefined), 40);
  assertEquals(k.calls.length, 41);
});

Deno.test("capabilities: the ambient set is emptied, then filled; what cannot be raised is left out", () => {
  const k = scripted({ prctl: -1 });
  raiseAmbient(k, processOf({ ambient: ["CAP_KILL", "CAP_BPF", "CAP_FUTURE"] }), 38);
  assertEquals(k.calls.map(({ args }) => args.slice(0, 3)), [
    [PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0],
    [PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL],
  ]);
});

Deno.test("capabilities: the runtime's own are asked for, and how many the kernel has", () => {
  for (const last of [37, 40, 41]) {
    const k = scripted({
      capget: (_header, data) => {
        const { view, base } = (data as Buffer).memory;
        [1, 2, 3, 4, 5, 6].forEach((word, i) =>
          view.setUint32((data as Buffer).address - base + i * 4, word, true)
        );
        return 0;
      },
      prctl: (option, bit) => option === PR_CAPBSET_READ && (bit as number) <= last ? 1 : -EINVAL,
    });
    assertEquals(readHostCapabilities(k), { permitted: { low: 2, high: 5 }, last });
  }
});

Deno.test("user: groups before ids, the group before the user, capabilities kept until all is set", () => {
  const k = new DryKernel();
  becomeUser(k, processOf(undefined, { uid: 1000, gid: 100, additionalGids: [5, 0xfffffffe] }), false);
  assertEquals(names(k), ["prctl", "setgroups", "setresgid", "setresuid", "prctl"]);
  assertEquals(k.calls[0].args.slice(0, 2), [PR_SET_KEEPCAPS, 1]);
  assertEquals(k.calls[1].args[0], 2);
  assertEquals([...k.calls[1].args[1] as Uint8Array], [5, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff]);
  assertEquals(k.calls[2].args, [100, 100, 100]);
  assertEquals(k.calls[3].args, [1000, 1000, 1000]);
  assertEquals(k.calls[4].args.slice(0, 2), [PR_SET_KEEPCAPS, 0]);
});

Deno.test("user: without additional groups, the runtime's are dropped", () => {
  const k = new DryKernel();
  becomeUser(k, processOf(undefined), false);
  assertEquals(callsOf(k, "setgroups")[0].args[0], 0);
});

Deno.test("user: groups that the kernel does not take are explained", () => {
  const refused = (additionalGids: number[]) => {
    const k = new DryKernel((name) => name === "setgroups" ? -EINVAL : undefined);
    becomeUser(k, processOf(undefined, { uid: 0, gid: 0, additionalGids }), false);
  };
  const many = Array.from({ length: 65_537 }, (_, i) => i);
  assertThrows(() => refused(many), OperationError, "has 65537 of them, the kernel takes 65536");
  assertThrows(() => refused([7]), OperationError, "is not mapped in the user namespace");
});
