/**
 * The entry of tsrun: a small piece of machine code that runs before the engine (entry_x86_64.s says what it does), and the
 * two ways to put it there: as a program of its own in front of a bundle, and into a program that `deno compile` made.
 *
 * The bytes are entry_x86_64.s and entry_aarch64.s, assembled; entry_test.ts assembles them again.
 * @module
 */
import { HEADERS, staticProgram } from "../init/image.ts";

/** Architectures that there is code for. */
export type Architecture = "x86_64" | "aarch64";

const CODE: Readonly<Record<Architecture, string>> = {
  x86_64:
    "SInlSYnXSI0dswIAAEiB7AAQAABMi2MwTItrOEkB3UmD7AF4ULguAQAAMf9Bi3UAMdJJieIPBUGLTQRIiwQMSTtFCEmNVRByCkmDxSDr" +
    "0EiNU0BIizJIAd5Ii1IIuAEAAAC/AgAAAA8FuOcAAAC/AQAAAA8FuDgAAAC/EUEAADH2DwVIhcB0HUiNU1BIg/j1dMFIice4PQAAADH2" +
    "MdJFMdIPBesJuDwAAAAx/w8FuE8AAABIiee+ABAAAA8FSIP4/nQLSIXAeBaAPCQvdBBmxwQkLwC4UAAAAEiJ5w8FSItFAEyNZMUQRTHt" +
    "RTHJTYnmSYs2SYPGCEiF9nRLSIn3SMfB/////zHA8q5IKfdNjWw9BosGPXRzcnV1CGaBfgRuOnTNQYPJAT1HTElCdBM9TUFMTHQMJf//" +
    "/wA9TERfAHWvQYPJAuupTInxSIsBSIPBEEiFwA+E9f7//0iD+B916kiLSfhRSIsDSIXAdQlFhckPhMYAAABIi3UASANzEEgDcyBJjXT1" +
    "IEyJ8Ewp4EgBxkFRuAkAAAAx/7oDAAAAQboiAAAAScfA/////0UxyQ8FQVlIPQDw//8Ph5H+//9IicdOjUQoB0mD4PhIgzsAdQNNieBN" +
    "icVMi1MgTItzKEkB3ui5AAAATYniSYsySYPCCEiF9nQfSYk4SYPACMcHdHNydWbHRwRuOkiDxwasqoTAdfrr1UnHAAAAAABIgzsAdSpB" +
    "98ECAAAAdBK4OwAAAEiLPCRIjXUITIniDwVIi0MISAHYSInsTIn6/+BJg8AITInGTItTEEyLcxhJAd7oPQAAAEGPAEiLTQBMjXUQSYPA" +
    "CEiD6QF+DEmLBkmDxghJiQDr6knHAAAAAAC4OwAAAEiLO0gB30yJ6g8F6bD9//9Jg+oBeBNJiwZIAdhJiQBJg8YISYPACOvnww8fgAAA" +
    "AAA=",
  aarch64:
    "8wMAkfYDAKpUFwAQ/wdA0ZVeQ6n3AhSLNQMAtLUGANGoIIDSAACA0uECQLkCAIDS4wMAkQEAANTgBkC54Gtg+OEGQPniQgCRHwAB64MA" +
    "AFT3ggCR8f//F4ICAZFBCECpIQAUi0AAgNIICIDSAQAA1CAAgNLIC4DSAQAA1IgbgNIgIojSAQCA0gEAANRAAQC0gkIBkR8sALEg/v9U" +
    "iCCA0gEAgNICAIDSAwCA0gEAANQDAAAUqAuA0gEAANQoAoDS4AMAkQEAgtIBAADUHwgAsaAAAFQgAfi34ANAOR+8AHHAAABU4AWAUuAD" +
    "AHkoBoDS4AMAkQEAANRgAkD5dQ4Ai7VCAJEXAIDSGACA0ukDFapADgAQCixAKQw0QSkOEEC5IYVA+MECALTiAwGqQBRAOOD//zVCAAHL" +
    "QhgAkfcCAosgAEC5HwAKa4EAAFQiCEB5XwALa2D+/1QYA0CyHwAMawQQTXqAAABUAFwAEh8ADmuB/f9UGAN/sur//xfhAwmqIGTBqKD2" +
    "/7QffADxof//VIACQPkAABiq4AUAtGECQPmCCkD5gxJA+SEAAoshAAOL4Q4BiyIBFcshAAKLIYAAkcgbgNIAAIDSYgCA0kMEgNIEAICS" +
    "BQCA0gEAANQf/D+xwvP/VAYAF4vGHACRxvB9koECQPk/AADxxhCVmvcDBqqBCkKpLAAAlOkDFaohhUD4AQEAtMCEAPgKRAC4CyQAeCIU" +
    "QDgCFAA4wv//Nfj//xffhAD4gQJA+YEBALXYAAg2qBuA0uADGaphIgCR4gMVqgEAANSBBkD5IQAUi38CAJHgAxaqIAAf1ucDBqqBCkGp" +
    "EQAAlNmEAPhhAkD5YkIAkSEEAPGNAABUQ4RA+MOEAPj8//8X3wAA+agbgNKAAkD5AAAUi+EDB6riAxeqAQAA1Gr//xdCABSLwQAAtCEE" +
    "ANFDhED4YwAUi8OEAPj7//8XwANf1h8gA9V0c3J1bjoAAEdMSUJNQUxMTERfAB8gA9U=",
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
const HEAD_WORDS = 12, LIMIT_WORDS = 4;

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
