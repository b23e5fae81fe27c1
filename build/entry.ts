/**
 * The entry of tsrun: a small piece of machine code that runs before the engine (entry_x86_64.s says what it
 * does), and the two ways to put it there: as a program of its own in front of a bundle, and into a program
 * that `deno compile` made.
 *
 * The bytes are entry_x86_64.s and entry_aarch64.s, assembled, with prepared_*.s in them; entry_test.ts
 * assembles them again.
 * @module
 */
import { HEADERS, staticProgram } from "../init/image.ts";
import { segmentsOf } from "./elf.ts";
import { preparedLists, type PreparedRow, USUAL_ROOT } from "./prepared_lines.ts";

/** Architectures that there is code for. */
export type Architecture = "x86_64" | "aarch64";

const CODE: Readonly<Record<Architecture, string>> = {
  x86_64:
    "SInlSI0dZgwAAEiB7AAQAADpBQYAAEUx/0yLYzBMi2s4SQHdSYPsAXhQuC4BAAAx/0GLdQAx0kmJ4g8FQYtNBEiLBAxJO0UISY1VEHIKSYPFIOvQ" +
    "SI1TQEiLMkgB3kiLUgi4AQAAAL8CAAAADwW45wAAAL8BAAAADwVIg7vYAAAAAHQJRYX/D4TeAAAATIurwAAAAE2F7Q+EkQAAADHSSYni6H0EAABI" +
    "i0QkCEiJRCQQSIlEJBhIjVQkEEUx0uhhBAAARTHkuCIBAAAx/74AAAgADwVIhcB4IkKJRKQgSYPEAU057HQUuEgAAACLfCQgvgYEAAAx0g8F69lJ" +
    "icZJg+wBeA64AwAAAEKLfKQgDwXr7EiJ4kUx0ugHBAAASI2TyAAAAEmD/ugPhCr///+4OAAAAL8RQQAAMfYPBUiFwHQhSI1TUEiD+PUPhAn///9I" +
    "ice4PQAAADH2MdJFMdIPBesJuDwAAAAx/w8FuE8AAABIiee+ABAAAA8FSIP4/nQLSIXAeBaAPCQvdBBmxwQkLwC4UAAAAEiJ5w8FSItFAEyNZMUQ" +
    "RTHtRTHJTYnmSYs2SYPGCEiF9nQvSIn3SMfB/////zHA8q5IKfdNjWw9BosGPXRzcnV1CGaBfgRuOnTNQbkBAAAA68VMifFBVkiLAUiDwRBIhcAP" +
    "hFf+//9Ig/gfder/cfhIi3UASANzEEgDcyBJjbT1ACAAAEyJ8Ewp4EgBxkFRuAkAAAAx/7oDAAAAQboiAAAAScfA/////0UxyQ8FQVlIPQDw//8P" +
    "hwP+//9IicdOjYQoaBAAAEmD4PhNicVIgzsAdQXo3wIAAEyLUyBMi3MoSQHe6LUCAABNieJJizJJg8IISIX2dCRJiThJg8AIRYXJdBDHB3RzcnVm" +
    "x0cEbjpIg8cGrKqEwHX669BJxwAAAAAASYPACEiDu9gAAAAAdAlFhf8PhIkHAABIgzsAD4X7AQAASItUJAhIidBIg8AQSIN48AB19Ugp0E0p6EiL" +
    "TQBIg8ECTI0UyE0Bwkwp1EiD5PBIiedIie7zSKVMie5MicHzpEiJ1kiJwfOkSCnHSItDCEgB2EiLD0iD+Ql1BEiJRwhIg/kHdQVIiXwk8EiDxxBI" +
    "hcl130yLa2hJAd1Mie9IgecA8P//vgAQAAC6AwAAALgKAAAADwVBx0UAAwAAALoBAAAAuAoAAAAPBbgCAAAASIt7YEgB374AAAgADwWJxYnHMcBM" +
    "jbQkAPj//0yJ9roABAAADwVIPYAAAAAPjJv8//8x9kUPt344TY1mQEGDPCQBdQpJi3QkEEkDdCQoSYPEOEGD7wF15TH/MdJBuiIAAADoyAAAAEmJ" +
    "xUUPt344TY1mQEGDPCQBD4WGAAAAQYtEJASJwoPiAonBwekCCcqD4AHB4AIJwkmLfCQQSYt0JCBNi0wkCIn4Jf8PAABIKcdIAcZJKcFMAe9BuhIA" +
    "AABBiejocgAAAEmLfCQQTAHvSIn+SQN8JCBJA3QkKEg593Mjifn32YHh/w8AADHA86pIKf52ELoDAAAAQboyAAAA6CsAAABJg8Q4QYPvAQ+FYf//" +
    "/7gDAAAAie8PBUiLRCTwTIloCEmLRhhMAegx0v/gScfA/////0UxybgJAAAADwVIPQDw//8Ph4H7///DTInGTItTEEyLcxhJAd7oTAAAAEGPAEiL" +
    "TQBMjXUQSYPACEiD6QF+DEmLBkmDxghJiQDr6knHAAAAAAC4OwAAAEiLO0gB30yJ6g8F6TD7//+4LgEAADH/vgcAAAAPBcNJg+oBeBNJiwZIAdhJ" +
    "iQBJg8YISYPACOvnw0mJOEmDwAhIuFRNUERJUj0vSIkHTI13B7hZAAAASI09mwAAAEyJ9rqgDwAADwVIhcB+aUmNNAZIifFIg+kBgDkvdffGRgEA" +
    "SIPuAUg5znQHigaIRgHr8MZBAS64BAAAAEiNPVgAAABIjXQkGA8FSIXAeCmLVCQ0uAYAAABMifcPBUiFwHgWO1QkNHUQi0QkMCUS8AAAPQBAAAB0" +
    "FEi4L2Rldi9udWxJiQZmQcdGCGwATIn3SMfB/////zHA8q7DL3Byb2Mvc2VsZi9leGUASIN7cAAPhPD5//9JieVJjb0ACAAAuQwAAAAxwPNIq0iL" +
    "RQBMjWTFEEmLNCRJg8QISIX2dDaBPnRzcnV1DGaBfgRuOnUESIPGBkyNQ3jotgMAAHXUQQ+2QAeFwA+Emvn//0mJtMUACAAA671BvAEAAABMO2UA" +
    "D4OA+f//Sot05QhMjYOIAAAA6HwDAAAPhWn5//9BD7ZAB0mJtMUACAAAQQ+2SAZJAcyD+ANyxUw7ZQAPg0X5//9Ki3TlCIA+LQ+EN/n//0mJtTgI" +
    "AABJg8QBg/gEdThJx4VACAAADwAAAEw7ZQB0J0qLdOUISYPEAUyNg5gAAADoDgMAAA+F+/j//0EPtkAHSYmFQAgAAEw7ZQAPheX4//9Jg70ICAAA" +
    "AHQNSceFSAgAAAAAAADrEUiLg6gAAABIAdhJiYUICAAASceFUAgAAP////9Jx4VYCAAA/////0nHxP////+4awAAAA8FQYnGv5z///9Ji7UICAAA" +
    "ugAAKQDobwIAAEmJhVAIAACD+AIPjhgCAABBi0UchcB0CUQ58A+FBwIAAEH2RRgCD4X8AQAAQYu9UAgAAEmLtTgIAAC6AAALAOgrAgAASYmFWAgA" +
    "AIXAD4jVAQAARTl1HA+FywEAAEH2RRgSD4XAAQAAicdIjTVIAgAAugAICgDo9AEAAEmJxIXAD4iiAQAARTl1HA+FmAEAAEGBfRiAgQAAD4WKAQAA" +
    "vwAAABBJi3UwugEAAABBugIAEABFieBFMcm4CQAAAA8FSD0AAAAQD4VdAQAASItLcEg5CA+FPwEAAEmLTTBIOUgID4UxAQAAvwAAEBBIi7OwAAAA" +
    "ugMAAABBuiIAEABJx8D/////uAkAAAAPBUg9AAAQEA+FAAEAAEiJx0iLs7gAAABIAd5Ii4uwAAAA86RIjXgQSY21AAgAALkMAAAA80ilTIswQYtO" +
    "BEmLfghJi3YQSYtWGE2LViBNi0YoTYtOMPbBAXQDSIs/9sECdANIizb2wQR0A0iLEvbBCHQDTYsS9sEQdANNiwD2wSB0A02LCUljBoP4/3Rmg/j+" +
    "dC6D+P10DoP4/HQbg/j7dFAPBeseSInRMcDzpnQVSMfA/////+sMSInRMcDzpOsDSIn4SYlGOEiFwHgUdAlJi0ZISIXAdRJJg8ZQ6Vn///9Ji0ZA" +
    "SIXAdApJicbpSP/////mSYH+AAAAMA+DbAIAAEyLNCUIABAQ6DwAAAC/AAAAEL4AACAAuAsAAAAPBUSJ57gDAAAADwVBi71YCAAAuAMAAAAPBUGL" +
    "vVAIAAC4AwAAAA8F6S32//9Niz5Jg+8BeBJJg8YISYsGizi4AwAAAA8F6+jDRTHSuAEBAAAPBUiFwHgOUInHTInuuAUAAAAPBVjDSInyTYsITYtA" +
    "CEkB2EmD6QF4GEiJ1kGLOEgB30EPt0gE86Z0BkmDwAjr4sNwcmVwYXJlZABBvwEAAABIizQkSI09o/v//7kPAAAA86YPhOcBAABMielIizFIg8EI" +
    "SIX2dDRIuHRzcnVuOlRTSDkGdeVIuFJVTl9TTkFQSDlGCHXVSLhTSE9UPW5vAEg5RhB1xemkAQAASIuz2AAAAEgB3kiJ8EiDOwB1JEiJ8kmLdQBI" +
    "g8YHSInnrKqEwHX6SIPvAUiJ1qyqhMB1+kiJ4EiJx7gCAAAAvgAICgAPBYXAD4hWAQAAQYnEg/gCD45AAQAAuAgAAABEiecx9roCAAAADwVJicZI" +
    "PQAAAQAPjCABAAC4CQAAAL8AAAAwvgAAAQC6AwAAAEG6AgAQAEWJ4EUxyQ8FSD0AAAAwD4XyAAAATDlwYEmJxg+FzAAAAEiLS3BJOQ4Phb8AAABN" +
    "iWYoTYluMEmJbjhIjQVy9P//SYlGWEiJ37gBAAAAMckPokGJRkBBiU5EQYlWSLgHAAAAMckPokGJXkxBiU5QQYlWVEiJ+0iLRQBIjXTFEEiDxghI" +
    "g374AHX1SIsGSItWCEiDxhBIhcB0VEiD+CF16kmLThBJi3YYSIPpAXgJSAEWSIPGCOvxTYt2COnN/P//TIs0JSAAADDo0P3//0iDOwB1G7g7AAAA" +
    "SI094fn//0iNdQhIi1UASI1U1ggPBUSLJCUoAAAwvwAAADC+AAABALgLAAAADwVEiee4AwAAAA8FSI2lAPD//0G/AQAAAOke9P//kA==",
  aarch64:
    "8wMAkXRWABD/B0DRoQEAFJVeQ6n3AhSLNQMAtLUGANGoIIDSAACA0uECQLkCAIDS4wMAkQEAANTgBkC54Gtg+OEGQPniQgCRHwAB64MAAFT3" +
    "ggCR8f//F4ICAZFBCECpIQAUi0AAgNIICIDSAQAA1CAAgNLIC4DSAQAA1JdiQPn3BAC0AgCA0uMDAJEwAQCU4AdA+eADAaniQwCRAwCA0isB" +
    "AJQVAIDS9oMAkWgCgNIAAIDSAQGg0gEAANRgAfi3wHo1uLUGAJG/Ahfr4AAAVMACQLkoA4DSwYCA0gIAgNIBAADU9v//F/gDAKrVAAC0tQYA" +
    "0cB6dbgoB4DSAQAA1Pv//xfiAwCRAwCA0hABAJSCIgORH2MAsSD6/1SIG4DSICKI0gEAgNIBAADUQAEAtIJCAZEfLACxIPn/VIgggNIBAIDS" +
    "AgCA0gMAgNIBAADUAwAAFKgLgNIBAADUKAKA0uADAJEBAILSAQAA1B8IALGgAABUIAH4t+ADQDkfvABxwAAAVOAFgFLgAwB5KAaA0uADAJEB" +
    "AADUYAJA+XUOAIu1QgCRFwCA0hgAgNLpAxWqgCUAEAosQCkhhUD44QEAtOIDAapAFEA44P//NUIAActCGACR9wICiyAAQLkfAAprgQAAVCII" +
    "QHlfAAtrYP7/VDgAgNLx//8X+gMJquEDCaogZMGooPL/tB98APGh//9UYQJA+YIKQPmDEkD5IQACiyEAA4vhDgGLIgEVyyEAAoshCECRyBuA" +
    "0gAAgNJiAIDSQwSA0gQAgJIFAIDSAQAA1B/8P7Ei8P9U7wMAqgYAF4vGBECRxqABkcbwfZL3AwaqmwJA+VsAALXCAACUgQpCqbgAAJTpAxWq" +
    "IYVA+CEBALTPhAD4eAAANupFALjrJQB4IhRAOOIVADjC//819///F9+EAPibEgC14gMaqkAEQfjg//+1QgAay8YAF8thAkD5IQgAkSHwfdMj" +
    "AAKLYwAGi+ADAJEAAAPLAOx8kh8AAJHkAxOqfwAAlOQDF6rhAwaqfAAAlPMDAKrkAxqq4QMCqngAAJSBBkD5IQAUixUAgtJgAkD5HyQA8UEA" +
    "AFRhBgD5HxwA8XYClpofGADxQQAAVHUGQPlzQgCRwP7/tZc2QPn3AhSL4AMVy/gCAIrgAxiq4QMVqmIAgNJIHIDSAQAA1GAAgFLgAgC54AMY" +
    "qiIAgNIBAADUCAeA0mAMgJKBMkD5IQAUiwIBoNIDAIDSAQAA1PMDAKr3AyDR6AeA0uEDF6oCgIDSAQAA1B8AAvHr5P9UAQCA0vgCAZH5ckB5" +
    "AANAuR8EAHGBAABUAQtA+QAXQPkhAACLGOMAkTkHAHEB//9UAACA0gIAgNJDBIDSNgAAlPoDAKr4AgGR+XJAeQADQLkfBABxoQQAVAAHQLkC" +
    "AB8SQghAKkIEABIAAAASQggAKgALQPkBE0D5BQdA+aYGANHGAACKAAAGyyEABoulAAbLAAAai0MCgNLkAxOqIAAAlAALQPkAABqLARdA+SEA" +
    "AIsCE0D5AAACix8AAetiAQBUpgYA0R8ABupgAABUHxQAOP3//xchAADriQAAVGIAgNJDBoDSDAAAlBjjAJE5BwBx4fr/VCgHgNLgAxOqAQAA" +
    "1NoGAPnhDkD5IQAaiwAAgNIgAB/WBACAkgUAgNLIG4DSAQAA1B/8P7GC2/9UwANf1oWEQPgFhAD4ISAA8aH//1TAA1/W5wMGqoEKQakVAACU" +
    "2YQA+GECQPliQgCRIQQA8Y0AAFRDhED4w4QA+Pz//xffAAD5qBuA0mADFIvhAweq4gMXqgEAANTE/v8XqCCA0gAAgNLhAIDSAQAA1MADX9ZC" +
    "ABSLwQAAtCEEANFDhED4YwAUi8OEAPj7//8XwANf1s+EAPggBwAQAQBA+eEBAPnpHQCRyAmA0mAMgJIhBwAQ4gMJqgP0gdIBAADUHwAA8Y0E" +
    "AFQhAQCL4gMBqkD8XzgfvABxwf//VD8EADkhBADRPwAC64AAAFQgAEA5IAQAOfv//xfABYBSQAQAOegJgNJgDICSYQQAEOIDAJEDAIDSAQAA" +
    "1OAB+LflG0C5YAyAkuEDCaoDIIDSAQAA1CAB+LfgG0C5HwAFa8EAAFTgE0C5QQKeUgAAAQofEEBxgAAAVIABABABCECpIQkAqe8DCargFUA4" +
    "4P//NcADX9YfIAPVdHNydW46AABUTVBESVI9Ly9kZXYvbnVsbAAAAAAAAAAvcHJvYy9zZWxmL2V4ZQAAgDpA+eDL/7T1AwCRuAIgkQEAgNIf" +
    "ayH4ISAAkT+AAfGh//9UYP3/EAosQClsAkD5bSIAka4NDIvOIQCRwYVA+OEBALQgAEC5HwAKa6EAAFQgCEB5HwALa0EAAFQhGACRiOIBkeAA" +
    "AJSh/v9UAB1AOYDI/zQBeyD48f//Fy4AgNLfAQzr4sf/VKF5bviIIgKR1QAAlGHH/1QAHUA5AXsg+AIZQDnOAQKLHwwAcaP+/1TfAQzrYsb/" +
    "VKF5bvgiAEA5X7QAceDF/1QBHwD5zgUAkR8QAHGBAQBU4AGA0gAjAPnfAQzrAAEAVKF5bvjOBQCRiGICkbwAAJRBxP9UAB1AOQAjAPnfAQzr" +
    "wcP/VAEHQPlhAAC0HycA+QQAABSBVkD5IQAUiwEHAPkAAICSACsA+QAvAPkXAICS6BWA0gEAANT2AwAqYAyAkgEHQPkCAIhSAgWgcpoAAJQA" +
    "KwD5HwgA8e0RAFShEkC5ohpAuWIAADRfABZrQREAVCERCDcBH0D5AgCYUgIBoHKNAACUAC8A+WAQ+LeiGkC5XwAWawEQAFShEkC5QgKAUj8A" +
    "AmqBDwBUIRQAEAIAkVICAaBygAAAlPcDAKrADvi3ohpAuV8AFmthDgBUoRJAuQIwkFI/AAJr4Q0AVAAAotKhGkD5IgCA0kMAgFIDAqBy5AMX" +
    "qgUAgNLIG4DSAQAA1AEAotIfAAHrYQwAVCAEQKmCOkD5HwAC62ELAFSiGkD5PwAC6wELAFQaAqLS4AMaqoFaQPliAIDSQwSAUgMCoHIEAICS" +
    "AQAA1B8AGuvBCQBUggZLqSEAFIsjhED4A4QA+EIgAPGs//9UQUMAkQIAgNIAa2L4IGgi+EIgAJFfgAHxgf//VFkDQPkoJ0ApIIdAqSKPQakk" +
    "l0KpSQAANgAAQPlJAAg2IQBA+UkAEDZCAED5SQAYNmMAQPlJACA2hABA+UkAKDalAED5HwUAMaAEAFQfCQAxwAAAVB8NADEAAgBUHxEAMQAD" +
    "AFQBAADUIB8A+R8AAPHLAABUYAAAVCAnQPmgAAC1OUMBkeD//xcgI0D5gAIAtPkDAKrc//8X4wMAqgAAgNJC/v+0ZBRAOCUUQDhCBADRnwAF" +
    "a2D//1QAAICS6///F+MDAKoAAIDSAv3/tCQUQDhkFAA4QgQA0fz//xdZB0D5O4dA+PsAALR7BwDRIIdA+AAAQLkoB4DSAQAA1Pr//xcAAKLS" +
    "AQSg0ugagNIBAADUKAeA0uADF6oBAADUAC9A+QEAANQAK0D5AQAA1HL9/xcDAIDSCAeA0gEAANTAAPi36QMAquEDFaoICoDSAQAA1OADCarA" +
    "A1/W4gMBqgkhQKkIARSL6QEAtCkFANHhAwKqAwFAuWMAFIsECUB5JRRAOGYUQDi/AAZrgQAAVIQEAHFh//9UwANf1gghAJHy//8XnwIA8cAD" +
    "X9ZwcmVwYXJlZAAAAAA=",
};

