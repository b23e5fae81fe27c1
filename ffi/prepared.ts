/**
 * Prepared commands: what `create` leaves for the entry of tsrun (build/prepared_x86_64.s), which does
 * `start`, `kill`, `state` and `delete` without an engine where nothing is unusual.
 *
 * What these commands do is a program of records, like those of the executor. It is the same for all
 * containers, is made when tsrun is built (init/prepared), and is a part of the entry. What differs between
 * containers is in the file `prepared` of the container's directory: words, at places that the program knows,
 * and texts that some of them point to. The entry maps both:
 *
 *     DATA_BASE      0  digest of the build, eight characters
 *                    8  size of the file
 *                   16  the fields
 *     PROGRAM_BASE   0  address of the first record
 *                    8  address of a list: how many records may have opened a descriptor, and the address of
 * each
 *                       result
 *                   16  the slots: what the entry has found in the command line
 *
 * @module
 */

import { Memory } from "./memory.ts";

/** Name of the file in the container's directory. */
export const PREPARED_FILE = "prepared";

/** Addresses of the data and of the program in the entry's process. prepared_*.s have the same. */
export const DATA_BASE = 0x10000000, PROGRAM_BASE = 0x10100000;

/**
 * The slots, in words. `none` is for values that are not used; a command's slot is above zero where the line
 * is of that command; `runtimeDir` is above zero where XDG_RUNTIME_DIR is set and no root is given.
 */
export const SLOTS = {
  none: 0,
  root: 1,
  log: 2,
  start: 3,
  kill: 4,
  state: 5,
  delete: 6,
  id: 7,
  signal: 8,
  runtimeDir: 9,
  rootFd: 10,
  dirFd: 11,
} as const;

/** Name of a slot. */
export type SlotName = keyof typeof SLOTS;

/**
 * The fields of the file for texts: the address, the length in bytes, and the length with the NUL behind it.
 */
export const TEXTS = [
  "root", // the state root, as absolute and clean as `--root` becomes
  "id",
  "bootId", // of /proc/sys/kernel/random/boot_id
  "nameFile", // of the init's name
  "memoryFile", // of the init's memory in pages, none where its first thread has ended
  "frozenFile", // holds 0 where the container is not paused
  "thawFile", // takes the next text
  "thawed",
  "freezer", // on v1: a directory in which others may be frozen by themselves
  "created", // the documents of `state`, by status
  "running",
  "stopped",
] as const;

/**
 * The fields that are words by themselves. Those of commands are above zero where the command is prepared.
 */
export const WORDS = [
  "recordSize", // bytes of state.json
  "pid",
  "inode", // of the init's pidfd, which no other process of this boot has
  "callerIsRoot",
  "pidNamespace", // the init is the first process of one
  "start",
  "kill",
  "state",
  "delete",
] as const;

/** The most cgroups that are removed. */
export const MOST_CGROUPS = 16;

/** Names of fields. */
export type TextName = typeof TEXTS[number];
export type WordName = typeof WORDS[number];

/** What the file holds. A text that is absent has the address 0. */
export interface PreparedData {
  texts: Readonly<Partial<Record<TextName, string>>>;
  words: Readonly<Record<WordName, number>>;
  /** Paths of the directories that `delete` removes. The first one tells whether there are processes. */
  cgroups: readonly string[];
}

const FIELDS = 16, TEXT_SIZE = 24, WORD_SIZE = 8;
const WORDS_AT = FIELDS + TEXTS.length * TEXT_SIZE, CGROUPS_AT = WORDS_AT + WORDS.length * WORD_SIZE;
/** Bytes of the head: behind the last cgroup there is a zero. */
const HEAD = CGROUPS_AT + (MOST_CGROUPS + 1) * WORD_SIZE;
/** The most bytes of a file. What does not fit is not prepared. */
const MOST = 0x8000;

/** Address of a text's field. */
export function textField(name: TextName): number {
  return DATA_BASE + FIELDS + TEXTS.indexOf(name) * TEXT_SIZE;
}

/** Address of a word's field. */
export function wordField(name: WordName): number {
  return DATA_BASE + WORDS_AT + WORDS.indexOf(name) * WORD_SIZE;
}

/** Address of the field of a cgroup. */
export function cgroupField(index: number): number {
  return DATA_BASE + CGROUPS_AT + index * WORD_SIZE;
}

/**
 * The file.
 *
 * @param digest The build's, of eight characters.
 * @throws {TsrunError} Where it does not fit.
 */
export function encodePrepared(
  digest: string,
  { texts, words, cgroups }: PreparedData,
): Uint8Array<ArrayBuffer> {
  const memory = new Memory(new ArrayBuffer(MOST), DATA_BASE);
  memory.alloc(HEAD);
  const put = (text: string, field: number): number => {
    const address = memory.string(text);
    memory.setU64(field, address);
    return DATA_BASE + memory.top - address;
  };
  for (const name of TEXTS) {
    const text = texts[name], field = textField(name);
    if (text === undefined) continue;
    const size = put(text, field);
    memory.setU64(field + WORD_SIZE, size - 1);
    memory.setU64(field + 2 * WORD_SIZE, size);
  }
  for (const name of WORDS) memory.setU64(wordField(name), words[name]);
  cgroups.forEach((path, i) => put(path, cgroupField(i)));
  for (let i = 0; i < 8; i++) memory.bytes[i] = digest.charCodeAt(i);
  memory.setU64(DATA_BASE + 8, memory.top);
  return memory.bytes.subarray(0, memory.top);
}
