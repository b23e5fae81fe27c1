/** The facts of the machine that a reader of the figures needs. */
import { cgroupMode } from "./hybrid.ts";
import { parseMounts } from "./sandbox.ts";

/** Where the figures were taken. */
export interface Machine {
  /** Kernel release. */
  kernel: string;
  /** Name of the distribution. */
  system: string;
  arch: string;
  cpu: string;
  /** Processors online. */
  cores: number;
  /** The processors belong to a hypervisor (CPUID says so; x86-64 only). */
  virtual: boolean;
  /** Bytes of memory. */
  memory: number;
  cgroups: string;
  deno: string;
  /** Load averages over 1, 5 and 15 minutes before the first round. */
  load: number[];
}

function contentOf(path: string): string {
  try {
    return Deno.readTextFileSync(path).trim();
  } catch {
    return "";
  }
}

/** Model and kind of the processor from the text of /proc/cpuinfo; arm64 kernels give only numbers there. */
export function parseCpu(cpuinfo: string): { model: string; virtual: boolean } {
  const field = (name: string) => new RegExp(`^${name}\\s*: (.*)$`, "m").exec(cpuinfo)?.[1];
  const part = field("CPU part");
  const model = field("model name") ??
    (part ? `implementer ${field("CPU implementer")} part ${part}` : "unknown");
  return { model, virtual: / hypervisor\b/.test(field("flags") ?? "") };
}

/** Reads the facts of this machine. */
export function describeMachine(): Machine {
  const { model, virtual } = parseCpu(contentOf("/proc/cpuinfo"));
  return {
    kernel: contentOf("/proc/sys/kernel/osrelease"),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(contentOf("/etc/os-release"))?.[1] ?? "unknown",
    arch: Deno.build.arch,
    cpu: model,
    cores: navigator.hardwareConcurrency,
    virtual,
    memory: Deno.systemMemoryInfo().total,
    cgroups: cgroupMode(parseMounts(contentOf("/proc/mounts"))),
    deno: `${Deno.version.deno} (V8 ${Deno.version.v8})`,
    load: Deno.loadavg(),
  };
}

/** The facts as one line. */
export function machineLine(machine: Machine): string {
  const { kernel, system, arch, cpu, cores, virtual, memory, cgroups, load } = machine;
  const where = `${cores} × ${cpu}${virtual ? " (virtual)" : ""}, ${(memory / 2 ** 30).toFixed(1)} GiB`;
  const average = load.map((value) => value.toFixed(2)).join(" ");
  return `${where}, ${arch}, Linux ${kernel}, ${system}, cgroups ${cgroups}, load average before ${average}`;
}
