import { assertEquals, assertThrows } from "@std/assert";
import type { DryKernel } from "../ffi/dry.ts";
import { EACCES, ENOENT } from "../ffi/errno.ts";
import { callsOf, lines, names, scripted, statfs } from "../tests/lib/scripted.ts";
import { labelSteps, openHostProcfs, ProcessLabels } from "./labels.ts";

const PROFILE = new ProcessLabels("docker-default", "attr/apparmor/exec", "");
const CONTEXT = new ProcessLabels("", "attr/exec", "u:r:t:s0:c1,c2");

Deno.test("labels: a profile is promised for the next program, below the procfs that is given", () => {
  const k = scripted();
  PROFILE.forProgram(k, 7);
  assertEquals(names(k), ["openat2", "write", "close"]);
  const [open] = callsOf(k, "openat2"), [write] = callsOf(k, "write");
  assertEquals(open.args.slice(0, 2), [7, "self/attr/apparmor/exec"]);
  // RESOLVE_NO_XDEV, _NO_MAGICLINKS and _BENEATH: a file mounted there is not written to.
  assertEquals((open.args[2] as number[])[2], 1 | 2 | 8);
  assertEquals(new TextDecoder().decode(write.args[1] as Uint8Array), "exec docker-default");
});

Deno.test("labels: a context comes before a profile, each where this kernel takes it", () => {
  const k = scripted();
  new ProcessLabels("p", "attr/exec", "c").forProgram(k, 7);
  assertEquals(callsOf(k, "openat2").map(({ args }) => args[1]), ["self/attr/exec", "self/attr/exec"]);
  assertEquals(lines(k, "write").map((line) => line.split(" ").slice(2, -1).join(" ")), ['"c"', '"exec p"']);
});

/** The stages of a keyring, with a key made in between. */
function keysMade(labels: ProcessLabels, keyring: string | undefined): DryKernel {
  const k = scripted();
  const steps = labelSteps(labels, () => 7);
  steps["keyring label"]({ k, keyring });
  k.call("keyctl", [1, "ring"]);
  steps.keyring({ k, keyring });
  return k;
}

Deno.test("labels: keys get the context, and what is made later does not", () => {
  const k = keysMade(CONTEXT, "ring");
  assertEquals(names(k), ["openat2", "write", "close", "keyctl", "openat2", "write", "close"]);
  const values = callsOf(k, "write").map(({ args }) => new TextDecoder().decode(args[1] as Uint8Array));
  assertEquals(values, ["u:r:t:s0:c1,c2", ""]);
});

Deno.test("labels: without a context keys are just made", () => {
  assertEquals(names(keysMade(PROFILE, "ring")), ["keyctl"]);
});

Deno.test("labels: where no keyring is made none is labelled", () => {
  assertEquals(names(keysMade(CONTEXT, undefined)), ["keyctl"]);
});

Deno.test("labels: a profile that is not there is named, with what to do about it", () => {
  assertThrows(
    () => PROFILE.forProgram(scripted({ write: -ENOENT }), 7),
    Error,
    'unable to apply apparmor profile: apparmor failed to apply profile "docker-default": ' +
      "no such profile is loaded (load its file by apparmor_parser -r): no such file or directory",
  );
});

Deno.test("labels: what else fails says what was written, and where", () => {
  assertThrows(
    () => PROFILE.forProgram(scripted({ write: -EACCES }), 7),
    Error,
    'apparmor failed to apply profile "docker-default": write "/proc/self/attr/apparmor/exec": permission denied',
  );
  assertThrows(
    () => CONTEXT.forProgram(scripted({ openat2: -ENOENT }), 7),
    Error,
    `can't set process label "u:r:t:s0:c1,c2": openat2 "/proc/self/attr/exec": no such file or directory`,
  );
});

Deno.test("labels: the host's /proc must be a procfs", () => {
  openHostProcfs(scripted({ fstatfs: statfs(0x9fa0) })).check();
  const tmpfs = openHostProcfs(scripted({ fstatfs: statfs(0x01021994) }));
  assertThrows(() => tmpfs.check(), Error, "/proc is not a procfs");
});
