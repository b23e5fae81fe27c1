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
import { preparedLists, type PreparedRow, USUAL_ROOT } from "./prepared_lines.ts";

/** Architectures that there is code for. */
export type Architecture = "x86_64" | "aarch64";

const CODE: Readonly<Record<Architecture, string>> = {
  x86_64:
    "SInlSI0d1gsAAEiB7AAQAADpAAYAAEUx/0iDu9gAAAAAD4U/AQAATItjMEyLazhJAd1Jg+wBeFC4LgEAADH/QYt1ADHSSYniDwVBi00ESIsEDEk7" +
    "RQhJjVUQcgpJg8Ug69BIjVNASIsySAHeSItSCLgBAAAAvwIAAAAPBbjnAAAAvwEAAAAPBUyLq8AAAABNhe0PhJEAAAAx0kmJ4uh9BAAASItEJAhI" +
    "iUQkEEiJRCQYSI1UJBBFMdLoYQQAAEUx5LgiAQAAMf++AAAIAA8FSIXAeCJCiUSkIEmDxAFNOex0FLhIAAAAi3wkIL4GBAAAMdIPBevZSYnGSYPs" +
    "AXgOuAMAAABCi3ykIA8F6+xIieJFMdLoBwQAAEiNk8gAAABJg/7oD4Q9////uDgAAAC/EUEAADH2DwVIhcB0IUiNU1BIg/j1D4Qc////SInHuD0A" +
    "AAAx9jHSRTHSDwXrCbg8AAAAMf8PBbhPAAAASInnvgAQAAAPBUiD+P50C0iFwHgWgDwkL3QQZscEJC8AuFAAAABIiecPBUiLRQBMjWTFEEUx7UUx" +
    "yU2J5kmLNkmDxghIhfZ0L0iJ90jHwf////8xwPKuSCn3TY1sPQaLBj10c3J1dQhmgX4Ebjp0zUG5AQAAAOvFTInxQVZIiwFIg8EQSIXAD4Rq/v//" +
    "SIP4H3Xq/3H4SIt1AEgDcxBIA3MgSY209QAgAABMifBMKeBIAcZBUbgJAAAAMf+6AwAAAEG6IgAAAEnHwP////9FMckPBUFZSD0A8P//D4cW/v//" +
    "SInHTo2EKGgQAABJg+D4TYnFSIM7AHUF6N8CAABMi1MgTItzKEkB3ui1AgAATYniSYsySYPCCEiF9nQkSYk4SYPACEWFyXQQxwd0c3J1ZsdHBG46" +
    "SIPHBqyqhMB1+uvQSccAAAAAAEmDwAhIgzsAD4X7AQAASItUJAhIidBIg8AQSIN48AB19Ugp0E0p6EiLTQBIg8ECTI0UyE0Bwkwp1EiD5PBIiedI" +
    "ie7zSKVMie5MicHzpEiJ1kiJwfOkSCnHSItDCEgB2EiLD0iD+Ql1BEiJRwhIg/kHdQVIiXwk8EiDxxBIhcl130yLa2hJAd1Mie9IgecA8P//vgAQ" +
    "AAC6AwAAALgKAAAADwVBx0UAAwAAALoBAAAAuAoAAAAPBbgCAAAASIt7YEgB374AAAgADwWJxYnHMcBMjbQkAPj//0yJ9roABAAADwVIPYAAAAAP" +
    "jMH8//8x9kUPt344TY1mQEGDPCQBdQpJi3QkEEkDdCQoSYPEOEGD7wF15TH/MdJBuiIAAADoyAAAAEmJxUUPt344TY1mQEGDPCQBD4WGAAAAQYtE" +
    "JASJwoPiAonBwekCCcqD4AHB4AIJwkmLfCQQSYt0JCBNi0wkCIn4Jf8PAABIKcdIAcZJKcFMAe9BuhIAAABBiejocgAAAEmLfCQQTAHvSIn+SQN8" +
    "JCBJA3QkKEg593Mjifn32YHh/w8AADHA86pIKf52ELoDAAAAQboyAAAA6CsAAABJg8Q4QYPvAQ+FYf///7gDAAAAie8PBUiLRCTwTIloCEmLRhhM" +
    "Aegx0v/gScfA/////0UxybgJAAAADwVIPQDw//8Ph6f7///DSIO72AAAAAB0CUWF/w+EfgUAAEyJxkyLUxBMi3MYSQHe6EwAAABBjwBIi00ATI11" +
    "EEmDwAhIg+kBfgxJiwZJg8YISYkA6+pJxwAAAAAAuDsAAABIiztIAd9MieoPBelD+///uC4BAAAx/74HAAAADwXDSYPqAXgTSYsGSAHYSYkASYPG" +
    "CEmDwAjr58NJiThJg8AISLhUTVBESVI9L0iJB0yNdwe4WQAAAEiNPZsAAABMifa6oA8AAA8FSIXAfmlJjTQGSInxSIPpAYA5L3X3xkYBAEiD7gFI" +
    "Oc50B4oGiEYB6/DGQQEuuAQAAABIjT1YAAAASI10JBgPBUiFwHgpi1QkNLgGAAAATIn3DwVIhcB4FjtUJDR1EItEJDAlEvAAAD0AQAAAdBRIuC9k" +
    "ZXYvbnVsSYkGZkHHRghsAEyJ90jHwf////8xwPKuwy9wcm9jL3NlbGYvZXhlAEiDe3AAD4T1+f//SYnlSY29AAgAALkMAAAAMcDzSKtIi0UATI1k" +
    "xRBJizQkSYPECEiF9nQ2gT50c3J1dQxmgX4Ebjp1BEiDxgZMjUN46LADAAB11EEPtkAHhcAPhJ/5//9JibTFAAgAAOu9QbwBAAAATDtlAA+Dhfn/" +
    "/0qLdOUITI2DiAAAAOh2AwAAD4Vu+f//QQ+2QAdJibTFAAgAAEEPtkgGSQHMg/gDcsVMO2UAD4NK+f//Sot05QiAPi0PhDz5//9JibU4CAAASYPE" +
    "AYP4BHU4SceFQAgAAA8AAABMO2UAdCdKi3TlCEmDxAFMjYOYAAAA6AgDAAAPhQD5//9BD7ZAB0mJhUAIAABMO2UAD4Xq+P//SYO9CAgAAAB0DUnH" +
    "hUgIAAAAAAAA6xFIi4OoAAAASAHYSYmFCAgAAEnHhVAIAAD/////SceFWAgAAP////9Jx8T/////uGsAAAAPBUGJxr+c////SYu1CAgAALoAACkA" +
    "6GkCAABJiYVQCAAAg/gCD44uAgAAQYtFHIXAdAlEOfAPhR0CAABB9kUYAg+FEgIAAEGLvVAIAABJi7U4CAAAugAACwDoJQIAAEmJhVgIAACFwA+I" +
    "6wEAAEU5dRwPheEBAABB9kUYEg+F1gEAAInHSI01QgIAALoACAoA6O4BAABJicSFwA+IuAEAAEU5dRwPha4BAABBgX0YgIEAAA+FoAEAAL8AAAAQ" +
    "SYt1MLoBAAAAQboCABAARYngRTHJuAkAAAAPBUg9AAAAEA+FcwEAAEiLS3BIOQgPhVUBAABJi00wSDlICA+FRwEAAL8AABAQSIuzsAAAALoDAAAA" +
    "QboiABAAScfA/////7gJAAAADwVIPQAAEBAPhRYBAABIicdIi7O4AAAASAHeSIuLsAAAAPOkSI14EEmNtQAIAAC5DAAAAPNIpUyLMEGLTgRJi34I" +
    "SYt2EEmLVhhNi1YgTYtGKE2LTjD2wQF0A0iLP/bBAnQDSIs29sEEdANIixL2wQh0A02LEvbBEHQDTYsA9sEgdANNiwlJYwaD+P90ZoP4/nQug/j9" +
    "dA6D+Px0G4P4+3RQDwXrHkiJ0THA86Z0FUjHwP/////rDEiJ0THA86TrA0iJ+EmJRjhIhcB4FHQJSYtGSEiFwHUSSYPGUOlZ////SYtGQEiFwHQK" +
    "SYnG6Uj/////5kmB/gAAADAPg+kBAABMizQlCAAQEE2LPkmD7wF4EkmDxghJiwaLOLgDAAAADwXr6L8AAAAQvgAAIAC4CwAAAA8FRInnuAMAAAAP" +
    "BUGLvVgIAAC4AwAAAA8FQYu9UAgAALgDAAAADwXpHPb//0Ux0rgBAQAADwVIhcB4DlCJx0yJ7rgFAAAADwVYw0iJ8k2LCE2LQAhJAdhJg+kBeBhI" +
    "idZBizhIAd9BD7dIBPOmdAZJg8AI6+LDcHJlcGFyZWQAQb8BAAAATInpSIsxSIPBCEiF9nQ0SLh0c3J1bjpUU0g5BnXlSLhSVU5fU05BUEg5Rgh1" +
    "1Ui4U0hPVD1ubwBIOUYQdcXpNAEAALgCAAAASIu72AAAAEgB374AAAoADwWFwA+IFgEAAEGJxIP4Ag+OAAEAALgJAAAAvwAAADC+AAABALoDAAAA" +
    "QboCABAARYngRTHJDwVIPQAAADAPhdIAAABJicZIi0twSTkOD4WpAAAATYlmKE2JbjBJiW44SInfuAEAAAAxyQ+iQYlGQEGJTkRBiVZIuAcAAAAx" +
    "yQ+iQYleTEGJTlBBiVZUSIn7SItFAEiNdMUQSIPGCEiDfvgAdfVIiwZIi1YISIPGEEiFwHRJSIP4IXXqSYtOEEmLdhhIg+kBeAlIARZIg8YI6/FN" +
    "i3YI6VD9//9MizQlIAAAME2LJkmD7AF4EkmDxghJiwaLOLgDAAAADwXr6ESLJCUoAAAwvwAAADC+AAABALgLAAAADwVEiee4AwAAAA8FSI2lAPD/" +
    "/0G/AQAAAOlL9P//Dx9AAA==",
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
