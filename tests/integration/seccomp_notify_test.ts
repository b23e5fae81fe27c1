/** `SCMP_ACT_NOTIFY`: the listener of the filter, the agent that gets it, and what it answers. */
import { assert, assertEquals } from "@std/assert";
import { syscallNumber } from "../../ffi/syscalls.ts";
import { until } from "../lib/process.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { SeccompAgent } from "../lib/seccomp_agent.ts";

const EXDEV = 18;

/** A profile that asks about some system calls and allows all others. */
function asking(listenerPath: string, names: string[], more: Dict = {}): Dict {
  const architecture = Deno.build.arch === "aarch64" ? "SCMP_ARCH_AARCH64" : "SCMP_ARCH_X86_64";
  return {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: [architecture],
    listenerPath,
    syscalls: [{ names, action: "SCMP_ACT_NOTIFY" }],
    ...more,
  };
}

const MKDIR = ["mkdir", "mkdirat"];

contract("seccomp notify: the agent decides, and is told whose calls they are", async (box) => {
  const path = `${box.dir}/agent`;
  for (const noNewPrivileges of [true, false]) {
    const container = box.container({
      process: { args: sh("read x; mkdir /x 2>&1; mkdir /y && ls -d /y"), noNewPrivileges },
      linux: { seccomp: asking(path, MKDIR, { listenerMetadata: "for the agent" }) },
      annotations: { "org.example.a": "b" },
    });
    let asked = 0;
    await using agent = new SeccompAgent(path, () => asked++ === 0 ? EXDEV : "continue");
    assertOk(await container.create({ stdin: "go\n" }));
    // It has the listener before the container can be started.
    await until("the listener", () => agent.received.length === 1);
    const { pid, bundle } = await container.state();
    const { ociVersion: _, state, ...received } = agent.received[0];
    const { ociVersion: __, ...inner } = state as Dict;
    assertEquals(received, { fds: ["seccompFd"], pid, metadata: "for the agent", descriptors: 1 });
    assertEquals(inner, {
      id: container.id,
      status: "creating",
      pid,
      bundle,
      annotations: { "org.example.a": "b" },
    });
    assertEquals(agent.questions, []);
    assertOk(await container.start());
    await container.wait("stopped");
    assertEquals(container.stdout(), "mkdir: can't create directory '/x': Invalid cross-device link\n/y\n");
    assertEquals(agent.questions.length, 2);
    const calls = Deno.build.arch === "aarch64" ? [34] : [83, syscallNumber("mkdirat")];
    assert(agent.questions.every(({ call }) => calls.includes(call)));
    assertOk(await container.delete());
    Deno.removeSync(path);
  }
});

contract("seccomp notify: the runtime's own calls after the filter are asked about as well", async (box) => {
  const path = `${box.dir}/agent`;
  for (const noNewPrivileges of [true, false]) {
    const container = box.container({
      process: { args: ["/bin/echo", "fine"], noNewPrivileges },
      linux: { seccomp: asking(path, ["execve", "capset", "openat", "close"]) },
    });
    await using agent = new SeccompAgent(path, () => "continue");
    assertEquals(await container.output(), "fine\n");
    assert(agent.questions.some(({ call }) => call === syscallNumber("execve")));
    assert(agent.questions.some(({ call }) => call === syscallNumber("openat")));
    Deno.removeSync(path);
  }
});

contract("seccomp notify: no agent, no container", async (box) => {
  const path = `${box.dir}/nobody`;
  const container = box.container({ linux: { seccomp: asking(path, MKDIR) } });
  assertError(
    await container.create(),
    /failed to connect with seccomp agent.*dial unix .*nobody: (connect: )?no such file or directory/,
  );
  await box.assertNothingLeft();
});

contract("seccomp notify: a profile that bars the report of the init is an error", async (box) => {
  const path = `${box.dir}/agent`;
  await using _agent = new SeccompAgent(path, () => "continue");
  const seccomp = asking(path, MKDIR);
  const syscalls = [...seccomp.syscalls as Dict[], { names: ["write"], action: "SCMP_ACT_ERRNO" }];
  const container = box.container({ linux: { seccomp: { ...seccomp, syscalls } } });
  assertError(await container.create(), /load the seccomp filter/);
  await box.assertNothingLeft();
}, { notOnReference: "runc 1.1.5 creates a container whose init is dead" });

contract("seccomp notify: a path of a listener that nothing asks is ignored", async (box) => {
  const seccomp = asking(`${box.dir}/nobody`, ["mkdir"], {
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO" }],
  });
  const container = box.container({
    process: { args: sh("mkdir /x 2>/dev/null || echo refused") },
    linux: { seccomp },
  });
  assertEquals(await container.output(), "refused\n");
});