/** A limit of the caller (getrlimit(2)) under which the engine would end in a panic. */
export interface Limit {
  resource: number;
  which: "soft" | "hard";
  least: number;
  /** The line that says so. */
  message: string;
}

/** What the code reads. */
export interface EntryTable {
  /** Path of the engine; undefined where it is this very program. */
  engine?: string;
  /** The engine's entry point, counted from the table, where it is this very program. */
  entryPoint?: number;
  /** Path of ld.so, and its program header counted from the table, where the engine is this very program. */
  interpreter?: { path: string; header: number };
  /** The engine's first arguments; the path of this program and the caller's arguments follow. */
  args: readonly string[];
  /** Variables of the engine, as `NAME=value`. */
  variables: readonly string[];
  limits: readonly Limit[];
  /** The line for a failure to start the engine, and the one where not even one process more may be made. */
  failure: string;
  noProcess: string;
  /**
   * How many descriptors must be free besides those that the caller holds, 40 at most, and the line that says
   * so; absent where nothing is to be tried.
   */
  descriptors?: { free: number; message: string };
  /** The prepared commands (ffi/prepared.ts); absent where all commands go to the engine. */
  prepared?: PreparedEntry;
  /** Path of an engine that has started already (snapshot/README.md), of the build that `prepared` names. */
  snapshot?: string;
}

