/**
 * Where the sweeps make their containers, and what is looked for when one is over.
 * @module
 */
import { config, type Dict, makeBundle } from "../lib/bundle.ts";
import { findCgroups, findMounts, findProcesses } from "../lib/leaks.ts";
import { asUser } from "../lib/rootless.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { exists, readText } from "../lib/process.ts";

/** How a command ended, and what it wrote. */
export interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Seconds that a command may take. */
export const LIMIT = 20;
const SIGKILL = "SIGKILL";
/** Milliseconds in which killed processes and their cgroups go. */
const SETTLED = 4000;

/** A directory with one bundle and a state root, for one container after the other. */
export class Place {
  readonly token: string = `tsrun-fault-${crypto.randomUUID().slice(0, 8)}`;
  readonly dir: string = `/tmp/${this.token}`;
  readonly root: string = `${this.dir}/state`;
  readonly runtime: string = pathUnderTest();
  readonly bundle: string;
  #count = 0;
  id = "";
  /** What runs a command on a host of another kind. */
  within: readonly string[] = [];

  /**
   * @param settings Config of its containers, merged into the usual one.
   * @param user Runs the commands, and nothing else on this machine; root when absent.
   * @param cgroupOf The cgroup of its next container.
   */
  constructor(
    readonly settings: Dict,
    readonly user?: number,
    readonly cgroupOf: (place: Place) => string = ({ id }) => `/${id}`,
  ) {
    Deno.mkdirSync(this.dir);
    this.bundle = makeBundle(this.dir).dir;
    if (user === undefined) return;
    Deno.mkdirSync(this.root);
    const { success } = new Deno.Command("chown", { args: ["-hR", `${user}:${user}`, this.dir] })
      .outputSync();
    if (!success) throw new Error(`cannot give ${this.dir} to user ${user}`);
  }

  /** Goes on to a new container: a new id, and a config with a cgroup of that name. */
  next(): void {
    // Closed by a letter, so that no id is the beginning of another.
    this.id = `${this.token}-${++this.#count}x`;
    const cgroupsPath = this.cgroupOf(this);
    const linux = { cgroupsPath, ...(this.settings.linux as Dict) };
    Deno.writeTextFileSync(
      `${this.bundle}/config.json`,
      JSON.stringify(config({ ...this.settings, linux })),
    );
  }

  /** Files that take what a command writes. */
  files(name: string): { stdout: string; stderr: string } {
    return { stdout: `${this.dir}/${this.id}.${name}.out`, stderr: `${this.dir}/${this.id}.${name}.err` };
  }

  argv(...args: string[]): string[] {
    const command = [...this.within, this.runtime, "--root", this.root, ...args];
    return this.user === undefined ? command : ["/usr/bin/setpriv", ...asUser(this.user), ...command];
  }

  /** Runs a command of tsrun as it is, to its end. */
  plain(name: string, ...args: string[]): Ended {
    const { stdout, stderr } = this.files(name);
    const script = 'o=$1 e=$2; shift 2; exec "$@" </dev/null >>"$o" 2>>"$e"';
    const { code } = new Deno.Command("timeout", {
      args: [
        ...["--signal=KILL", String(LIMIT), "/bin/sh", "-c", script, "sh", stdout, stderr],
        ...this.argv(...args),
      ],
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return { code, stdout: readText(stdout), stderr: readText(stderr) };
  }

  /** The same for one that has to succeed. @returns Its standard output. */
  done(...args: string[]): string {
    const { code, stdout, stderr } = this.plain(`done-${args[0]}`, ...args);
    if (code !== 0) throw new Error(`${args.join(" ")}: exit status ${code}: ${stderr}`);
    return stdout;
  }

  /** The container's status; undefined where there is no container. */
  status(): string | undefined {
    const { code, stdout } = this.plain(`status-${crypto.randomUUID().slice(0, 8)}`, "state", this.id);
    return code === 0 ? JSON.parse(stdout).status : undefined;
  }

  /** What is there of the container, after a moment to go: one line each. */
  async left(): Promise<string[]> {
    const end = performance.now() + SETTLED;
    for (;;) {
      const found = this.#find();
      if (found.length === 0 || performance.now() > end) return found;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  #find(): string[] {
    return [
      ...this.processes().map((pid) => `process ${pid} (${readText(`/proc/${pid}/comm`).trim()})`),
      ...findCgroups(this.id).map((path) => `cgroup ${path}`),
      ...findMounts(this.token).map((target) => `mount ${target}`),
      ...(exists(`${this.root}/${this.id}`) ? [`state ${this.root}/${this.id}`] : []),
    ];
  }

  /** Processes of the container, and executors that write to its files. */
  processes(): number[] {
    if (this.user !== undefined) return processesOf(this.user);
    const ours = new Set(findProcesses(this.id));
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      if (!Number.isInteger(pid)) continue;
      try {
        if (!Deno.readLinkSync(`/proc/${pid}/exe`).startsWith("/memfd:tsrun")) continue;
        if (Deno.readLinkSync(`/proc/${pid}/fd/1`).includes(this.id)) ours.add(pid);
      } catch { /* it has ended */ }
    }
    return [...ours];
  }

  /** Removes by hand what the runtime has left. */
  async sweepUp(): Promise<void> {
    for (const pid of this.processes()) {
      try {
        Deno.kill(pid, SIGKILL);
      } catch { /* it has ended */ }
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (const path of findCgroups(this.id)) {
      try {
        Deno.removeSync(path);
      } catch { /* said already */ }
    }
    if (exists(`${this.root}/${this.id}`)) Deno.removeSync(`${this.root}/${this.id}`, { recursive: true });
  }

  /** Removes what commands have written for the container. */
  forget(): void {
    for (const { name } of Deno.readDirSync(this.dir)) {
      if (name.startsWith(`${this.id}.`)) Deno.removeSync(`${this.dir}/${name}`, { recursive: true });
    }
  }

  remove(): void {
    // Slices of its own, which systemd would remove.
    for (const path of findCgroups(this.token.replaceAll("-", "_"))) Deno.removeSync(path);
    if (findMounts(this.token).length === 0) Deno.removeSync(this.dir, { recursive: true });
  }
}

/** Processes of a user that are no zombies. */
function processesOf(user: number): number[] {
  return [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(Number.isInteger).filter(
    (pid) => {
      const status = readText(`/proc/${pid}/status`);
      return new RegExp(`^Uid:\\s+${user}\\s`, "m").test(status) && !/^State:\s+[ZX]/m.test(status);
    },
  );
}

/** What no user is to see: a mistake of the program, a trace, a panic of the engine. */
const NEVER =
  /internal error|\bat (?:async |file:|ext:)|panicked|Uncaught|\bundefined\b|\[object|\bBackground\b/;

/** How a line of `list` begins, whose command succeeds. */
export const NOT_READ = "load container ";

/** What is wrong with what a command wrote to standard error, if anything. */
export function complaint({ code, stderr }: { code: number; stderr: string }): string | undefined {
  if (NEVER.test(stderr)) return "says what no user is to see";
  const lines = stderr.split("\n").filter((line) => line !== "");
  // Before the command line is read there is no log.
  const errors = lines.filter((line) => /level=error|^tsrun: /.test(line));
  const others = lines.filter((line) =>
    !/level=(?:error|warning)|^tsrun: /.test(line) && !(code === 0 && line.startsWith(NOT_READ))
  );
  if (others.length > 0) return "writes what is no message";
  if (code === 0) return errors.length > 0 ? "succeeds and reports an error" : undefined;
  return errors.length === 1 ? undefined : `fails with ${errors.length} lines of error`;
}
