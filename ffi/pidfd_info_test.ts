import { assertEquals } from "@std/assert";
import { DryKernel } from "./dry.ts";
import { LocalKernel } from "./local.ts";
import { Buffer } from "./memory.ts";
import { pidfdOpen } from "./pidfd.ts";
import { reapedWord } from "./pidfd_info.ts";
import { words32 } from "./structs.ts";

const ENOTTY = 25;

/** A kernel whose ioctl(2) fails with an errno, or answers with a mask and an exit code. */
function answering(errno: number, mask = 0, code = 0): DryKernel {
  return new DryKernel((name, args) => {
    if (name !== "ioctl") return undefined;
    const [, request, info] = args;
    if (!(info instanceof Buffer)) throw new TypeError("not a buffer");
    assertEquals(request, 0xc040_ff0b);
    assertEquals([info.size, info.u32(0)], [64, 8]);
    info.bytes.set(words32(mask));
    info.bytes.set(words32(code), 60);
    return -errno;
  });
}

Deno.test("reapedWord: a kernel before 6.13 has no such ioctl", () => {
  assertEquals(reapedWord(answering(ENOTTY), 5), undefined);
});

Deno.test("reapedWord: Linux 6.13 and 6.14, and a process that has not been reaped", () => {
  assertEquals(reapedWord(answering(0, 0b111, 9), 5), undefined);
});

Deno.test("reapedWord: the status word of a process that has been reaped", () => {
  assertEquals(reapedWord(answering(0, 0b1100, 7 << 8), 5), 7 << 8);
});

Deno.test("reapedWord: of a real process, not before it has ended", async () => {
  const k = new LocalKernel();
  const child = new Deno.Command("sleep", { args: ["60"], stdin: "null" }).spawn();
  const pidfd = pidfdOpen(k, child.pid);
  assertEquals(reapedWord(k, pidfd), undefined);
  child.kill("SIGKILL");
  await child.status;
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  const tells = major > 6 || (major === 6 && minor >= 15);
  assertEquals(reapedWord(k, pidfd), tells ? 9 : undefined);
  k.close(pidfd);
});
