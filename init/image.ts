/**
 * The executor's image: a static ELF program of one page, made of the bytes below.
 *
 * The bytes are executor_x86_64.s and executor_aarch64.s, assembled; image_test.ts assembles them again.
 * @module
 */

const CODE = {
  x86_64:
    "uAkAAAC/AAAAEL4AAAABugMAAABBuhEAAABEiwXrAAAARTHJDwVQMcCLPdkAAABIiea6CAAAAA8FSIP4CA+FsQAAAEiLHCSLSwRIi3sI" +
    "SItzEEiLUxhMi1MgTItDKEyLSzD2wQF0A0iLP/bBAnQDSIs29sEEdANIixL2wQh0A02LEvbBEHQDTYsA9sEgdANNiwlIYwOD+P90N4P4" +
    "/nQEDwXrA0iJ+EiJQzhIhcB4EXQJSItDSEiFwHUPSIPDUOuHSItDQEiFwHQISInD6Xb///9IiRwkuAEAAACLPSgAAABIiea6CAAAAA8F" +
    "SIP4CA+EM////78BAAAAuOcAAAAPBfSD74Dr82aQAAAAAAAAAAA=",
  aarch64:
    "yBuA0gAAotIBIKDSYgCA0iMCgNKEBwAYBQCA0gEAANT/QwDR6AeA0sAGABjhAwCRAgGA0gEAANQfIADxYQUAVPMDQPloUkApYIZAqWKO" +
    "QalklkKpVAAANgAAQPlUAAg2IQBA+VQAEDZCAED5VAAYNmMAQPlUACA2hABA+VQAKDalAED5HwUAMQACAFQfCQAxQAAAVAEAANRgHgD5" +
    "HwAA8csAAFRgAABUYSZA+aEAALVzQgGR5P//F2EiQPlhAAC08wMBquD//xfzAwD5CAiA0oABABjhAwCRAgGA0gEAANQfIADxAPr/VCAA" +
    "gNLIC4DSAQAA1AAAINQAAAKR/P//FwAAAAAAAAAA",
} as const;

/** Where the handler of signals that end an executor lies in its code: `ended`. */
const ENDED = { x86_64: 0x101, aarch64: 0xf8 } as const;

/** The address and the size of the shared memory in the executor. executor_*.s have the same values. */
export const ARENA = 0x10000000, ARENA_SIZE = 0x1000000;

const LOAD_ADDRESS = 0x400000;
/** Bytes in front of the code of {@linkcode staticProgram}. */
export const HEADERS = 64 + 2 * 56;
const MACHINE = { x86_64: 62, aarch64: 183 } as const;

/**
 * The assembled code of an architecture. Its last two words are the descriptors of the channel and of the
 * memory.
 */
export function executorCode(arch: "x86_64" | "aarch64"): Uint8Array<ArrayBuffer> {
  // Of all ways to decode base64 this one loads nothing; the first atob() costs 2 ms.
  return Uint8Array.fromBase64(CODE[arch]);
}

/** The address, in an executor, of a handler of signals (sigaction(2)): exit_group(128 + signal). */
export function endingHandler(arch: "x86_64" | "aarch64" = Deno.build.arch): number {
  return LOAD_ADDRESS + HEADERS + ENDED[arch];
}

/**
 * A complete ELF file (elf(5)) around position-independent code that begins with its entry point: one segment
 * to load, read and execute only, and a stack that is not executable.
 */
export function staticProgram(
  code: Uint8Array,
  arch: "x86_64" | "aarch64" = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  const image = new Uint8Array(HEADERS + code.length);
  const view = new DataView(image.buffer);
  const u16 = (at: number, value: number) => view.setUint16(at, value, true);
  const u32 = (at: number, value: number) => view.setUint32(at, value, true);
  const header = (at: number, type: number, flags: number, size: number, address: number, align: number) => {
    u32(at, type);
    u32(at + 4, flags);
    u32(at + 16, address);
    u32(at + 24, address);
    u32(at + 32, size);
    u32(at + 40, size);
    u32(at + 48, align);
  };
  image.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  u16(16, 2); // ET_EXEC
  u16(18, MACHINE[arch]);
  u32(20, 1);
  u32(24, LOAD_ADDRESS + HEADERS);
  u32(32, 64);
  u16(52, 64);
  u16(54, 56);
  u16(56, 2);
  header(64, 1, 5, image.length, LOAD_ADDRESS, 0x10000); // PT_LOAD; 64 KiB pages exist on aarch64
  header(64 + 56, 0x6474e551, 6, 0, 0, 16); // PT_GNU_STACK
  image.set(code, HEADERS);
  return image;
}

/**
 * The executor as a program.
 *
 * @param channel Descriptor of the channel in the executor.
 * @param memory Descriptor of the shared memory.
 */
export function executorImage(
  channel: number,
  memory: number,
  arch: "x86_64" | "aarch64" = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  const image = staticProgram(executorCode(arch), arch);
  const view = new DataView(image.buffer);
  view.setUint32(image.length - 8, channel, true);
  view.setUint32(image.length - 4, memory, true);
  return image;
}
