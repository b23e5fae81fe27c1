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
    "SInlSI0dXgkAAEiB7AAQAADpKAUAAEyLYzBMi2s4SQHdSYPsAXhQuC4BAAAx/0GLdQAx0kmJ4g8FQYtNBEiLBAxJO0UISY1VEHIKSYPF" +
    "IOvQSI1TQEiLMkgB3kiLUgi4AQAAAL8CAAAADwW45wAAAL8BAAAADwW4OAAAAL8RQQAAMfYPBUiFwHQdSI1TUEiD+PV0wUiJx7g9AAAA" +
    "MfYx0kUx0g8F6wm4PAAAADH/DwW4TwAAAEiJ574AEAAADwVIg/j+dAtIhcB4FoA8JC90EGbHBCQvALhQAAAASInnDwVIi0UATI1kxRBF" +
    "Me1FMclNieZJizZJg8YISIX2dC9IifdIx8H/////McDyrkgp902NbD0GiwY9dHNydXUIZoF+BG46dM1BuQEAAADrxUyJ8UFWSIsBSIPB" +
    "EEiFwA+ED////0iD+B916v9x+EiLdQBIA3MQSANzIEmNtPUAIAAATInwTCngSAHGQVG4CQAAADH/ugMAAABBuiIAAABJx8D/////RTHJ" +
    "DwVBWUg9APD//w+Hu/7//0iJx06NhChoEAAASYPg+E2JxUiDOwB1Bei9AgAATItTIEyLcyhJAd7okwIAAE2J4kmLMkmDwghIhfZ0JEmJ" +
    "OEmDwAhFhcl0EMcHdHNydWbHRwRuOkiDxwasqoTAdfrr0EnHAAAAAABJg8AISIM7AA+F+wEAAEiLVCQISInQSIPAEEiDePAAdfVIKdBN" +
    "KehIi00ASIPBAkyNFMhNAcJMKdRIg+TwSInnSInu80ilTInuTInB86RIidZIicHzpEgpx0iLQwhIAdhIiw9Ig/kJdQRIiUcISIP5B3UF" +
    "SIl8JPBIg8cQSIXJdd9Mi2toSQHdTInvSIHnAPD//74AEAAAugMAAAC4CgAAAA8FQcdFAAMAAAC6AQAAALgKAAAADwW4AgAAAEiLe2BI" +
    "Ad++AAAIAA8FicWJxzHATI20JAD4//9Mifa6AAQAAA8FSD2AAAAAD4xm/f//MfZFD7d+OE2NZkBBgzwkAXUKSYt0JBBJA3QkKEmDxDhB" +
    "g+8BdeUx/zHSQboiAAAA6MgAAABJicVFD7d+OE2NZkBBgzwkAQ+FhgAAAEGLRCQEicKD4gKJwcHpAgnKg+ABweACCcJJi3wkEEmLdCQg" +
    "TYtMJAiJ+CX/DwAASCnHSAHGSSnBTAHvQboSAAAAQYno6HIAAABJi3wkEEwB70iJ/kkDfCQgSQN0JChIOfdzI4n599mB4f8PAAAxwPOq" +
    "SCn+dhC6AwAAAEG6MgAAAOgrAAAASYPEOEGD7wEPhWH///+4AwAAAInvDwVIi0Qk8EyJaAhJi0YYTAHoMdL/4EnHwP////9FMcm4CQAA" +
    "AA8FSD0A8P//D4dM/P//w0yJxkyLUxBMi3MYSQHe6D0AAABBjwBIi00ATI11EEmDwAhIg+kBfgxJiwZJg8YISYkA6+pJxwAAAAAAuDsA" +
    "AABIiztIAd9MieoPBen7+///SYPqAXgTSYsGSAHYSYkASYPGCEmDwAjr58NJiThJg8AISLhUTVBESVI9L0iJB0yNdwe4WQAAAEiNPZsA" +
    "AABMifa6oA8AAA8FSIXAfmlJjTQGSInxSIPpAYA5L3X3xkYBAEiD7gFIOc50B4oGiEYB6/DGQQEuuAQAAABIjT1YAAAASI10JBgPBUiF" +
    "wHgpi1QkNLgGAAAATIn3DwVIhcB4FjtUJDR1EItEJDAlEvAAAD0AQAAAdBRIuC9kZXYvbnVsSYkGZkHHRghsAEyJ90jHwf////8xwPKu" +
    "wy9wcm9jL3NlbGYvZXhlAEiDe3AAD4TN+v//SYnlSY29AAgAALkMAAAAMcDzSKtIi0UATI1kxRBJizQkSYPECEiF9nQ2gT50c3J1dQxm" +
    "gX4Ebjp1BEiDxgZMjUN46JwDAAB11EEPtkAHhcAPhHf6//9JibTFAAgAAOu9QbwBAAAATDtlAA+DXfr//0qLdOUITI2DiAAAAOhiAwAA" +
    "D4VG+v//QQ+2QAdJibTFAAgAAEEPtkgGSQHMg/gDcsVMO2UAD4Mi+v//Sot05QiAPi0PhBT6//9JibU4CAAASYPEAYP4BHU4SceFQAgA" +
    "AA8AAABMO2UAdCdKi3TlCEmDxAFMjYOYAAAA6PQCAAAPhdj5//9BD7ZAB0mJhUAIAABMO2UAD4XC+f//SYO9CAgAAAB0DUnHhUgIAAAA" +
    "AAAA6xFIi4OoAAAASAHYSYmFCAgAAEnHhVAIAAD/////SceFWAgAAP////9Jx8T/////uGsAAAAPBUGJxr+c////SYu1CAgAALoAACkA" +
    "6FUCAABJiYVQCAAAg/gCD44aAgAAQYtFHIXAdAlEOfAPhQkCAABB9kUYAg+F/gEAAEGLvVAIAABJi7U4CAAAugAACwDoEQIAAEmJhVgI" +
    "AACFwA+I1wEAAEU5dRwPhc0BAABB9kUYEg+FwgEAAInHSI01LgIAALoACAoA6NoBAABJicSFwA+IpAEAAEU5dRwPhZoBAABBgX0YgIEA" +
    "AA+FjAEAAL8AAAAQSYt1MLoBAAAAQboCABAARYngRTHJuAkAAAAPBUg9AAAAEA+FXwEAAEiLS3BIOQgPhUEBAABJi00wSDlICA+FMwEA" +
    "AL8AABAQSIuzsAAAALoDAAAAQboiABAAScfA/////7gJAAAADwVIPQAAEBAPhQIBAABIicdIi7O4AAAASAHeSIuLsAAAAPOkSI14EEmN" +
    "tQAIAAC5DAAAAPNIpUyLMEGLTgRJi34ISYt2EEmLVhhNi1YgTYtGKE2LTjD2wQF0A0iLP/bBAnQDSIs29sEEdANIixL2wQh0A02LEvbB" +
    "EHQDTYsA9sEgdANNiwlJYwaD+P90X4P4/nQpg/j9dAmD+Px0Fg8F6x5IidExwPOmdBVIx8D/////6wxIidExwPOk6wNIifhJiUY4SIXA" +
    "eBR0CUmLRkhIhcB1EkmDxlDpXv///0mLRkBIhcB0CEmJxulN////TIs0JQgAEBBNiz5Jg+8BeBJJg8YISYsGizi4AwAAAA8F6+i/AAAA" +
    "EL4AACAAuAsAAAAPBUSJ57gDAAAADwVBi71YCAAAuAMAAAAPBUGLvVAIAAC4AwAAAA8F6Qj3//9FMdK4AQEAAA8FSIXAeA5QicdMie64" +
    "BQAAAA8FWMNIifJNiwhNi0AISQHYSYPpAXgYSInWQYs4SAHfQQ+3SATzpnQGSYPACOviw3ByZXBhcmVkAA8fgAAAAAA=",
  aarch64:
    "8wMAkbRQABD/B0DRcwEAFJVeQ6n3AhSLNQMAtLUGANGoIIDSAACA0uECQLkCAIDS4wMAkQEAANTgBkC54Gtg+OEGQPniQgCRHwAB64MA" +
    "AFT3ggCR8f//F4ICAZFBCECpIQAUi0AAgNIICIDSAQAA1CAAgNLIC4DSAQAA1IgbgNIgIojSAQCA0gEAANRAAQC0gkIBkR8sALEg/v9U" +
    "iCCA0gEAgNICAIDSAwCA0gEAANQDAAAUqAuA0gEAANQoAoDS4AMAkQEAgtIBAADUHwgAsaAAAFQgAfi34ANAOR+8AHHAAABU4AWAUuAD" +
    "AHkoBoDS4AMAkQEAANRgAkD5dQ4Ai7VCAJEXAIDSGACA0ukDFarAJAAQCixAKSGFQPjhAQC04gMBqkAUQDjg//81QgABy0IYAJH3AgKL" +
    "IABAuR8ACmuBAABUIghAeV8AC2tg/v9UOACA0vH//xf6Awmq4QMJqiBkwaig9/+0H3wA8aH//1RhAkD5ggpA+YMSQPkhAAKLIQADi+EO" +
    "AYsiARXLIQACiyEIQJHIG4DSAACA0mIAgNJDBIDSBACAkgUAgNIBAADUH/w/sSL1/1TvAwCqBgAXi8YEQJHGoAGRxvB9kvcDBqqbAkD5" +
    "WwAAtb0AAJSBCkKpswAAlOkDFaohhUD4IQEAtM+EAPh4AAA26kUAuOslAHgiFEA44hUAOML//zX3//8X34QA+JsSALXiAxqqQARB+OD/" +
    "/7VCABrLxgAXy2ECQPkhCACRIfB90yMAAotjAAaL4AMAkQAAA8sA7HySHwAAkeQDE6p/AACU5AMXquEDBqp8AACU8wMAquQDGqrhAwKq" +
    "eAAAlIEGQPkhABSLFQCC0mACQPkfJADxQQAAVGEGAPkfHADxdgKWmh8YAPFBAABUdQZA+XNCAJHA/v+1lzZA+fcCFIvgAxXL+AIAiuAD" +
    "GKrhAxWqYgCA0kgcgNIBAADUYACAUuACALngAxiqIgCA0gEAANQIB4DSYAyAkoEyQPkhABSLAgGg0gMAgNIBAADU8wMAqvcDINHoB4DS" +
    "4QMXqgKAgNIBAADUHwAC8evp/1QBAIDS+AIBkflyQHkAA0C5HwQAcYEAAFQBC0D5ABdA+SEAAIsY4wCROQcAcQH//1QAAIDSAgCA0kME" +
    "gNI2AACU+gMAqvgCAZH5ckB5AANAuR8EAHGhBABUAAdAuQIAHxJCCEAqQgQAEgAAABJCCAAqAAtA+QETQPkFB0D5pgYA0cYAAIoAAAbL" +
    "IQAGi6UABssAABqLQwKA0uQDE6ogAACUAAtA+QAAGosBF0D5IQAAiwITQPkAAAKLHwAB62IBAFSmBgDRHwAG6mAAAFQfFAA4/f//FyEA" +
    "AOuJAABUYgCA0kMGgNIMAACUGOMAkTkHAHHh+v9UKAeA0uADE6oBAADU2gYA+eEOQPkhABqLAACA0iAAH9YEAICSBQCA0sgbgNIBAADU" +
    "H/w/sYLg/1TAA1/WhYRA+AWEAPghIADxof//VMADX9bnAwaqgQpBqRAAAJTZhAD4YQJA+WJCAJEhBADxjQAAVEOEQPjDhAD4/P//F98A" +
    "APmoG4DSYAMUi+EDB6riAxeqAQAA1Oz+/xdCABSLwQAAtCEEANFDhED4YwAUi8OEAPj7//8XwANf1s+EAPgABwAQAQBA+eEBAPnpHQCR" +
    "yAmA0mAMgJIBBwAQ4gMJqgP0gdIBAADUHwAA8Y0EAFQhAQCL4gMBqkD8XzgfvABxwf//VD8EADkhBADRPwAC64AAAFQgAEA5IAQAOfv/" +
    "/xfABYBSQAQAOegJgNJgDICSQQQAEOIDAJEDAIDSAQAA1OAB+LflG0C5YAyAkuEDCaoDIIDSAQAA1CAB+LfgG0C5HwAFa8EAAFTgE0C5" +
    "QQKeUgAAAQofEEBxgAAAVGABABABCECpIQkAqe8DCargFUA44P//NcADX9Z0c3J1bjoAAFRNUERJUj0vL2Rldi9udWxsAAAAAAAAAC9w" +
    "cm9jL3NlbGYvZXhlAACAOkD5oNH/tPUDAJG4AiCRAQCA0h9rIfghIACRP4AB8aH//1Rg/f8QCixAKWwCQPltIgCRrg0Mi84hAJHBhUD4" +
    "4QEAtCAAQLkfAAproQAAVCAIQHkfAAtrQQAAVCEYAJGI4gGR4AAAlKH+/1QAHUA5QM7/NAF7IPjx//8XLgCA0t8BDOuizf9UoXlu+Igi" +
    "ApHVAACUIc3/VAAdQDkBeyD4AhlAOc4BAosfDABxo/7/VN8BDOsizP9UoXlu+CIAQDlftABxoMv/VAEfAPnOBQCRHxAAcYEBAFTgAYDS" +
    "ACMA+d8BDOsAAQBUoXlu+M4FAJGIYgKRvAAAlAHK/1QAHUA5ACMA+d8BDOuByf9UAQdA+WEAALQfJwD5BAAAFIFWQPkhABSLAQcA+QAA" +
    "gJIAKwD5AC8A+RcAgJLoFYDSAQAA1PYDACpgDICSAQdA+QIAiFICBaBymgAAlAArAPkfCADx7REAVKESQLmiGkC5YgAANF8AFmtBEQBU" +
    "IREINwEfQPkCAJhSAgGgco0AAJQALwD5YBD4t6IaQLlfABZrARAAVKESQLlCAoBSPwACaoEPAFQhFAAQAgCRUgIBoHKAAACU9wMAqsAO" +
    "+LeiGkC5XwAWa2EOAFShEkC5AjCQUj8AAmvhDQBUAACi0qEaQPkiAIDSQwCAUgMCoHLkAxeqBQCA0sgbgNIBAADUAQCi0h8AAethDABU" +
    "IARAqYI6QPkfAALrYQsAVKIaQPk/AALrAQsAVBoCotLgAxqqgVpA+WIAgNJDBIBSAwKgcgQAgJIBAADUHwAa68EJAFSCBkupIQAUiyOE" +
    "QPgDhAD4QiAA8az//1RBQwCRAgCA0gBrYvggaCL4QiAAkV+AAfGB//9UWQNA+SgnQCkgh0CpIo9BqSSXQqlJAAA2AABA+UkACDYhAED5" +
    "SQAQNkIAQPlJABg2YwBA+UkAIDaEAED5SQAoNqUAQPkfBQAxoAQAVB8JADHAAABUHw0AMQACAFQfEQAxAAMAVAEAANQgHwD5HwAA8csA" +
    "AFRgAABUICdA+aAAALU5QwGR4P//FyAjQPmAAgC0+QMAqtz//xfjAwCqAACA0kL+/7RkFEA4JRRAOEIEANGfAAVrYP//VAAAgJLr//8X" +
    "4wMAqgAAgNIC/f+0JBRAOGQUADhCBADR/P//F1kHQPk7h0D4+wAAtHsHANEgh0D4AABAuSgHgNIBAADU+v//FwAAotIBBKDS6BqA0gEA" +
    "ANQoB4DS4AMXqgEAANQAL0D5AQAA1AArQPkBAADUoP3/FwMAgNIIB4DSAQAA1MAA+LfpAwCq4QMVqggKgNIBAADU4AMJqsADX9biAwGq" +
    "CSFAqQgBFIvpAQC0KQUA0eEDAqoDAUC5YwAUiwQJQHklFEA4ZhRAOL8ABmuBAABUhAQAcWH//1TAA1/WCCEAkfL//xefAgDxwANf1nBy" +
    "ZXBhcmVkAAAAAA==",
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
  /** The prepared commands (ffi/prepared.ts); absent where all commands go to the engine. */
  prepared?: PreparedEntry;
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
const HEAD_WORDS = 24, LIMIT_WORDS = 4;

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
  const path = program.subarray(tableAt + view.getUint32(tableAt, true));
  return new TextDecoder().decode(path.subarray(0, path.indexOf(0)));
}
