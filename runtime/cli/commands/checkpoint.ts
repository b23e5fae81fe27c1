/** `tsrun checkpoint`: saves a running container to files. */
import { checkpointContainer } from "../../container/checkpoint.ts";
import { parsePageServer } from "../../features/checkpoint/options.ts";
import { local } from "../../../ffi/local.ts";
import type { Command, Context } from "../command.ts";
import { CRIU_FLAGS, criuOptions } from "../criu_flags.ts";

export const command: Command = {
  name: "checkpoint",
  usage: "save a running container to files, by CRIU",
  operands: "<container-id>",
  description:
    "Writes the memory and the state of all processes of a container to files, from which restore goes on with\n" +
    "them. The container is removed then, unless --leave-running or --pre-dump is given. Needs CRIU, criu.org.",
  minArgs: 1,
  maxArgs: 1,
  flags: [
    ...CRIU_FLAGS,
    {
      name: "parent-path",
      kind: "string",
      usage: "images of an earlier pre-dump, relative to --image-path",
      values: "directory",
    },
    { name: "leave-running", kind: "bool", usage: "let the container go on" },
    { name: "tcp-skip-in-flight", kind: "bool", usage: "leave TCP connections out that are being made" },
    { name: "link-remap", kind: "bool", usage: "give deleted files that are open a name for a while" },
    { name: "pre-dump", kind: "bool", usage: "save memory only, as the parent of a later checkpoint" },
    { name: "page-server", kind: "string", usage: "ADDRESS:PORT of a CRIU that takes the memory pages" },
    {
      name: "status-fd",
      kind: "int",
      usage: "descriptor that gets a NUL byte when lazy pages can be asked for",
      default: -1,
    },
  ],
  async run(context: Context): Promise<number> {
    const { global, flags, args: [id], log } = context;
    await checkpointContainer(local(), {
      ...criuOptions(context),
      root: global.root,
      id,
      parentPath: flags.string("parent-path"),
      leaveRunning: flags.bool("leave-running"),
      preDump: flags.bool("pre-dump"),
      tcpSkipInFlight: flags.bool("tcp-skip-in-flight"),
      linkRemap: flags.bool("link-remap"),
      statusFd: flags.int("status-fd"),
      pageServer: parsePageServer(flags.string("page-server")),
      log,
    });
    return 0;
  },
};