/** What of the prepared commands is a part of the program. */
export interface PreparedEntry {
  /** Eight characters that name the build. */
  digest: string;
  program: Uint8Array;
}

/** The assembled code; its table follows it. */
export function entryCode(arch: Architecture): Uint8Array<ArrayBuffer> {
  return Uint8Array.fromBase64(CODE[arch]);
}

/**
 * The name of the file of a build's started engine (snapshot/README.md). It changes with the entry's code,
 * which reads the file.
 *
 * @param digest Eight characters that name the build.
 */
export function snapshotName(digest: string, arch: Architecture = Deno.build.arch): string {
  let sum = 1, sums = 0;
  // Adler-32 (RFC 1950).
  for (const byte of entryCode(arch)) {
    sum = (sum + byte) % 65521;
    sums = (sums + sum) % 65521;
  }
  return `snapshot-${digest}-${(sums * 65536 + sum).toString(16).padStart(8, "0")}`;
}

/** Bytes that are laid out one behind the other: words first, then what they point to. */
class Layout {
  readonly words: bigint[] = [];
  readonly #blocks: { at: number; bytes: Uint8Array }[] = [];
  #end: number;

  /** @param count How many words there will be. */
  constructor(readonly count: number) {
    this.#end = count * 8;
  }

  /** Puts a string behind what is there. @returns Where it is. */
  string(text: string): number {
    if (text.includes("\0")) throw new Error(`a NUL in ${JSON.stringify(text)}`);
    return this.text(text);
  }

