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

const HOOKS = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

contract("run.oci.hooks: what hooks write is appended to files", async (box) => {
  const [out, err] = [`${box.dir}/out`, `${box.dir}/err`];
  Deno.writeTextFileSync(out, "before\n");
  const hook = (
    name: string,
  ) => [{ path: "/bin/sh", args: ["sh", "-c", `echo ${name}; echo of ${name} >&2`] }];
  const container = box.container({
    process: { args: ["true"] },
    annotations: { "run.oci.hooks.stdout": out, "run.oci.hooks.stderr": err },
    hooks: Object.fromEntries(HOOKS.map((name) => [name, hook(name)])),
  });
  assertEquals(await container.output(), "");
  assertEquals(Deno.readTextFileSync(out), ["before", ...HOOKS, ""].join("\n"));
  assertEquals(Deno.readTextFileSync(err), HOOKS.map((name) => `of ${name}\n`).join(""));
  assertEquals(Deno.statSync(err).mode! & 0o777, 0o600);
}, OURS);

contract(
  "run.oci.hooks: a file that others could have put there is refused before the hooks run",
  async (box) => {
    const { dir } = box, mark = `${dir}/mark`;
    Deno.writeTextFileSync(`${dir}/file`, "");
    Deno.symlinkSync(`${dir}/file`, `${dir}/link`);
    Deno.linkSync(`${dir}/file`, `${dir}/second`);
    new Deno.Command("mkfifo", { args: [`${dir}/fifo`] }).outputSync();
    Deno.writeTextFileSync(`${dir}/theirs`, "");
    Deno.chownSync(`${dir}/theirs`, 1234, 1234);
    const cases: [string, RegExp][] = [
      ["relative", /must be an absolute path/],
      [`${dir}/`, /must be an absolute path of a file/],
      [`${dir}/link`, /too many levels of symbolic links/],
      [`${dir}/second`, /several names/],
      [`${dir}/fifo`, /no such device or address/],
      [`${dir}/theirs`, /belongs to user 1234/],
      [`${dir}/none/file`, /no such file or directory/],
      ["/dev/null", /not a regular file/],
    ];
    for (const kind of ["createRuntime", "createContainer"]) {
      for (const [path, words] of kind === "createRuntime" ? cases : cases.slice(5, 6)) {
        const container = annotated(box, "hooks.stdout", path, {
          hooks: { [kind]: [{ path: "/bin/touch", args: ["touch", mark] }] },
        });
        const refused = await container.create();
        assertError(refused, words);
        assertMatch(refused.stderr, /annotation run\.oci\.hooks\.stdout: /);
      }
    }
    assertEquals([...Deno.readDirSync(dir)].filter(({ name }) => name === "mark"), []);
  },
  OURS,
);
