/**
 * What clients need: a directory, an environment, and Debian's containerd and dockerd, started for one test.
 */
import { findCgroups, findMounts, findProcesses, removeMounts } from "../lib/leaks.ts";
import { exists, readText, type Result, runCommand, sleep, until } from "../lib/process.ts";
import { Terminal } from "../lib/pty.ts";

const ENVIRONMENT = { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" };

/** A directory, daemons in it, and the duty to leave nothing behind. */
export class Daemons {
  /** Part of the name of everything that belongs to this object. */
  readonly token: string = `tsrun-test-${crypto.randomUUID().slice(0, 8)}`;
  readonly dir: string = `/tmp/${this.token}`;
  /** Socket of containerd. */
  readonly containerd: string = `${this.dir}/containerd.sock`;
  /** Words that stand before the command of each daemon: where it runs. */
  prefix: readonly string[] = [];
  private readonly children = new Map<string, Deno.ChildProcess>();
  private readonly undo: (() => Promise<unknown>)[] = [];
  private readonly terminals: Terminal[] = [];
  private readonly environment: Record<string, string>;
  private commands = 0;

  constructor() {
    Deno.mkdirSync(this.dir);
    this.environment = {
      ...ENVIRONMENT,
      HOME: this.dir,
      CONTAINERS_CONF: `${this.dir}/containers.conf`,
    };
  }

  /** Adds a directory to the PATH of the daemons and commands that are started from here on. */
  addPath(directory: string): void {
    this.environment.PATH = `${directory}:${this.environment.PATH}`;
  }

  /** Starts containerd, with the plug-ins off that look for more than this test needs. */
  async startContainerd(): Promise<void> {
    const config = `version = 2
root = "${this.dir}/containerd-root"
state = "${this.dir}/containerd-state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
address = "${this.containerd}"
[plugins."io.containerd.internal.v1.opt"]
path = "${this.dir}/opt"
`;
    Deno.writeTextFileSync(`${this.dir}/containerd.toml`, config);
    this.spawn("containerd", ["/usr/bin/containerd", "--config", `${this.dir}/containerd.toml`]);
    await until("containerd's socket", () => exists(this.containerd), 20_000);
  }

  /** Runs a command with a plain environment and a time limit; output is in files of this directory. */
  command(argv: string[], options: { stdin?: string; timeout?: number } = {}): Promise<Result> {
    const base = `${this.dir}/command-${++this.commands}`;
    const files = { stdout: `${base}.out`, stderr: `${base}.err` };
    return runCommand(argv, files, { timeout: 60_000, ...options, env: this.environment });
  }

  /** Runs a command on a terminal of its own, which is closed at the end at the latest. */
  terminal(argv: string[], size?: [number, number]): Terminal {
    const terminal = Terminal.start(argv, { env: this.environment, size });
    this.terminals.push(terminal);
    return terminal;
  }

  /** Starts a daemon whose output goes to `<name>.log` in this directory. */
  spawn(name: string, argv: string[]): Deno.ChildProcess {
    const child = new Deno.Command("/bin/sh", {
      args: [
        "-c",
        'log=$1; shift; exec "$@" >"$log" 2>&1',
        "sh",
        `${this.dir}/${name}.log`,
        ...this.prefix,
        ...argv,
      ],
      clearEnv: true,
      env: { PATH: this.environment.PATH },
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    this.children.set(name, child);
    return child;
  }

  /** Process ids of the running daemons, by their names. */
  pids(): Record<string, number> {
    return Object.fromEntries([...this.children].map(([name, child]) => [name, child.pid]));
  }

  /** Remembers what has to be undone at the end, last first. */
  defer(step: () => Promise<unknown>): void {
    this.undo.push(step);
  }

  /** The end of a daemon's log, for error messages. */
  log(name: string): string {
    return readText(`${this.dir}/${name}.log`).split("\n").slice(-15).join("\n");
  }

  /** Stops the daemons, last first, and removes all that carries the name. @returns What was left behind. */
  async stop(): Promise<string[]> {
    for (const terminal of this.terminals) await terminal.close();
    for (const child of [...this.children.values()].reverse()) await stopChild(child);
    const leaks: string[] = [];
    const over = () => findProcesses(this.token).length === 0;
    // What a daemon has told to end may take a moment.
    await until("the end of all processes", over).catch(() => {});
    for (const pid of findProcesses(this.token)) {
      leaks.push(`process ${pid}: ${readText(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`);
      try {
        Deno.kill(pid, "SIGKILL");
      } catch { /* it has ended */ }
    }
    for (const step of this.undo.reverse()) await step();
    await until("the end of all processes", over);
    await removeMounts(this.token);
    await until(
      "the end of all cgroups",
      () => findCgroups(this.token).filter((path) => !removed(path)).length === 0,
    );
    if (findMounts(this.token).length === 0) Deno.removeSync(this.dir, { recursive: true });
    return leaks;
  }
}

/** Whether a cgroup could be removed: not while the last of its processes is ending. */
function removed(path: string): boolean {
  try {
    Deno.removeSync(path);
    return true;
  } catch {
    return !exists(path);
  }
}

async function stopChild(child: Deno.ChildProcess): Promise<void> {
  const signal = (name: Deno.Signal) => {
    try {
      child.kill(name);
    } catch { /* it has ended */ }
  };
  signal("SIGTERM");
  let ended = false;
  const status = child.status.then(() => ended = true);
  await Promise.race([status, sleep(15_000)]);
  if (!ended) signal("SIGKILL");
  await status;
}
