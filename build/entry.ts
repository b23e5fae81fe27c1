/**
 * The entry of tsrun: a small piece of machine code that runs before the engine (entry_x86_64.s says what it
 * does), and the two ways to put it there: as a program of its own in front of a bundle, and into a program
 * that `deno compile` made.
 *
 * The bytes are entry_x86_64.s and entry_aarch64.s, assembled; entry_test.ts assembles them again.
 * @module
 */
import { HEADERS, staticProgram } from "../init/image.ts";

/** Architectures that there is code for. */
export type Architecture = "x86_64" | "aarch64";

const CODE: Readonly<Record<Architecture, string>> = {
  x86_64:
    "SInlSI0dNgUAAEiB7AAQAABMi2MwTItrOEkB3UmD7AF4ULguAQAAMf9Bi3UAMdJJieIPBUGLTQRIiwQMSTtFCEmNVRByCkmDxSDr0EiN" +
    "U0BIizJIAd5Ii1IIuAEAAAC/AgAAAA8FuOcAAAC/AQAAAA8FuDgAAAC/EUEAADH2DwVIhcB0HUiNU1BIg/j1dMFIice4PQAAADH2MdJF" +
    "MdIPBesJuDwAAAAx/w8FuE8AAABIiee+ABAAAA8FSIP4/nQLSIXAeBaAPCQvdBBmxwQkLwC4UAAAAEiJ5w8FSItFAEyNZMUQRTHtRTHJ" +
    "TYnmSYs2SYPGCEiF9nQvSIn3SMfB/////zHA8q5IKfdNjWw9BosGPXRzcnV1CGaBfgRuOnTNQbkBAAAA68VMifFBVkiLAUiDwRBIhcAP" +
    "hA////9Ig/gfder/cfhIi3UASANzEEgDcyBJjbT1ACAAAEyJ8Ewp4EgBxkFRuAkAAAAx/7oDAAAAQboiAAAAScfA/////0UxyQ8FQVlI" +
    "PQDw//8Ph7v+//9IicdOjYQoaBAAAEmD4PhNicVIgzsAdQXovQIAAEyLUyBMi3MoSQHe6JMCAABNieJJizJJg8IISIX2dCRJiThJg8AI" +
    "RYXJdBDHB3RzcnVmx0cEbjpIg8cGrKqEwHX669BJxwAAAAAASYPACEiDOwAPhfsBAABIi1QkCEiJ0EiDwBBIg3jwAHX1SCnQTSnoSItN" +
    "AEiDwQJMjRTITQHCTCnUSIPk8EiJ50iJ7vNIpUyJ7kyJwfOkSInWSInB86RIKcdIi0MISAHYSIsPSIP5CXUESIlHCEiD+Qd1BUiJfCTw" +
    "SIPHEEiFyXXfTItraEkB3UyJ70iB5wDw//++ABAAALoDAAAAuAoAAAAPBUHHRQADAAAAugEAAAC4CgAAAA8FuAIAAABIi3tgSAHfvgAA" +
    "CAAPBYnFiccxwEyNtCQA+P//TIn2ugAEAAAPBUg9gAAAAA+MZv3//zH2RQ+3fjhNjWZAQYM8JAF1CkmLdCQQSQN0JChJg8Q4QYPvAXXl" +
    "Mf8x0kG6IgAAAOjIAAAASYnFRQ+3fjhNjWZAQYM8JAEPhYYAAABBi0QkBInCg+ICicHB6QIJyoPgAcHgAgnCSYt8JBBJi3QkIE2LTCQI" +
    "ifgl/w8AAEgpx0gBxkkpwUwB70G6EgAAAEGJ6OhyAAAASYt8JBBMAe9Iif5JA3wkIEkDdCQoSDn3cyOJ+ffZgeH/DwAAMcDzqkgp/nYQ" +
    "ugMAAABBujIAAADoKwAAAEmDxDhBg+8BD4Vh////uAMAAACJ7w8FSItEJPBMiWgISYtGGEwB6DHS/+BJx8D/////RTHJuAkAAAAPBUg9" +
    "APD//w+HTPz//8NMicZMi1MQTItzGEkB3ug9AAAAQY8ASItNAEyNdRBJg8AISIPpAX4MSYsGSYPGCEmJAOvqSccAAAAAALg7AAAASIs7" +
    "SAHfTInqDwXp+/v//0mD6gF4E0mLBkgB2EmJAEmDxghJg8AI6+fDSYk4SYPACEi4VE1QRElSPS9IiQdMjXcHuFkAAABIjT2bAAAATIn2" +
    "uqAPAAAPBUiFwH5pSY00BkiJ8UiD6QGAOS9198ZGAQBIg+4BSDnOdAeKBohGAevwxkEBLrgEAAAASI09WAAAAEiNdCQYDwVIhcB4KYtU" +
    "JDS4BgAAAEyJ9w8FSIXAeBY7VCQ0dRCLRCQwJRLwAAA9AEAAAHQUSLgvZGV2L251bEmJBmZBx0YIbABMifdIx8H/////McDyrsMvcHJv" +
    "Yy9zZWxmL2V4ZQAPH4AAAAAA",
  aarch64:
    "8wMAkbQuABD/B0DRlV5DqfcCFIs1AwC0tQYA0agggNIAAIDS4QJAuQIAgNLjAwCRAQAA1OAGQLnga2D44QZA+eJCAJEfAAHrgwAAVPeC" +
    "AJHx//8XggIBkUEIQKkhABSLQACA0ggIgNIBAADUIACA0sgLgNIBAADUiBuA0iAiiNIBAIDSAQAA1EABALSCQgGRHywAsSD+/1SIIIDS" +
    "AQCA0gIAgNIDAIDSAQAA1AMAABSoC4DSAQAA1CgCgNLgAwCRAQCC0gEAANQfCACxoAAAVCAB+LfgA0A5H7wAccAAAFTgBYBS4AMAeSgG" +
    "gNLgAwCRAQAA1GACQPl1DgCLtUIAkRcAgNIYAIDS6QMVquAkABAKLEApIYVA+OEBALTiAwGqQBRAOOD//zVCAAHLQhgAkfcCAosgAEC5" +
    "HwAKa4EAAFQiCEB5XwALa2D+/1Q4AIDS8f//F/oDCarhAwmqIGTBqKD3/7QffADxof//VGECQPmCCkD5gxJA+SEAAoshAAOL4Q4BiyIB" +
    "FcshAAKLIQhAkcgbgNIAAIDSYgCA0kMEgNIEAICSBQCA0gEAANQf/D+xIvX/VO8DAKoGABeLxgRAkcagAZHG8H2S9wMGqpsCQPlbAAC1" +
    "vQAAlIEKQqmzAACU6QMVqiGFQPghAQC0z4QA+HgAADbqRQC46yUAeCIUQDjiFQA4wv//Nff//xffhAD4mxIAteIDGqpABEH44P//tUIA" +
    "GsvGABfLYQJA+SEIAJEh8H3TIwACi2MABovgAwCRAAADywDsfJIfAACR5AMTqn8AAJTkAxeq4QMGqnwAAJTzAwCq5AMaquEDAqp4AACU" +
    "gQZA+SEAFIsVAILSYAJA+R8kAPFBAABUYQYA+R8cAPF2ApaaHxgA8UEAAFR1BkD5c0IAkcD+/7WXNkD59wIUi+ADFcv4AgCK4AMYquED" +
    "FapiAIDSSByA0gEAANRgAIBS4AIAueADGKoiAIDSAQAA1AgHgNJgDICSgTJA+SEAFIsCAaDSAwCA0gEAANTzAwCq9wMg0egHgNLhAxeq" +
    "AoCA0gEAANQfAALx6+n/VAEAgNL4AgGR+XJAeQADQLkfBABxgQAAVAELQPkAF0D5IQAAixjjAJE5BwBxAf//VAAAgNICAIDSQwSA0jYA" +
    "AJT6AwCq+AIBkflyQHkAA0C5HwQAcaEEAFQAB0C5AgAfEkIIQCpCBAASAAAAEkIIACoAC0D5ARNA+QUHQPmmBgDRxgAAigAABsshAAaL" +
    "pQAGywAAGotDAoDS5AMTqiAAAJQAC0D5AAAaiwEXQPkhAACLAhNA+QAAAosfAAHrYgEAVKYGANEfAAbqYAAAVB8UADj9//8XIQAA64kA" +
    "AFRiAIDSQwaA0gwAAJQY4wCROQcAceH6/1QoB4DS4AMTqgEAANTaBgD54Q5A+SEAGosAAIDSIAAf1gQAgJIFAIDSyBuA0gEAANQf/D+x" +
    "guD/VMADX9aFhED4BYQA+CEgAPGh//9UwANf1ucDBqqBCkGpEAAAlNmEAPhhAkD5YkIAkSEEAPGNAABUQ4RA+MOEAPj8//8X3wAA+agb" +
    "gNJgAxSL4QMHquIDF6oBAADU7P7/F0IAFIvBAAC0IQQA0UOEQPhjABSLw4QA+Pv//xfAA1/Wz4QA+CAHABABAED54QEA+ekdAJHICYDS" +
    "YAyAkiEHABDiAwmqA/SB0gEAANQfAADxjQQAVCEBAIviAwGqQPxfOB+8AHHB//9UPwQAOSEEANE/AALrgAAAVCAAQDkgBAA5+///F8AF" +
    "gFJABAA56AmA0mAMgJJhBAAQ4gMAkQMAgNIBAADU4AH4t+UbQLlgDICS4QMJqgMggNIBAADUIAH4t+AbQLkfAAVrwQAAVOATQLlBAp5S" +
    "AAABCh8QQHGAAABUgAEAEAEIQKkhCQCp7wMJquAVQDjg//81wANf1h8gA9V0c3J1bjoAAFRNUERJUj0vL2Rldi9udWxsAAAAAAAAAC9w" +
    "cm9jL3NlbGYvZXhlAAA=",
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
    const bytes = new TextEncoder().encode(`${text}\0`);
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
const HEAD_WORDS = 14, LIMIT_WORDS = 4;

/** The table as the code reads it (entry_x86_64.s). */
function tableBytes(table: EntryTable): Uint8Array<ArrayBuffer> {
  const { args, variables, limits } = table;
  const argsAt = HEAD_WORDS, variablesAt = argsAt + args.length, limitsAt = variablesAt + variables.length;
  const layout = new Layout(limitsAt + limits.length * LIMIT_WORDS);
  const push = (...values: number[]) => layout.words.push(...values.map(BigInt));
  push(table.engine === undefined ? 0 : layout.string(table.engine), table.entryPoint ?? 0);
  push(args.length, argsAt * 8, variables.length, variablesAt * 8, limits.length, limitsAt * 8);
  layout.line(table.failure);
  layout.line(table.noProcess);
  const { interpreter } = table;
  push(interpreter === undefined ? 0 : layout.string(interpreter.path), interpreter?.header ?? 0);
  for (const text of [...args, ...variables]) push(layout.string(text));
  for (const { resource, which, least, message } of limits) {
    push(resource + (which === "hard" ? 8 * 2 ** 32 : 0), least);
    layout.line(message);
  }
  return layout.bytes();
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
  const path = program.subarray(tableAt + view.getUint32(tableAt, true));
  return new TextDecoder().decode(path.subarray(0, path.indexOf(0)));
}
