import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Process } from "../../../spec/types.ts";
import { local } from "../../../ffi/local.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { Log } from "../../host/log.ts";
import { type ProcessFlags, processFromFile, processFromFlags } from "./process.ts";

const LOG = new Log({ format: "text", debug: false });

const BASE: Process = {
  terminal: true,
  user: { uid: 10, gid: 11, additionalGids: [12] },
  args: ["sleep"],
  env: ["A=1"],
  cwd: "/base",
  capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] },
  rlimits: [{ type: "RLIMIT_CORE", soft: 0, hard: 0 }],
};

/** The process that flags make of the base. */
function made(flags: Partial<ProcessFlags>, base: Process = BASE): Process {
  return processFromFlags(base, {
    args: ["x"],
    env: [],
    tty: false,
    additionalGids: [],
    capabilities: [],
    ...flags,
  }, LOG);
}

Deno.test("processFromFlags: the container's process with other arguments, and without a terminal", () => {
  const { apparmorProfile: _, selinuxLabel: __, noNewPrivileges: ___, ...process } = made({});
  assertEquals(process, { ...BASE, args: ["x"], terminal: false });
});

Deno.test("processFromFlags: what flags say replaces or adds", () => {
  const process = made({
    cwd: "/x",
    env: ["B=2"],
    tty: true,
    noNewPrivileges: true,
    apparmor: "p",
    processLabel: "l",
  });
  assertEquals([process.cwd, process.env, process.terminal], ["/x", ["A=1", "B=2"], true]);
  assertEquals([process.noNewPrivileges, process.apparmorProfile, process.selinuxLabel], [true, "p", "l"]);
});

Deno.test("processFromFlags: users and groups are numbers, strictly", () => {
  assertEquals(made({ user: "5" }).user, { ...BASE.user, uid: 5 });
  assertEquals(made({ user: "5:4294967294" }).user, { ...BASE.user, uid: 5, gid: 4294967294 });
  assertEquals(made({ additionalGids: ["7"] }).user.additionalGids, [12, 7]);
  for (
    const user of [
      "",
      ":",
      "5:",
      ":5",
      "root",
      " 5",
      "5 ",
      "-5",
      "+5",
      "5.0",
      "0x5",
      "1e3",
      "4294967295",
      "5:6:7",
      "５",
    ]
  ) {
    assertThrows(() => made({ user }), RuntimeError, "failed: invalid syntax", user);
  }
  assertThrows(
    () => made({ additionalGids: ["-7"] }),
    RuntimeError,
    "additional-gids must be a positive number -7",
  );
});

Deno.test("processFromFlags: capabilities are never made inheritable, ambient only where some are", () => {
  const added = made({ capabilities: ["CAP_SYS_ADMIN"] }).capabilities!;
  const both = ["CAP_KILL", "CAP_SYS_ADMIN"];
  assertEquals([added.bounding, added.effective, added.permitted], [both, both, both]);
  assertEquals([added.inheritable, added.ambient], [undefined, []]);
  const base = { ...BASE, capabilities: { inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"] } };
  const ambient = made({ capabilities: ["CAP_SYS_ADMIN"] }, base).capabilities!;
  assertEquals([ambient.inheritable, ambient.ambient], [["CAP_KILL"], both]);
});

Deno.test("processFromFlags: mistakes", () => {
  assertThrows(() => made({ args: [] }), RuntimeError, "process args cannot be empty");
  assertThrows(() => made({ cwd: "x" }), RuntimeError, "Cwd must be an absolute path");
  assertThrows(() => made({ env: ["X"] }), RuntimeError, 'invalid environment variable "X": missing');
  assertThrows(() => made({ env: ["=X"] }), RuntimeError, "name cannot be empty");
});

/** What of a process is there at all. */
const present = (process: Process) => JSON.parse(JSON.stringify(process));

/** A process of another container, with all that a document may leave to it. */
const OTHER: Process = {
  ...BASE,
  capabilities: { bounding: ["CAP_CHOWN"] },
  noNewPrivileges: true,
  scheduler: { policy: "SCHED_BATCH" },
  ioPriority: { class: "IOPRIO_CLASS_BE", priority: 3 },
  execCPUAffinity: { final: "0" },
};

Deno.test("processFromFile: capabilities and scheduling that it leaves out are the container's, and nothing else", async () => {
  const path = Deno.makeTempFileSync();
  const { capabilities, scheduler, ioPriority, execCPUAffinity } = OTHER;
  const bare = { user: { uid: 0, gid: 0 }, args: ["x"], cwd: "/" };
  const inherited = { capabilities, scheduler, ioPriority, execCPUAffinity };
  const own = {
    capabilities: {},
    scheduler: { policy: "SCHED_OTHER" },
    ioPriority: { class: "IOPRIO_CLASS_IDLE", priority: 0 },
    execCPUAffinity: {},
  };
  try {
    for (
      const [document, wanted] of [[bare, { ...bare, ...inherited }], [{ ...bare, ...own }, {
        ...bare,
        ...own,
      }]]
    ) {
      Deno.writeTextFileSync(path, JSON.stringify(document));
      assertEquals(present(await processFromFile(local(), path, OTHER, { log: LOG })), wanted);
    }
  } finally {
    Deno.removeSync(path);
  }
});

Deno.test("processFromFile: checked whole", async () => {
  const path = Deno.makeTempFileSync();
  const write = (document: unknown) => Deno.writeTextFileSync(path, JSON.stringify(document));
  try {
    write(BASE);
    assertEquals(present(await processFromFile(local(), path, BASE, { log: LOG })), BASE);
    write({ ...BASE, cwd: "x", args: [] });
    await assertRejects(
      () => processFromFile(local(), path, BASE, { log: LOG }),
      RuntimeError,
      "2 problems: cwd: Cwd must be an absolute path",
    );
    write({ ...BASE, ioPriority: { class: "IOPRIO_CLASS_BE", priority: 9 } });
    await assertRejects(
      () => processFromFile(local(), path, BASE, { log: LOG }),
      RuntimeError,
      "invalid ioPriority.Priority: 9",
    );
    Deno.writeTextFileSync(path, "{");
    await assertRejects(() => processFromFile(local(), path, BASE, { log: LOG }), RuntimeError, path);
  } finally {
    Deno.removeSync(path);
  }
  await assertRejects(
    () => processFromFile(local(), path, BASE, { log: LOG }),
    RuntimeError,
    `open ${path}: no such file or directory`,
  );
});
