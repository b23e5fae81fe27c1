/**
 * System calls as text, as strace(1) shows them: `openat2(5, "proc", {flags=O_PATH|O_CLOEXEC, …})`.
 *
 * The traces and `tsrun explain` show calls by this. An environment is shown by the number of its variables
 * only, because variables hold secrets.
 * @module
 */

import { AddressOf, type Arg, isResult, Load } from "../call.ts";
import { Buffer, type Memory, type Word } from "../memory.ts";
import { printable } from "../printable.ts";
import { type SyscallName, syscallNames, syscallNumber } from "../syscalls.ts";
import { signalName } from "../../spec/signals.ts";
import { FLAGS, type Flags, nameOfNumber, type Names, namesOfFlags, NUMBERS } from "./flags.ts";
import { requestText, unixPath } from "./socket_text.ts";
import { type Kind, kindsOf } from "./signatures.ts";

/** The most characters of a text, and entries of a list, that are shown. */
const TEXT_SHOWN = 200, LIST_SHOWN = 16;
const AT_FDCWD_NUMBER = -100;

/** What a word's address leads to: the memory of the process that makes the call. */
export interface Reading {
  memory?: Memory;
}

/** An argument as a word: results by their number, where that is known. */
function wordOf(arg: Arg): Word | undefined {
  if (typeof arg === "number") return arg;
  if (arg === null) return 0;
  if (arg instanceof Load) return arg.buffer.u64(0);
  if (arg instanceof Buffer || arg instanceof AddressOf) return undefined;
  // To wait for a result of a program that has not run would make the kernel run it.
  if (isResult(arg) && (arg as { settled?: boolean }).settled !== false) return arg.wait();
  return undefined;
}

/** A text in quotation marks, of limited length. */
export function quoted(text: string): string {
  const cut = text.length > TEXT_SHOWN ? `${text.slice(0, TEXT_SHOWN)}…` : text;
  return printable(JSON.stringify(cut));
}

/** Bytes that are text as text, others by their number. */
function bytesText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes);
  // deno-lint-ignore no-control-regex
  return /[\x00-\x08\x0e-\x1f\ufffd]/.test(text) ? `[${bytes.length} bytes]` : quoted(text);
}

function textAt(memory: Memory, address: number): string {
  const start = address - memory.base;
  if (start < 0 || start >= memory.bytes.length) return `0x${address.toString(16)}`;
  const end = memory.bytes.indexOf(0, start);
  return quoted(new TextDecoder().decode(memory.bytes.slice(start, end < 0 ? undefined : end)));
}

/** The low half of a word, which is what the kernel takes for an `int`. */
const int = (word: Word) => Number(BigInt.asIntN(32, BigInt(word)));
const hex = (word: Word) => word === 0 ? "0" : `0x${BigInt.asUintN(64, BigInt(word)).toString(16)}`;
const octal = (word: Word) => word === 0 ? "0" : `0${word.toString(8)}`;

/** Words of a structure: an array of 64-bit words as it is, or the bytes of 32-bit words. */
function wordsOf(arg: Arg): readonly Word[] {
  if (Array.isArray(arg)) return arg as Word[];
  if (!(arg instanceof Uint8Array)) return [];
  const view = new DataView(arg.buffer, arg.byteOffset, arg.byteLength);
  return Array.from({ length: arg.length >> 2 }, (_, i) => view.getUint32(i * 4, true));
}

/** Fields of a structure as text; fields of zero are left out, unless they are named in `always`. */
function structure(fields: readonly (readonly [name: string, text: string])[], ...always: string[]): string {
  const shown = fields.filter(([name, text]) => always.includes(name) || text !== "0");
  return `{${shown.map(([name, text]) => `${name}=${text}`).join(", ")}}`;
}

function flagsOf(flags: Flags): (word: Word) => string {
  return (word) => namesOfFlags(word, flags);
}

function oneOf(names: Names): (word: Word) => string {
  return (word) => nameOfNumber(Number(word), names);
}

/** `struct open_how` of openat2(2). */
function openHow(arg: Arg): string {
  const [flags = 0, mode = 0, resolve = 0] = wordsOf(arg);
  return structure([
    ["flags", namesOfFlags(flags, FLAGS.open)],
    ["mode", octal(mode)],
    ["resolve", namesOfFlags(resolve, FLAGS.resolve)],
  ], "flags");
}

/** `struct mount_attr` of mount_setattr(2). */
function mountAttr(arg: Arg): string {
  const [set = 0, clear = 0, propagation = 0, namespace = 0] = wordsOf(arg);
  return structure([
    ["attr_set", namesOfFlags(set, FLAGS.mountAttributes)],
    ["attr_clr", namesOfFlags(clear, FLAGS.mountAttributes)],
    ["propagation", namesOfFlags(propagation, FLAGS.mount)],
    ["userns_fd", String(namespace)],
  ]);
}

