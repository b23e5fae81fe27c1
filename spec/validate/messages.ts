/**
 * The words for values that do not have their shape, where clients know such words.
 *
 * @module
 */
import { toDecimal } from "../integers.ts";
import { quote } from "../rules/report.ts";
import type { Range } from "../shapes.ts";

/** A reason, and what to do about it. */
export type Words = readonly [reason: string, fix?: string];

/**
 * For a property that is absent, or empty where it must not be. A property that is not in this table "is
 * required", or "must not be empty".
 */
export const ABSENT: Readonly<Record<string, Words>> = {
  "$config.process": ["process property must not be empty"],
  "$config.root": ["root must be specified"],
  "$linux.memoryPolicy.mode": ['invalid memory policy mode "": it is required'],
  "$process.args": ["args must not be empty", "name the program to run"],
  "$process.cwd": ["Cwd property must not be empty", 'such as "/"'],
  "$process.scheduler.policy": ["scheduler policy is required"],
  "$seccomp.defaultAction": ["string  is not a valid action for seccomp", "defaultAction is required"],
};

/** For a string or list that is empty. */
export const EMPTY: Readonly<Record<string, Words>> = {
  "$process.args": ABSENT["$process.args"],
  "$process.cwd": ABSENT["$process.cwd"],
  "$seccomp.syscalls[].names": ["must contain at least one name"],
  "$seccomp.syscalls[].names[]": ["empty string is not a valid syscall"],
};

/** For a path that is not absolute. */
export const RELATIVE: Readonly<Record<string, (path: string) => string>> = {
  "$process.cwd": () => "Cwd must be an absolute path",
  "$linux.maskedPaths[]": (path) => `${quote(path)} is not an absolute path`,
  "$linux.readonlyPaths[]": (path) => `${quote(path)} is not an absolute path`,
};

/** For a NUL byte, which no system call takes. */
export const NUL: Readonly<Record<string, string>> = {
  "$mount.destination": "mount field contains null byte",
  "$mount.source": "mount field contains null byte",
  "$mount.type": "mount field contains null byte",
};

/** For the lists of CPUs and memory nodes: the text before the reason. */
export const CPU_LIST: Readonly<Record<string, (text: string) => string>> = {
  "$process.execCPUAffinity.initial": () => "bad CPUAffinity.Initial: ",
  "$process.execCPUAffinity.final": () => "bad CPUAffinity.Final: ",
  "$linux.memoryPolicy.nodes": (text) => `invalid memory policy nodes ${quote(text)}: `,
};

/** For a name that is not in its table. The object is the one that holds the name. */
export const NAMES: Readonly<Record<string, (name: string, object: Record<string, unknown>) => string>> = {
  "=action": (name) => `string ${name} is not a valid action for seccomp`,
  "=arch": (name) => `string ${name} is not a valid arch for seccomp`,
  "=device": (name) => `invalid cgroup device type ${quote(name)}`,
  "=domain": (name) => `invalid personality domain ${name}`,
  "=flag": (name) => `seccomp flag ${name} is not known to runc`,
  "=io class": (name) => `invalid ioPriority.Class: ${quote(name)}`,
  "=memory flag": (name) => `invalid memory policy flag ${quote(name)}`,
  "=memory mode": (name) => `invalid memory policy mode ${quote(name)}`,
  "=namespace": (name, { path = "" }) => `namespace {${quote(name)} ${quote(String(path))}} does not exist`,
  "=node": (name) => `invalid device type ${quote(name)}`,
  "=operator": (name) => `string ${name} is not a valid operator for seccomp`,
  "=policy": (name) => `invalid scheduler policy: ${name}`,
  "=propagation": (name) => `rootfsPropagation=${name} is not supported`,
  "=rlimit": (name) => `wrong rlimit value: ${name}`,
  "=scheduler flag": (name) => `invalid scheduler flag: ${name}`,
};

/** For a number that is not an integer of its range. */
export function outOfRange(name: string, [first, last]: Range, value: number | bigint): Words {
  const shown = Number.isInteger(value) && Number.isSafeInteger(value) ? toDecimal(value) : String(value);
  if (name === "#memory" && value < -1 && value >= -(2 ** 63)) {
    return [`invalid memory value: ${shown}`, "-1 is no limit"];
  }
  if (name === "#seconds" && value <= 0) return [`must be greater than zero, not ${shown}`];
  if (name === "#io priority") return [`invalid ioPriority.Priority: ${shown}`, "from 0 to 7"];
  if (last <= Number.MAX_SAFE_INTEGER) return [`must be an integer from ${first} to ${last}, not ${shown}`];
  const kind = first === 0 ? "an unsigned" : "a signed";
  const range = `from ${toDecimal(first)} to ${BigInt(last) - 1n}`;
  return [`must be ${kind} 64-bit integer, not ${shown}`, range];
}
