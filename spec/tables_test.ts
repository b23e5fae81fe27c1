import { assertEquals, assertThrows } from "@std/assert";
import { CAPABILITIES, capabilityWords } from "./capabilities.ts";
import { parseCpuList } from "./cpu_list.ts";
import { exactInteger, toDecimal, UINT64_MAX } from "./integers.ts";
import { NAMESPACES } from "./namespaces.ts";
import { RLIMITS } from "./rlimits.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS } from "./seccomp.ts";
import { signalText } from "./signal_text.ts";
import { signalName, signalNumber, SIGNALS } from "./signals.ts";
import { isSysctlName, sysctlName, sysctlPath } from "./sysctl.ts";
import { lookup } from "./tables.ts";

Deno.test("lookup finds own entries only", () => {
  assertEquals(lookup({ a: 1 }, "a"), 1);
  for (const name of ["b", "constructor", "__proto__", "toString"]) {
    assertEquals(lookup({ a: 1 }, name), undefined);
  }
});

Deno.test("capabilities are numbered without gaps", () => {
  assertEquals(Object.values(CAPABILITIES), Array.from({ length: 41 }, (_, number) => number));
});

Deno.test("capabilityWords sets the bits of known capabilities that the kernel has", () => {
  assertEquals(capabilityWords(undefined), { low: 0, high: 0 });
  assertEquals(capabilityWords(["CAP_CHOWN", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_CHECKPOINT_RESTORE"]), {
    low: 0x80000001,
    high: 0x101,
  });
  assertEquals(capabilityWords(["CAP_NOTHING", "constructor", "CAP_CHOWN"]), { low: 1, high: 0 });
  assertEquals(capabilityWords(["CAP_BPF", "CAP_CHECKPOINT_RESTORE"], 39), { low: 0, high: 0x80 });
});

Deno.test("tables have the kernel's numbers", () => {
  assertEquals(RLIMITS.RLIMIT_NOFILE, 7);
  assertEquals(new Set(Object.values(RLIMITS)).size, 16);
  assertEquals(NAMESPACES.mount, { flag: 0x20000, link: "mnt" });
  assertEquals(Object.values(NAMESPACES).reduce((all, it) => all | it.flag, 0), 0x7e020080);
  assertEquals(SECCOMP_ACTIONS.SCMP_ACT_KILL, SECCOMP_ACTIONS.SCMP_ACT_KILL_THREAD);
  assertEquals(SECCOMP_ARCHS.SCMP_ARCH_X32 ^ SECCOMP_ARCHS.SCMP_ARCH_X86_64, -0x80000000);
});

Deno.test("signalNumber takes names, real-time signals and numbers", () => {
  for (const text of ["KILL", "SIGKILL", "sigkill", "kill", "9", "09"]) {
    assertEquals(signalNumber(text), 9, text);
  }
  for (const text of ["IO", "SIGPOLL", "29"]) assertEquals(signalNumber(text), 29, text);
  assertEquals(signalNumber("0"), 0);
  assertEquals(signalNumber("RTMIN"), 34);
  assertEquals(signalNumber("SIGRTMIN+3"), 37);
  assertEquals(signalNumber("rtmax-2"), 62);
  assertEquals(signalNumber("SIGRTMAX"), 64);
  for (
    const text of [
      "",
      "SIG",
      "65",
      "-9",
      "9.0",
      "SIGSIGKILL",
      "RTMIN-1",
      "RTMIN+31",
      "RTMAX+1",
      "RTMAX-31",
      "NOTHING",
      "constructor",
    ]
  ) {
    assertEquals(signalNumber(text), undefined, text);
  }
});

Deno.test("signalName gives names that signalNumber takes", () => {
  assertEquals([6, 9, 29, 34, 64].map(signalName), [
    "SIGABRT",
    "SIGKILL",
    "SIGIO",
    "SIGRTMIN",
    "SIGRTMIN+30",
  ]);
  assertEquals(signalName(32), "32");
  for (let number = 1; number <= 64; number++) assertEquals(signalNumber(signalName(number)), number);
});

Deno.test("sysctlPath takes either separator", () => {
  assertEquals(sysctlPath("kernel.shmmax"), "kernel/shmmax");
  assertEquals(sysctlPath("net.ipv4.conf.eth0/1.mtu"), "net/ipv4/conf/eth0.1/mtu");
  assertEquals(sysctlPath("net/ipv4/conf/eth0.1/mtu"), "net/ipv4/conf/eth0.1/mtu");
  assertEquals(sysctlName("net/ipv4/conf/eth0.1/mtu"), "net.ipv4.conf.eth0/1.mtu");
  assertEquals(sysctlPath("kernel"), "kernel");
});

Deno.test("isSysctlName refuses what leads out of /proc/sys", () => {
  assertEquals(isSysctlName("net.ipv4.ip_forward"), true);
  for (const name of ["", "net", "/net/x", "net/../x", "net.//.x", "net./.x", "net..x", "net.x.", "../x"]) {
    assertEquals(isSysctlName(name), false, name);
  }
});

Deno.test("parseCpuList names what a list names", () => {
  assertEquals([...parseCpuList("0-3, 7,,5")], [0, 1, 2, 3, 7, 5]);
  assertEquals([...parseCpuList("")], []);
  for (const text of ["-1", "1-", "3-1", "a", "1-2-3", "8192", "0-99999999999", "1.5"]) {
    assertThrows(() => parseCpuList(text), Error, undefined, text);
  }
});

Deno.test("64-bit integers keep their digits", () => {
  assertEquals(toDecimal(2 ** 63), "9223372036854775808");
  assertEquals(toDecimal(UINT64_MAX), "18446744073709551615");
  assertEquals([toDecimal(-1), toDecimal(65536), toDecimal(-1n)], ["-1", "65536", "-1"]);
  assertEquals([5n, -(2n ** 53n) + 1n, 2n ** 53n, 2n ** 53n + 1n, UINT64_MAX].map(exactInteger), [
    5,
    -(2 ** 53) + 1,
    2n ** 53n,
    2n ** 53n + 1n,
    UINT64_MAX,
  ]);
  assertThrows(() => toDecimal(0.5), RangeError);
});

Deno.test("signalText has words for the classic signals, each at its number", () => {
  const { HUP, KILL, TERM, TTOU, SYS } = SIGNALS;
  assertEquals([HUP, KILL, TERM, TTOU, SYS, 34].map(signalText), [
    ...["hangup", "killed", "terminated", "stopped (tty output)", "bad system call", "signal 34"],
  ]);
});
