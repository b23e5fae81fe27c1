/** `tsrun spec`: write a first config.json. */
import type { Command, Context } from "../command.ts";
import { defaultSpec } from "../../../spec/default.ts";
import { absolute } from "../globals.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { callerGid, callerUid } from "../../host/caller.ts";

export const command: Command = {
  name: "spec",
  usage: "write a config.json to start from",
  operands: "",
  description:
    "Writes a config.json that runs sh on a terminal, in the root filesystem in `rootfs`. It has all that a\n" +
    "container needs; change process.args to run something else. An existing file is left alone.",
  minArgs: 0,
  maxArgs: 0,
  flags: [
    {
      name: "bundle",
      short: "b",
      kind: "string",
      usage: "directory to write it to; the working directory when not given",
      values: "directory",
    },
    { name: "rootless", kind: "bool", usage: "for a container that its user makes without root's rights" },
  ],
  run({ flags }: Context): number {
    const bundle = absolute(flags.string("bundle"));
    const spec = defaultSpec({
      rootless: flags.bool("rootless"),
      euid: callerUid(),
      egid: callerGid(),
      cgroup2: isCgroup2(),
    });
    const text = JSON.stringify(spec, null, "\t") + "\n";
    try {
      Deno.writeTextFileSync(`${bundle}/config.json`, text, { createNew: true });
    } catch (error) {
      if (error instanceof Deno.errors.AlreadyExists) {
        throw new RuntimeError("EEXIST_CONFIG", "File config.json exists. Remove it first");
      }
      throw new RuntimeError("EIO_CONFIG", `open ${bundle}/config.json: ${reasonOf(error)}`);
    }
    return 0;
  },
};

/**
 * Whether the host has only cgroup v2. Its root is mounted here then, and only a v2 root has this file:
 * cgroups(7).
 */
function isCgroup2(): boolean {
  try {
    Deno.statSync("/sys/fs/cgroup/cgroup.controllers");
    return true;
  } catch {
    return false;
  }
}
