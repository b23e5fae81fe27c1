import { assertEquals, assertThrows } from "@std/assert";
import { DryKernel } from "../ffi/dry.ts";
import { EINVAL, EPERM } from "../ffi/errno.ts";
import type { Arg } from "../ffi/kernel.ts";
import { Buffer } from "../ffi/memory.ts";
import { bindConsole, openPty, takeTerminal } from "./console.ts";

const DEVPTS = 0x1cd1, TMPFS = 0x01021994;
const ROOT = 50, UID = 1000;

/** A kernel that finds a filesystem at /dev/pts, and a device of a number there; `owner` answers fchownat. */
function kernel(filesystem: number, device: [number, number] = [5, 2], owner = 0): DryKernel {
  const k = new DryKernel((name, args) => {
    if (name === "fstatfs") put(args[1], [[0, filesystem]]);
    if (name === "statx") put(args[4], [[28, 0o020666], [128, device[0]], [132, device[1]]]);
    return name === "ioctl" && args[1] === 0x5441 ? 77 : name === "fchownat" ? owner : undefined;
  });
  return k;
}

function put(buffer: Arg, words: [offset: number, value: number][]): void {
  if (!(buffer instanceof Buffer)) throw new Error("not a buffer");
  const view = new DataView(buffer.bytes.buffer, buffer.bytes.byteOffset);
  for (const [offset, value] of words) view.setUint32(offset, value, true);
}

Deno.test("a pty is opened right below a devpts, and its slave by its master", () => {
  const k = kernel(DEVPTS);
  const { master, slave } = openPty(k, ROOT, UID, { height: 25, width: 80 });
  assertEquals([master, slave.wait()], [101, 77]);
  const names = k.calls.map(({ name }) => name);
  assertEquals(
    names,
    [
      ...["openat2", "fstatfs", "openat2", "close", "statx"],
      ...["ioctl", "ioctl", "ioctl", "fchownat"],
    ] as typeof names,
  );
  // RESOLVE_NO_XDEV, NO_MAGICLINKS, NO_SYMLINKS and BENEATH.
  assertEquals((k.calls[2].args[2] as number[])[2], 0b1111);
  assertEquals(k.calls[7].args.slice(0, 2), [77, 0x5414]);
  assertEquals([...(k.calls[7].args[2] as Uint8Array)], [25, 0, 80, 0, 0, 0, 0, 0]);
  assertEquals(k.calls[8].args.slice(0, 4), [77, "", UID, 0xffff_ffff]);
});

Deno.test("a size with a zero is not applied", () => {
  for (const size of [undefined, { height: 0, width: 80 }, { height: 25, width: 0 }]) {
    const k = kernel(DEVPTS);
    openPty(k, ROOT, UID, size);
    assertEquals(k.calls.filter(({ args }) => args[1] === 0x5414), []);
  }
});

Deno.test("what is not a devpts, or not its ptmx, is not opened as a terminal", () => {
  const k = kernel(TMPFS);
  assertThrows(() => openPty(k, ROOT, UID), Error, "in the container's /dev/pts: it is not a devpts");
  assertEquals(k.calls.map(({ name }) => name).includes("ioctl"), false);
  for (const device of [[5, 1], [136, 2]] as [number, number][]) {
    assertThrows(() => openPty(kernel(DEVPTS, device), ROOT, UID), Error, "not a devpts's ptmx");
  }
});

Deno.test("a slave that cannot change hands stays; other failures count", () => {
  assertEquals(openPty(kernel(DEVPTS, [5, 2], -EPERM), ROOT, UID).slave.wait(), 77);
  assertThrows(() => openPty(kernel(DEVPTS, [5, 2], -5), ROOT, UID), Error, "input/output error");
});

Deno.test("/dev/console is no link, and is made where it is missing", () => {
  const k = kernel(DEVPTS);
  bindConsole(k, ROOT, 77);
  assertEquals(k.lines().map((line) => line.split(" ")[0]), [
    ...["openat2", "mknodat", "openat2", "close", "open_tree", "move_mount", "close", "close"],
  ]);
  // RESOLVE_NO_MAGICLINKS, NO_SYMLINKS and BENEATH.
  assertEquals((k.calls[2].args[2] as number[])[2], 0b1110);
});

Deno.test("taking a terminal: controlling, then the standard streams, each step guarded", () => {
  const k = kernel(DEVPTS);
  const guarded: string[] = [];
  takeTerminal(k, 77, (doing, step) => {
    guarded.push(doing);
    step();
  });
  assertEquals(guarded.length, 4);
  assertEquals(k.calls.map(({ name, args }) => [name, ...args.slice(0, 3)]), [
    ["ioctl", 77, 0x540e, 0],
    ...[0, 1, 2].map((fd) => ["dup3", 77, fd, 0] as (typeof k.calls)[number]["name"][]),
    ["close", 77],
  ]);
  const failing = new DryKernel((name) => name === "ioctl" ? -EINVAL : undefined);
  assertThrows(() => takeTerminal(failing, 77), Error, "make the terminal the process's own: ");
});
