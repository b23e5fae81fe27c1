import { assertEquals, assertThrows } from "@std/assert";
import {
  IFF_RUNNING,
  IFF_UP,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
  SIOCSIFFLAGS,
} from "../ffi/constants.ts";
import { EINVAL, ENOENT, EPERM } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { callsOf, lines, names, type Script, scripted } from "../tests/lib/scripted.ts";
import { bringLoopbackUp } from "./loopback.ts";
import { sysctlPath } from "../spec/sysctl.ts";
import { openProcfs, writeSysctls } from "./sysctl.ts";

Deno.test("sysctl: dots separate, or slashes where they come first", () => {
  assertEquals(sysctlPath("net.ipv4.ip_forward"), "net/ipv4/ip_forward");
  assertEquals(sysctlPath("net/ipv4/ip_forward"), "net/ipv4/ip_forward");
  assertEquals(sysctlPath("net.ipv4.conf.eth0/1.forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assertEquals(sysctlPath("net/ipv4/conf/eth0.1/forwarding"), "net/ipv4/conf/eth0.1/forwarding");
  assertEquals(sysctlPath("single"), "single");
});

Deno.test("sysctl: written below a procfs that is mounted nowhere, without links, in one write", () => {
  const k = scripted();
  const procfs = openProcfs(k, () => 9);
  assertEquals(names(k), ["fsopen", "fsconfig", "fsmount", "close"]);
  writeSysctls(k, procfs, { "kernel.msgmax": "8192" });
  const [dir, path, how] = callsOf(k, "openat2")[0].args;
  const [flags, , resolve] = how as number[];
  assertEquals([dir, path, flags & 3], [101, "sys/kernel/msgmax", O_WRONLY]);
  assertEquals(resolve, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  assertEquals(lines(k, "write"), ['write 102 "8192" 4']);
});

Deno.test("procfs: where none may be mounted, another is used, and a failure of another kind is told", () => {
  const cases: Script[] = [{ fsmount: -EPERM }, { fsconfig: -EPERM, fsmount: -EINVAL }];
  for (const script of cases) assertEquals(openProcfs(scripted(script), () => 9).wait(), 9);
  const others: Script[] = [{ fsmount: -ENOENT }, { fsconfig: -ENOENT }, { fsopen: -EPERM }];
  for (const script of others) {
    assertThrows(() => openProcfs(scripted(script), () => 9), OperationError, "open a private procfs");
  }
});

Deno.test("sysctl: a failure names key and value", () => {
  assertThrows(
    () => writeSysctls(scripted({ openat2: -ENOENT }), 3, { "no.such": "1" }),
    OperationError,
    'set sysctl "no.such" to "1": openat2 "sys/no/such": no such file or directory',
  );
});

Deno.test("loopback: lo gets up and running", () => {
  const k = scripted();
  bringLoopbackUp(k);
  assertEquals(names(k), ["socket", "ioctl", "close"]);
  const [fd, request, buffer] = callsOf(k, "ioctl")[0].args;
  const { bytes } = buffer as { bytes: Uint8Array };
  assertEquals([fd, request], [100, SIOCSIFFLAGS]);
  assertEquals(new TextDecoder().decode(bytes.slice(0, 3)), "lo\0");
  assertEquals(bytes[16] | bytes[17] << 8, IFF_UP | IFF_RUNNING);
});
