/** `tsrun exec`: run one more process in a container. */
import type { Command, Context } from "../command.ts";
import { absolute } from "../globals.ts";
import { codeOf, reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { execInContainer } from "../../container/exec/exec.ts";
import type { ExecOptions } from "../../container/exec/plan.ts";
import { local } from "../../../ffi/local.ts";

/** runc's exit status for every failure before the process runs. */
const EXEC_FAILED = 255;

export const command: Command = {
  name: "exec",
  usage: "run one more process in a container that runs",
  operands: "<container-id> <program> [argument...]",
  description:
    "Runs a program in all the namespaces and cgroups of a container, as the container's own process is run but\n" +
    "for what the flags say, or as a document says (--process). In the foreground signals are passed on to it,\n" +
    "and its exit status becomes tsrun's (128 + n when signal n ended it); a failure to run it exits with 255.",
  minArgs: 1,
  maxArgs: Infinity,
  stopAtOperand: true,
  flags: [
    {
      name: "console-socket",
      kind: "string",
      usage: "unix socket to send the master of the process's terminal to",
      values: "file",
    },
    {
      name: "pidfd-socket",
      kind: "string",
      usage: "unix socket to send a pidfd of the process to",
      values: "file",
    },
    { name: "cwd", kind: "string", usage: "working directory in the container" },
    {
      name: "env",
      short: "e",
      kind: "strings",
      usage: "name=value to add to the environment; may be repeated",
    },
    { name: "tty", short: "t", kind: "bool", usage: "give the process a terminal" },
    { name: "user", short: "u", kind: "string", usage: "user to run as: <uid>[:<gid>]" },
    { name: "additional-gids", short: "g", kind: "strings", usage: "group id to add; may be repeated" },
    {
      name: "process",
      short: "p",
      kind: "string",
      usage: "file that describes the process, as config.json does",
      values: "file",
    },
    { name: "detach", short: "d", kind: "bool", usage: "return as soon as the program runs" },
    { name: "pid-file", kind: "string", usage: "file to write the process id to", values: "file" },
    { name: "process-label", kind: "string", usage: "SELinux label of the process" },
    { name: "apparmor", kind: "string", usage: "AppArmor profile of the process" },
    { name: "no-new-privs", kind: "bool", usage: "let the process gain no privileges by execve" },
    { name: "cap", short: "c", kind: "strings", usage: "capability to add; may be repeated" },
    {
      name: "preserve-fds",
      kind: "int",
      usage: "how many descriptors from 3 on the process gets",
      default: 0,
    },
    {
      name: "cgroup",
      kind: "strings",
      usage: "sub-cgroup to run in, [<controller>[,<controller>]:]<path>; may be repeated",
    },
    {
      name: "ignore-paused",
      kind: "bool",
      usage: "do not refuse a paused container: run when it is resumed",
    },
  ],
  async run(context: Context): Promise<number> {
    try {
      return await execInContainer(local(), execOptions(context));
    } catch (error) {
      // As if the signal had ended tsrun, which it does where nothing is to be taken back.
      const status = codeOf(error) === "EINTR_COMMAND" ? undefined : EXEC_FAILED;
      throw RuntimeError.from(error, `exec failed: ${reasonOf(error)}`, status);
    }
  },
};

/** The options of the command line. Paths of the host are made absolute here. */
function execOptions({ global, flags, args: [id, ...args], log }: Context): ExecOptions {
  const text = (name: string) => flags.string(name) === "" ? undefined : flags.string(name);
  const path = (name: string) => flags.string(name) === "" ? undefined : absolute(flags.string(name));
  const preserveFds = flags.int("preserve-fds");
  if (preserveFds < 0) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid value "${preserveFds}" for flag -preserve-fds: less than 0`,
    );
  }
  return {
    root: global.root,
    id,
    process: path("process") ?? {
      args,
      cwd: text("cwd"),
      env: flags.strings("env"),
      tty: flags.bool("tty"),
      user: text("user"),
      additionalGids: flags.strings("additional-gids"),
      processLabel: text("process-label"),
      apparmor: text("apparmor"),
      noNewPrivileges: flags.has("no-new-privs") ? flags.bool("no-new-privs") : undefined,
      capabilities: flags.strings("cap"),
    },
    consoleSocket: path("console-socket"),
    pidfdSocket: path("pidfd-socket"),
    detach: flags.bool("detach"),
    pidFile: path("pid-file"),
    preserveFds,
    cgroups: flags.strings("cgroup"),
    ignorePaused: flags.bool("ignore-paused"),
    log,
  };
}
