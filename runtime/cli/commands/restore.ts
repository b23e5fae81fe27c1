/** `tsrun restore`: continues a container from the files of a checkpoint. */
import { local } from "../../../ffi/local.ts";
import { runRestored } from "../../container/run_restored.ts";
import type { Command, Context } from "../command.ts";
import { CREATE_FLAGS, failingAs } from "../create_flags.ts";
import { CRIU_FLAGS, criuOptions } from "../criu_flags.ts";
import { absolute } from "../globals.ts";

/** Flags that restore shares with `create`. */
const SHARED: readonly string[] = ["bundle", "console-socket", "pid-file", "no-pivot"];

export const command: Command = {
  name: "restore",
  usage: "let a container go on from the files of a checkpoint, by CRIU",
  operands: "<container-id>",
  description:
    "Makes a container from a bundle, whose processes go on where a checkpoint has saved them. In the foreground\n" +
    "it is as with run: signals are passed on, the exit status becomes tsrun's, and the container is removed\n" +
    "afterwards. Needs CRIU, criu.org.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    ...CREATE_FLAGS.filter(({ name }) => SHARED.includes(name)),
    ...CRIU_FLAGS,
    { name: "detach", short: "d", kind: "bool", usage: "return as soon as the processes run" },
    { name: "no-subreaper", kind: "bool", usage: "do not take over orphaned processes of the container" },
    { name: "lsm-profile", kind: "string", usage: "security profile for the processes: TYPE:NAME" },
    { name: "lsm-mount-context", kind: "string", usage: "SELinux context for the mounts" },
  ],
  async run(context: Context): Promise<number> {
    const { global, flags, args: [id], log } = context;
    const path = (name: string) => flags.string(name) === "" ? undefined : absolute(flags.string(name));
    if (flags.bool("no-pivot")) {
      log.warnLater(
        "--no-pivot has no effect: CRIU changes the root in its own way",
        "runtime/cli/commands/restore.ts run",
      );
    }
    const status = await failingAs("restore", () =>
      runRestored(local(), {
        ...criuOptions(context),
        root: global.root,
        id,
        bundle: absolute(flags.string("bundle")),
        pidFile: path("pid-file"),
        consoleSocket: path("console-socket"),
        systemdCgroup: global.systemdCgroup,
        noCgroup: global.noCgroup,
        rootless: global.rootless,
        log,
        detach: flags.bool("detach"),
        noSubreaper: flags.bool("no-subreaper"),
        lsmProfile: flags.string("lsm-profile"),
        lsmMountContext: flags.string("lsm-mount-context"),
      }));
    log.settle();
    return status;
  },
};