/** `struct clone_args` of clone3(2): flags, exit signal, cgroup. */
function cloneArgs(arg: Arg): string {
  const [flags = 0, , , , signal = 0, , , , , , cgroup = 0] = wordsOf(arg);
  const into = (BigInt(flags) & BigInt(FLAGS.clone.bits.CLONE_INTO_CGROUP)) !== 0n;
  return structure([
    ["flags", namesOfFlags(flags, FLAGS.clone)],
    ["exit_signal", signal === 0 ? "0" : signalText(signal)],
    ["cgroup", into ? String(cgroup) : "0"],
  ], "flags");
}

/** The two words of three sets that capset(2) takes: `cap_user_data_t`. */
function capabilitySets(arg: Arg): string {
  const [e = 0, p = 0, i = 0, e2 = 0, p2 = 0, i2 = 0] = wordsOf(arg).map(BigInt);
  const set = (low: bigint | number, high: bigint | number) =>
    namesOfFlags(BigInt(low) | (BigInt(high) << 32n), FLAGS.capabilities);
  return structure([["effective", set(e, e2)], ["permitted", set(p, p2)], ["inheritable", set(i, i2)]]);
}

function signalText(word: Word): string {
  return word === 0 ? "0" : signalName(Number(word));
}

function limitsText(arg: Arg): string {
  const show = (word: Word) => BigInt(word) >= (1n << 64n) - 1n ? "RLIM64_INFINITY" : String(word);
  const words = wordsOf(arg);
  return words.length < 2 ? "NULL" : `{rlim_cur=${show(words[0])}, rlim_max=${show(words[1])}}`;
}

/** `struct sock_fprog` of seccomp(2): the number of instructions. */
function filterText(arg: Arg): string {
  const [length] = wordsOf(arg);
  return length === undefined ? "NULL" : `[filter of ${length} instructions]`;
}

function listText(arg: Arg): string {
  if (!Array.isArray(arg)) return "NULL";
  const shown = arg.slice(0, LIST_SHOWN).map((text) => quoted(String(text)));
  return `[${[...shown, ...arg.length > LIST_SHOWN ? ["…"] : []].join(", ")}]`;
}

/** A device number as makedev(3) packs it. */
function deviceText(word: Word): string {
  const device = Number(word);
  if (device === 0) return "0";
  return `makedev(${(device >> 8) & 0xfff}, ${(device & 0xff) | ((device >>> 12) & 0xfff00)})`;
}

/** Type and permissions of a new node. */
function modeText(word: Word): string {
  const types = { S_IFIFO: 0o010000, S_IFCHR: 0o020000, S_IFBLK: 0o060000, S_IFREG: 0o100000 };
  const mode = Number(word), type = nameOfNumber(mode & 0o170000, types);
  return `${type}|${octal(mode & 0o7777)}`;
}

/** Functions for kinds that are words. */
const OF_WORD: { readonly [kind in Kind]?: (word: Word) => string } = {
  fd: (word) => word === AT_FDCWD_NUMBER ? "AT_FDCWD" : String(int(word)),
  number: String,
  length: String,
  pid: (word) => String(int(word)),
  octal,
  hex,
  open: (word) => namesOfFlags(word, FLAGS.open),
  at: flagsOf(FLAGS.at),
  unlink: flagsOf(FLAGS.unlink),
  mount: flagsOf(FLAGS.mount),
  umount: flagsOf(FLAGS.umount),
  attributes: flagsOf(FLAGS.mountAttributes),
  fsopen: flagsOf(FLAGS.fsopen),
  fsmount: flagsOf(FLAGS.fsmount),
  openTree: flagsOf(FLAGS.openTree),
  moveMount: flagsOf(FLAGS.moveMount),
  fsconfig: oneOf(NUMBERS.fsconfig),
  clone: flagsOf(FLAGS.clone),
  closeRange: flagsOf(FLAGS.closeRange),
  memfd: flagsOf(FLAGS.memfd),
  statx: flagsOf(FLAGS.statx),
  seccomp: oneOf(NUMBERS.seccomp),
  seccompFlags: flagsOf(FLAGS.seccomp),
  domain: oneOf(NUMBERS.domain),
  socketType: flagsOf(FLAGS.socketType),
  message: flagsOf(FLAGS.message),
  protection: flagsOf(FLAGS.protection),
  map: flagsOf(FLAGS.map),
  wait: flagsOf(FLAGS.wait),
  which: oneOf(NUMBERS.which),
  signal: signalText,
  limit: oneOf(NUMBERS.limit),
  ioctl: oneOf(NUMBERS.ioctl),
  lock: flagsOf(FLAGS.lock),
  watch: flagsOf(FLAGS.watch),
  event: flagsOf(FLAGS.event),
  how2: oneOf(NUMBERS.how),
  clock: oneOf(NUMBERS.clock),
  bpf: oneOf(NUMBERS.bpf),
  priority: oneOf(NUMBERS.priority),
  mode: modeText,
  device: deviceText,
};

