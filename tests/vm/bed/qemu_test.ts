import { assert, assertEquals } from "@std/assert";
import { bootAttempts, type MachineOptions, parsePort, qemuArguments } from "./qemu.ts";

const OPTIONS: MachineOptions = {
  image: { disk: "/i/disk", kernel: "/i/vmlinuz", ramdisk: "/i/initrd", key: "/i/key" },
  dir: "/run/m",
  memoryMb: 1234,
  cpus: 2,
  disks: ["/d/checkout.img"],
};

/** The word after a flag. */
function after(args: string[], flag: string): string[] {
  return args.flatMap((word, index) => word === flag ? [args[index + 1]] : []);
}

Deno.test("bootAttempts: KVM only where the processor's own virtualisation is behind it", () => {
  const kinds = (...paths: string[]) =>
    bootAttempts((path) => paths.includes(path)).map(({ accelerator }) => accelerator.split(",")[0]);
  assertEquals(kinds(), ["tcg", "tcg"]);
  assertEquals(kinds("/dev/kvm"), ["tcg", "tcg"]);
  assertEquals(kinds("/dev/kvm", "/sys/module/kvm_pvm"), ["tcg", "tcg"]);
  assertEquals(kinds("/sys/module/kvm_intel"), ["tcg", "tcg"]);
  assertEquals(kinds("/dev/kvm", "/sys/module/kvm_intel"), ["kvm", "tcg", "tcg"]);
  assertEquals(kinds("/dev/kvm", "/sys/module/kvm_amd"), ["kvm", "tcg", "tcg"]);
});

Deno.test("qemuArguments: no disk is written to, and the only port is on the loopback", () => {
  const args = qemuArguments(OPTIONS, "tcg");
  const drives = after(args, "-drive");
  assertEquals(drives.map((drive) => drive.split(",")[0]), ["file=/i/disk", "file=/d/checkout.img"]);
  assert(drives.every((drive) => drive.split(",").includes("snapshot=on")));
  assertEquals(after(args, "-m"), ["1234"]);
  assertEquals(after(args, "-netdev").length, 1);
  assert(after(args, "-netdev")[0].includes("restrict=on,hostfwd=tcp:127.0.0.1:0-:22"));
});

Deno.test("qemuArguments: the kernel gets cgroup v2 and AppArmor", () => {
  const [line] = after(qemuArguments(OPTIONS, "tcg"), "-append");
  for (const word of ["systemd.unified_cgroup_hierarchy=1", "apparmor=1", "security=apparmor"]) {
    assert(line.split(" ").includes(word), word);
  }
});

Deno.test("parsePort: the port that leads to ssh, once the monitor has said it", () => {
  const said = `info usernet
Hub -1 (net0):
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
  TCP[HOST_FORWARD]  13       127.0.0.1 40123       10.0.2.15    22     0     0
`;
  assertEquals(parsePort(said), 40123);
  assertEquals(parsePort(said.slice(0, said.indexOf("40123"))), undefined);
  assertEquals(parsePort("(qemu) "), undefined);
});