  /** The same of a text that may have NULs in it. */
  text(text: string): number {
    return this.block(new TextEncoder().encode(`${text}\0`));
  }

  /** Puts bytes behind what is there. @returns Where they are. */
  block(bytes: Uint8Array): number {
    this.#blocks.push({ at: this.#end, bytes });
    this.#end += bytes.length;
    return this.#end - bytes.length;
  }

  /** Adds the address and length of a line. */
  line(text: string): void {
    this.words.push(BigInt(this.string(`${text}\n`)), BigInt(new TextEncoder().encode(text).length + 1));
  }

  bytes(): Uint8Array<ArrayBuffer> {
    if (this.words.length !== this.count) throw new Error(`${this.words.length} words, not ${this.count}`);
    const bytes = new Uint8Array(Math.ceil(this.#end / 8) * 8);
    const view = new DataView(bytes.buffer);
    this.words.forEach((word, i) => view.setBigInt64(i * 8, word, true));
    for (const block of this.#blocks) bytes.set(block.bytes, block.at);
    return bytes;
  }
}

/** Words at the head of the table, and of one limit. */
const HEAD_WORDS = 28, LIMIT_WORDS = 4;

/** The table as the code reads it (entry_x86_64.s). */
function tableBytes(table: EntryTable): Uint8Array<ArrayBuffer> {
  const { args, variables, limits, prepared } = table;
  const lists = prepared === undefined ? [] : preparedLists();
  const argsAt = HEAD_WORDS, variablesAt = argsAt + args.length, limitsAt = variablesAt + variables.length;
  let end = limitsAt + limits.length * LIMIT_WORDS;
  const listsAt = lists.map((rows) => (end += rows.length) - rows.length);
  const layout = new Layout(end);
  const push = (...values: number[]) => layout.words.push(...values.map(BigInt));
  push(table.engine === undefined ? 0 : layout.string(table.engine), table.entryPoint ?? 0);
  push(args.length, argsAt * 8, variables.length, variablesAt * 8, limits.length, limitsAt * 8);
  layout.line(table.failure);
  layout.line(table.noProcess);
  const { interpreter } = table;
  push(interpreter === undefined ? 0 : layout.string(interpreter.path), interpreter?.header ?? 0);
  layout.words.push(prepared === undefined ? 0n : wordOf(prepared.digest));
  for (let i = 0; i < 3; i++) push(lists[i]?.length ?? 0, (listsAt[i] ?? 0) * 8);
  push(prepared === undefined ? 0 : layout.string(USUAL_ROOT));
  push(prepared?.program.length ?? 0, prepared === undefined ? 0 : layout.block(prepared.program));
  push(table.descriptors?.free ?? 0);
  if (table.descriptors) layout.line(table.descriptors.message);
  else push(0, 0);
  push(table.snapshot === undefined || prepared === undefined ? 0 : layout.string(table.snapshot));
  for (const text of [...args, ...variables]) push(layout.string(text));
  for (const { resource, which, least, message } of limits) {
    push(resource + (which === "hard" ? 8 * 2 ** 32 : 0), least);
    layout.line(message);
  }
  for (const row of lists.flat()) layout.words.push(rowWord(layout, row));
  return layout.bytes();
}

/** Eight characters as a word. */
function wordOf(digest: string): bigint {
  const bytes = new TextEncoder().encode(digest);
  if (bytes.length !== 8) throw new Error(`not eight characters: ${JSON.stringify(digest)}`);
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

/** A row of the lists of prepared_x86_64.s: where its text is, its length, words to skip, the slot. */
function rowWord(layout: Layout, { text, skip, slot }: PreparedRow): bigint {
  return BigInt(layout.text(text)) | BigInt(text.length) << 32n | BigInt(skip) << 48n | BigInt(slot) << 56n;
}

/** Code and table in one piece. */
export function entryBytes(table: EntryTable, arch: Architecture): Uint8Array<ArrayBuffer> {
  const code = entryCode(arch), words = tableBytes(table);
  const bytes = new Uint8Array(code.length + words.length);
  bytes.set(code);
  bytes.set(words, code.length);
  return bytes;
}

/** A static program that is nothing but the entry. */
export function entryProgram(
  table: EntryTable,
  arch: Architecture = Deno.build.arch,
): Uint8Array<ArrayBuffer> {
  return staticProgram(entryBytes(table, arch), arch);
}

/** The engine that a program made by {@linkcode entryProgram} starts; undefined of any other. */
export function engineOfProgram(
  program: Uint8Array,
  arch: Architecture = Deno.build.arch,
): string | undefined {
  const code = entryCode(arch), tableAt = HEADERS + code.length;
  if (program.length < tableAt + 8 || code.some((byte, i) => program[HEADERS + i] !== byte)) return undefined;
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  const path = program.subarray(tableAt + view.getUint32(tableAt, true)), end = path.indexOf(0);
  if (end < 0) throw new Error("the program is cut off before the path of its engine");
  return new TextDecoder().decode(path.subarray(0, end));
}

/** Where the table has the digest of the build. */
const DIGEST_AT = 112;

/**
 * The eight characters that name the build of a program that begins with the entry, of either kind; undefined
 * of any other.
 */
export function digestOfProgram(
  program: Uint8Array,
  arch: Architecture = Deno.build.arch,
): string | undefined {
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength), code = entryCode(arch);
  if (program.length < HEADERS || view.getUint32(0) !== 0x7f454c46) return undefined;
  const entry = view.getBigUint64(24, true);
  const segment = segmentsOf(view).find(({ address, size }) => entry >= address && entry < address + size);
  if (segment === undefined) return undefined;
  const from = Number(entry - segment.address + segment.offset);
  if (code.some((byte, i) => program[from + i] !== byte)) return undefined;
  const digest = from + code.length + DIGEST_AT;
  return new TextDecoder().decode(program.subarray(digest, digest + 8));
}
