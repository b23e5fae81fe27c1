/** `process`: what is larger than usual, and the CPUs that a process may run on. */
import { assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
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

contract("open files: the limit is the one that the runtime has, not what its parent has", async (box) => {
  const container = box.container({ process: { args: sh("ulimit -Sn; ulimit -Hn"), rlimits: [] } });
  // The shell is the parent of what prlimit becomes.
  const limited = ["/bin/sh", "-c", 'prlimit --nofile=64:64 "$@"; exit $?', "sh", box.runtime.path];
  const command = (...args: string[]) => box.command([...limited, "--root", box.root, ...args]);
  const run = assertOk(await command("run", "--bundle", container.bundle.dir, container.id));
  assertEquals(run.stdout, "64\n64\n");
  const other = box.container({ process: { args: sh("sleep 1000"), rlimits: [] } });
  assertOk(await other.run({ flags: ["-d"] }));
  const exec = assertOk(await command("exec", other.id, "/bin/sh", "-c", "ulimit -Sn; ulimit -Hn"));
  assertEquals(exec.stdout, "64\n64\n");
});
