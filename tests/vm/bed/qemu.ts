/**
 * The command line of the test machine's emulator.
 * @module
 */
import type { Image } from "./image.ts";

/** What one machine is given. */
export interface MachineOptions {
  image: Image;
  /**
   * Directory of the running machine: copies on write, sockets, the console's log. Its path is short
   * (sockets).
   */
  dir: string;
  memoryMb: number;
  cpus: number;
  /** More disks, raw; /dev/vdb is the first. They are not written to. */
  disks?: readonly string[];
}

/** Kernel command line: DESIGN's, AppArmor as the security module, and nothing on the way to a fast start. */
const KERNEL_ARGUMENTS = [
  ...["console=ttyS0", "loglevel=7", "panic=-1", "systemd.unified_cgroup_hierarchy=1", "mitigations=off"],
  ...["apparmor=1", "security=apparmor", "net.ifnames=0", "tsc=reliable", "no_timer_check", "nokaslr"],
  ...["systemd.show_status=0", "audit=0", "random.trust_cpu=on"],
].join(" ");

/** One try to start the machine. */
export interface BootAttempt {
  accelerator: string;
  /** Time limit for an answer. */
  seconds: number;
}

/**
 * How to start the machine: with the processor's own virtualisation where there is one, else emulated, twice.
 *
 * `/dev/kvm` alone does not say that there is one: where this machine is itself a guest, KVM may be of a kind
 * (kvm_pvm) that runs kernels made for it, and emulates others at a crawl.
 *
 * @param exists Whether a path exists.
 */
export function bootAttempts(exists: (path: string) => boolean): BootAttempt[] {
  const emulated = "tcg,thread=multi,tb-size=512";
  const hardware = exists("/dev/kvm") &&
    ["kvm_intel", "kvm_amd"].some((module) => exists(`/sys/module/${module}`));
  return [
    ...(hardware ? [{ accelerator: "kvm", seconds: 60 }] : []),
    // A minute with ten others on two processors: no sign yet that it stands still.
    { accelerator: emulated, seconds: 200 },
    { accelerator: emulated, seconds: 240 },
  ];
}

/**
 * The emulated processor, without features whose emulation costs more than they save. Vectors of 32 bytes and
 * string instructions on bytes are loops there. A fifth level of page tables is walked at every TLB miss.
 * SMAP takes two instructions for each access to user memory, each of which ends a translated block.
 */
const EMULATED_CPU = "max,-avx,-avx2,-erms,-fsrm,-la57,-smap";

/** Path of the socket that takes monitor commands. */
export function monitorPath(dir: string): string {
  return `${dir}/monitor`;
}

/** File that the machine's console is written to. */
export function consolePath(dir: string): string {
  return `${dir}/console.log`;
}

/**
 * Arguments of qemu-system-x86_64.
 *
 * @param accelerator That of a {@linkcode BootAttempt}.
 */
export function qemuArguments(options: MachineOptions, accelerator: string): string[] {
  const { image, dir, memoryMb, cpus, disks = [] } = options;
  const drives = [image.disk, ...disks].flatMap((file) => [
    "-drive",
    `file=${file},format=raw,if=virtio,cache=unsafe,snapshot=on`,
  ]);
  return [
    ...["-nodefaults", "-no-user-config", "-no-reboot", "-display", "none"],
    ...["-machine", "pc,graphics=off,usb=off,hpet=off", "-accel", accelerator],
    ...["-cpu", accelerator === "kvm" ? "host" : EMULATED_CPU],
    ...["-smp", `${cpus}`, "-m", `${memoryMb}`],
    ...["-kernel", image.kernel, "-initrd", image.ramdisk, "-append", KERNEL_ARGUMENTS],
    ...drives,
    // The machine sees no network but this computer's one port into it.
    ...[
      "-netdev",
      "user,id=net0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22",
      "-device",
      "virtio-net-pci,netdev=net0,romfile=",
    ],
    ...["-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0"],
    ...["-serial", `file:${consolePath(dir)}`, "-monitor", `unix:${monitorPath(dir)},server=on,wait=off`],
  ];
}

/** Finds the port of the way in, in what the monitor says to `info usernet`. */
export function parsePort(usernet: string): number | undefined {
  const [, port] = /TCP\[HOST_FORWARD\]\s+\d+\s+127\.0\.0\.1\s+(\d+)\s+\S+\s+22\b/.exec(usernet) ?? [];
  return port === undefined ? undefined : Number(port);
}
