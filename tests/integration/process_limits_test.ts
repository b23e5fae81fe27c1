/** `process`: what is larger than usual, and the CPUs that a process may run on. */
import { assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exists } from "../lib/process.ts";

contract("args: more than a kernel takes is an error that says so", async (box) => {
  // Each is below the kernel's limit for one text, 128 KiB.
  const args = ["/bin/true", ...Array.from({ length: 160 }, () => "x".repeat(100_000))];
  assertError(await box.container({ process: { args } }).create(), /argument list too long/);
  await box.assertNothingLeft();
}, { notOnReference: "runc's start does not learn how execve ended" });

contract("PATH: of any length, its last directory is looked in, too", async (box) => {
  const env = [`PATH=${"/none:".repeat(20_000)}/bin`];
  assertEquals(await box.container({ process: { args: ["echo", "found"], env } }).output(), "found\n");
  const missing = box.container({ process: { args: ["nope"], env } });
  assertError(await missing.create(), /exec: "nope": executable file not found in \$PATH/);
});

contract(
  "affinity: a container runs on all CPUs of its cpuset, whatever its caller is bound to",
  async (box) => {
    const container = box.container({ process: { args: sh("grep Cpus_allowed_list /proc/self/status") } });
    const run = ["--root", box.root, "run", "--bundle", container.bundle.dir, container.id];
    const { stdout } = await box.command(["/usr/bin/taskset", "-c", "0", box.runtime.path, ...run]);
    assertMatch(stdout, /Cpus_allowed_list:\s+0-\d/);
  },
  {
    notOnReference: "runc 1.1.5 keeps the caller's",
    skip: navigator.hardwareConcurrency < 2
      ? "there is one CPU only"
      : exists("/usr/bin/taskset")
      ? undefined
      : "taskset is not installed",
  },
);