/** Functions for kinds that are memory. */
const OF_MEMORY: { readonly [kind in Kind]?: (arg: Arg, reading: Reading) => string } = {
  text: textOf,
  data: textOf,
  address: (arg, reading) => quotedPath(arg) ?? textOf(arg, reading),
  sent: (arg, reading) => (arg instanceof Uint8Array ? requestText(arg) : undefined) ?? textOf(arg, reading),
  list: listText,
  env: (arg) => Array.isArray(arg) ? `[${arg.length} variables]` : "NULL",
  words: (arg) => Array.isArray(arg) ? `[${arg.join(", ")}]` : memoryText(arg),
  how: openHow,
  attr: mountAttr,
  cloneArgs,
  capHeader: () => "{version=_LINUX_CAPABILITY_VERSION_3, pid=0}",
  capSets: capabilitySets,
  limits: limitsText,
  filter: filterText,
  groups: (arg) => `[${wordsOf(arg).join(", ")}]`,
  memory: memoryText,
};

function textOf(arg: Arg, { memory }: Reading): string {
  if (arg === null || arg === 0) return "NULL";
  if (typeof arg === "string") return quoted(arg);
  if (arg instanceof Uint8Array) return bytesText(arg);
  if (Array.isArray(arg)) return `[${arg.join(", ")}]`;
  return typeof arg === "number" && memory ? textAt(memory, arg) : memoryText(arg);
}

/** The path of a unix socket. */
function quotedPath(arg: Arg): string | undefined {
  const path = arg instanceof Uint8Array ? unixPath(arg) : undefined;
  return path === undefined ? undefined : quoted(path);
}

function memoryText(arg: Arg): string {
  if (arg === null || arg === 0) return "NULL";
  if (arg instanceof Buffer) return `[${arg.size} bytes]`;
  if (arg instanceof Uint8Array) return `[${arg.length} bytes]`;
  if (Array.isArray(arg)) return `[${arg.length * 8} bytes]`;
  return arg instanceof AddressOf ? "&result" : "?";
}

/** Calls whose first argument says what the others are. */
const BY_OPERATION: { readonly [kind in Kind]?: (args: readonly Arg[], reading: Reading) => string[] } = {
  prctl(args, reading) {
    const [option, a = 0, b = 0] = args, name = nameOfNumber(Number(wordOf(option)), NUMBERS.prctl);
    const one = (arg: Arg) => Number(wordOf(arg) ?? 0);
    if (name === "PR_SET_PDEATHSIG") return [name, signalText(one(a))];
    if (name === "PR_SET_NAME") return [name, textOf(a, reading)];
    if (name.startsWith("PR_CAPBSET")) return [name, nameOfNumber(one(a), NUMBERS.capability)];
    if (name !== "PR_CAP_AMBIENT") return [name, String(one(a))];
    const operation = nameOfNumber(one(a), NUMBERS.ambient);
    const named = operation === "PR_CAP_AMBIENT_CLEAR_ALL" ? [] : [nameOfNumber(one(b), NUMBERS.capability)];
    return [name, operation, ...named];
  },
  fcntl([, command, value = 0]) {
    const name = nameOfNumber(Number(wordOf(command)), NUMBERS.fcntl), word = wordOf(value) ?? 0;
    if (name === "F_SETFD") return [name, namesOfFlags(word, FLAGS.descriptor)];
    if (name === "F_SETFL") return [name, namesOfFlags(word, FLAGS.open)];
    if (name === "F_ADD_SEALS") return [name, namesOfFlags(word, FLAGS.seals)];
    return name.startsWith("F_GET") ? [name] : [name, String(word)];
  },
  keyctl([operation, ...rest], reading) {
    const name = nameOfNumber(Number(wordOf(operation)), NUMBERS.keyctl);
    if (name === "KEYCTL_JOIN_SESSION_KEYRING") return [name, textOf(rest[0] ?? null, reading)];
    const text = (arg: Arg, i: number) =>
      i === 1 && name === "KEYCTL_SETPERM" ? hex(wordOf(arg) ?? 0) : String(wordOf(arg) ?? memoryText(arg));
    return [name, ...rest.slice(0, 2).map(text)];
  },
};

/** One argument of a kind. */
function argumentText(kind: Kind, arg: Arg, reading: Reading): string {
  const show = OF_WORD[kind];
  if (show === undefined) return OF_MEMORY[kind]?.(arg, reading) ?? memoryText(arg);
  const word = wordOf(arg);
  return word === undefined ? memoryText(arg) : show(word);
}

/** The arguments of a call, each as text. */
export function decodeArguments(call: SyscallName, args: readonly Arg[], reading: Reading = {}): string[] {
  const texts: string[] = [];
  for (const [i, kind] of kindsOf(call).entries()) {
    const operation = BY_OPERATION[kind];
    if (operation) return [...texts, ...operation(args, reading)];
    texts.push(argumentText(kind, args[i] ?? 0, reading));
  }
  return texts;
}

/** A call in one line. */
export function decodeCall(call: SyscallName, args: readonly Arg[], reading?: Reading): string {
  return `${call}(${decodeArguments(call, args, reading).join(", ")})`;
}

let names: Map<number, SyscallName> | undefined;

/** The name of a system call by its number on this machine; undefined where tsrun does not use it. */
export function syscallName(number: number): SyscallName | undefined {
  names ??= new Map(syscallNames().map((name) => [syscallNumber(name), name]));
  return names.get(number);
}
