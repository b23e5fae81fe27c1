/**
 * A running test machine: started from the image, reached by ssh, ended by its process id.
 * @module
 */
import {
  bootAttempts,
  consolePath,
  type MachineOptions,
  monitorPath,
  parsePort,
  qemuArguments,
} from "./qemu.ts";
import { exists } from "../../lib/process.ts";

/** How long clocks are compared. */
const CLOCK_SECONDS = 4;

/** How a command in the machine ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** See the module's description. */
export class Machine {
  private port = 0;

  private constructor(
    readonly options: MachineOptions,
    private readonly emulator: Deno.ChildProcess,
  ) {}

  /**
   * Starts the emulator and waits until the machine answers. A machine that hangs while it boots is started
   * again: that is a matter of its emulator, not of the tests.
   *
   * @param lifeSeconds The emulator is ended after this time, even when its caller is gone.
   * @param report Told what went wrong on the way.
   * @throws {Error} with the end of the console if the machine does not come up: after 9 minutes at most.
   */
  static async boot(
    options: MachineOptions,
    lifeSeconds: number,
    report: (line: string) => void,
  ): Promise<Machine> {
    const attempts = bootAttempts(exists);
    for (const [index, { accelerator, seconds }] of attempts.entries()) {
      const machine = Machine.start(options, accelerator, lifeSeconds);
      try {
        await machine.answersWithin(seconds);
        await machine.checkClock();
        return machine;
      } catch (error) {
        await machine.stop();
        const logs = [logPath(options.dir), consolePath(options.dir)].map(tail).join("\n");
        const message = `the test machine (${accelerator}) does not boot: ${
          (error as Error).message
        }\n${logs}`;
        if (index === attempts.length - 1) throw new Error(message);
        report(message);
      }
    }
    throw new Error("there is no way to start a machine");
  }

  private static start(options: MachineOptions, accelerator: string, lifeSeconds: number): Machine {
    // In this process group: what ends the whole group of a test run ends the machine too.
    const limit = ["--foreground", "--kill-after=5", `${lifeSeconds}`];
    const words = ["timeout", ...limit, "qemu-system-x86_64", ...qemuArguments(options, accelerator)];
    const args = ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", logPath(options.dir), ...words];
    return new Machine(options, new Deno.Command("sh", { args, stdin: "null" }).spawn());
  }

  private async answersWithin(seconds: number): Promise<void> {
    let ended = false;
    this.emulator.status.then(() => ended = true);
    const deadline = Date.now() + seconds * 1000;
    while (!await this.answers()) {
      if (ended) throw new Error("the emulator has ended");
      if (Date.now() > deadline) throw new Error(`no answer after ${seconds} s`);
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  /**
   * Compares the machine's clock with this computer's. A kernel that boots on a computer with too much to do
   * measures its clock wrongly once in many times; then seconds pass ten times as fast, and every limit with
   * them.
   *
   * @throws {Error} Its seconds are less than half as long, or more than twice.
   */
  private async checkClock(): Promise<void> {
    const uptime = async () => parseFloat((await this.run("cat /proc/uptime", 60)).stdout);
    await uptime();
    const begin = performance.now(), before = await uptime();
    await new Promise((resolve) => setTimeout(resolve, CLOCK_SECONDS * 1000));
    const inside = await uptime() - before, outside = (performance.now() - begin) / 1000;
    if (inside < outside / 2 || inside > outside * 2) {
      throw new Error(`its clock is wrong: ${inside.toFixed(1)} s in ${outside.toFixed(1)} s`);
    }
  }

  /** Words that run ssh into the machine over the connection that {@linkcode Machine.boot} made. */
  ssh(user = "root"): string[] {
    const options = {
      IdentityFile: this.options.image.key,
      IdentitiesOnly: "yes",
      StrictHostKeyChecking: "no",
      UserKnownHostsFile: "/dev/null",
      LogLevel: "ERROR",
      BatchMode: "yes",
      ConnectTimeout: "20",
      ServerAliveInterval: "30",
      ServerAliveCountMax: "10",
      ControlPath: `${this.options.dir}/ssh-%r`,
    };
    const words = Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    return ["ssh", "-F", "none", "-p", `${this.port}`, ...words, `${user}@127.0.0.1`];
  }

  /** Makes the connection that all commands share, if the machine takes it by now. */
  private async answers(): Promise<boolean> {
    this.port ||= await askPort(monitorPath(this.options.dir)) ?? 0;
    if (this.port === 0) return false;
    const [ssh, ...words] = this.ssh();
    const { success } = await new Deno.Command("timeout", {
      args: ["30", ssh, "-M", "-N", "-f", ...words],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).output();
    return success;
  }

  /**
   * Runs a shell command as root.
   *
   * @param seconds Time limit; past it the status is 124.
   */
  async run(command: string, seconds: number): Promise<Outcome> {
    const { code, stdout, stderr } = await this.command(command, seconds, "piped").output();
    const text = new TextDecoder();
    return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
  }

  /** Runs a shell command as root, its output going where this program's goes. @returns Exit status. */
  async stream(command: string, seconds: number): Promise<number> {
    return (await this.command(command, seconds, "inherit").spawn().status).code;
  }

  private command(command: string, seconds: number, output: "piped" | "inherit"): Deno.Command {
    const args = ["--kill-after=5", `${seconds}`, ...this.ssh(), command];
    return new Deno.Command("timeout", { args, stdin: "null", stdout: output, stderr: output });
  }

  /** Ends the machine at once: its disks are copies that go with it. */
  async stop(): Promise<void> {
    try {
      // timeout(1) passes the signal on to the emulator.
      this.emulator.kill("SIGTERM");
    } catch {
      // It has ended.
    }
    await this.emulator.status;
  }
}

/** Asks the emulator which port of this computer leads to the machine's port 22. */
async function askPort(path: string): Promise<number | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    using monitor = await Deno.connect({ transport: "unix", path });
    timer = setTimeout(() => monitor.close(), 5_000);
    await monitor.write(new TextEncoder().encode("info usernet\n"));
    const text = new TextDecoder();
    const buffer = new Uint8Array(4096);
    for (let said = "", count: number | null; said.length < 16384;) {
      count = await monitor.read(buffer);
      if (count === null) return undefined;
      said += text.decode(buffer.subarray(0, count));
      const port = parsePort(said);
      if (port !== undefined) return port;
    }
  } catch {
    // The emulator has not made its socket yet, or is too busy to answer.
  } finally {
    clearTimeout(timer);
  }
  return undefined;
}

/** What the emulator itself has to say. */
function logPath(dir: string): string {
  return `${dir}/qemu.log`;
}

/** The end of a log. */
function tail(path: string): string {
  try {
    return `${path}:\n${Deno.readTextFileSync(path).split("\n").slice(-25).join("\n")}`;
  } catch {
    return `${path}: not there`;
  }
}
