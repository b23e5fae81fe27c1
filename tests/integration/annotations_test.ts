/** crun's annotations `run.oci.*`: docs/annotations.md. */
import { assertEquals, assertMatch } from "@std/assert";
import { local } from "../../ffi/local.ts";
import type { Box } from "../lib/box.ts";
import { type Dict, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { execOutput } from "../lib/exec.ts";
import { until } from "../lib/process.ts";
import { SeccompAgent } from "../lib/seccomp_agent.ts";
import { shifted } from "../lib/shifted.ts";
import { UnixListener } from "../lib/unix_listener.ts";

const OURS: ContractOptions = { notOnReference: "runc does not know crun's annotations" };

/** A container with one of the annotations that sleeps; `overrides` are those of `config()`. */
function annotated(box: Box, name: string, value: string, overrides: Dict = {}) {
  return box.container({
    process: { args: ["/bin/sleep", "1000"] },
    annotations: { [`run.oci.${name}`]: value },
    ...overrides,
  });
}

/** Runs a create with additional groups of its own. */
const GROUPS = ["/usr/bin/setpriv", "--groups", "4321,4322"];
const SHOW = sh("grep Groups: /proc/self/status");

contract(
  "run.oci.keep_original_groups: the caller's additional groups, of exec too",
  async (box, runtime) => {
    for (const [value, groups] of [["1", "4321 4322"], ["0", "7"]]) {
      const container = annotated(box, "keep_original_groups", value, {
        process: { args: SHOW, user: { uid: 5, gid: 5, additionalGids: [7] } },
      });
      const argv = [...GROUPS, runtime.path, "--root", box.root];
      const run = await box.command([...argv, "run", "--bundle", container.bundle.dir, container.id]);
      assertMatch(run.stdout, new RegExp(`^Groups:\\s*${groups}\\s*$`), run.stderr);
    }
    const container = await annotated(box, "keep_original_groups", "1").started();
    const argv = [...GROUPS, runtime.path, "--root", box.root, "exec", container.id, ...SHOW];
    assertMatch(assertOk(await box.command(argv)).stdout, /^Groups:\s*4321 4322\s*$/);
  },
  OURS,
);

contract("run.oci.keep_original_groups: in a user namespace", async (box, runtime) => {
  const container = await shifted(box, {
    process: { args: SHOW },
    annotations: { "run.oci.keep_original_groups": "1" },
  });
  const argv = [
    ...GROUPS,
    runtime.path,
    "--root",
    box.root,
    "run",
    "--bundle",
    container.bundle.dir,
    container.id,
  ];
  // They are shown as the overflow group.
  assertMatch(assertOk(await box.command(argv)).stdout, /^Groups:\s*65534 65534\s*$/);
}, OURS);

contract("run.oci.pidfd_receiver: a socket gets a pidfd of the container's process", async (box) => {
  using listener = new UnixListener(`${box.dir}/pidfd`);
  const container = annotated(box, "pidfd_receiver", listener.path);
  const created = container.create();
  const { fds } = await listener.message();
  assertOk(await created);
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fds[0]}`);
  assertMatch(info, new RegExp(`^Pid:\\s${await container.pid()}$`, "m"));
  for (const fd of fds) local().close(fd);
}, OURS);

contract(
  "run.oci.seccomp_fail_unknown_syscall: a call that libseccomp does not know is refused",
  async (box) => {
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["mkdir", "no_such_call"], action: "SCMP_ACT_ERRNO" }],
    };
    const refusing = annotated(box, "seccomp_fail_unknown_syscall", "1", { linux: { seccomp } });
    assertError(
      await refusing.create(),
      /libseccomp does not know the system calls no_such_call, and run\.oci/,
    );
    const leaving = await annotated(box, "seccomp_fail_unknown_syscall", "0", { linux: { seccomp } })
      .started();
    assertEquals(await execOutput(leaving, ["echo", "runs"]), "runs\n");
  },
  OURS,
);

contract("run.oci.seccomp.receiver: the agent of the filter, for exec too", async (box) => {
  const path = `${box.dir}/agent`;
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
  };
  const container = annotated(box, "seccomp.receiver", path, { linux: { seccomp } });
  await using agent = new SeccompAgent(path, () => "continue");
  await container.started();
  await until("the listener", () => agent.received.length === 1);
  assertOk(await box.cli(["exec", container.id, "mkdir", "/made"]));
  assertEquals([agent.received.length, agent.questions.length], [2, 1]);
}, OURS);

contract("run.oci: values that are wrong, and annotations without effect", async (box) => {
  const refused = async (name: string, value: string, words: RegExp) => {
    const result = await annotated(box, name, value).create({ globals: ["--log-format", "json"] });
    assertError(result, words);
    assertMatch(result.stderr, /"code":"EINVAL_ANNOTATION"/);
  };
  await refused("pidfd_receiver", "x", /annotation run\.oci\.pidfd_receiver: must be an absolute path/);
  await refused("seccomp.receiver", "x", /annotation run\.oci\.seccomp\.receiver: must be an absolute path/);
  await refused("mount_context_type", "x", /mount_context_type: want one of context, fscontext, defcontext/);
  assertOk(await annotated(box, "handler", "wasm").create());
}, OURS);
