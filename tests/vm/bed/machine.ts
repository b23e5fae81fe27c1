/**
 * A running test machine: started from the image, reached by ssh, ended by its process id.
 * @module
 */
import {
  accelerators,
  consolePath,
  type MachineOptions,
  monitorPath,
  parsePort,
  qemuArguments,
} from "./qemu.ts";

/** How a command in the machine ended. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

const BOOT_LIMIT_SECONDS = 240;

/** See the module's description. */
export class Machine {
  private port = 0;

  private constructor(
    readonly options: MachineOptions,
    private readonly emulator: Deno.ChildProcess,
  ) {}

  /**
   * Starts the emulator and waits until the machine answers and its systemd has started everything.
   *
   * @param lifeSeconds The emulator is ended after this time, whatever has become of its caller.
   * @throws {Error} with the end of the console if the machine does not come up within 4 minutes.
   */
  static async boot(options: MachineOptions, lifeSeconds: number): Promise<Machine> {
    const [accelerator] = accelerators(exists);
    // In this process group: what ends the whole group of a test run ends the machine too.
    const limit = ["--foreground", "--kill-after=5", `${lifeSeconds}`];
    const args = [...limit, "qemu-system-x86_64", ...qemuArguments(options, accelerator)];
    const log = `${options.dir}/qemu.log`;
    const emulator = new Deno.Command("sh", {
      args: ["-c", 'log=$1; shift; exec "$@" >"$log" 2>&1', "sh", log, "timeout", ...args],
      stdin: "null",
    }).spawn();
    const machine = new Machine(options, emulator);
    let ended = false;
    emulator.status.then(() => ended = true);
    try {
      const deadline = Date.now() + BOOT_LIMIT_SECONDS * 1000;
      while (!await machine.answers()) {
        if (ended) throw new Error("the emulator has ended");
        if (Date.now() > deadline) throw new Error(`no answer after ${BOOT_LIMIT_SECONDS} s`);
        await new Promise((resolve) => setTimeout(resolve, 500));
      }
      return machine;
    } catch (error) {
      const logs = [log, consolePath(options.dir)].map((path) => tail(path)).join("\n");
      await machine.stop();
      throw new Error(`the test machine does not boot: ${(error as Error).message}\n${logs}`);
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

/** The end of a log. */
function tail(path: string): string {
  try {
    return `${path}:\n${Deno.readTextFileSync(path).split("\n").slice(-25).join("\n")}`;
  } catch {
    return `${path}: not there`;
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
