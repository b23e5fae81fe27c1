/**
 * Changes of configs, as trees and as text, and of command lines.
 * @module
 */
import type { Random } from "./random.ts";

/** A JSON value. */
// deno-lint-ignore no-explicit-any
export type Json = any;

const LONG = 5000;

/** Numbers as they stand in a text: where integers end, and what is none. */
const NUMBERS: readonly string[] = [
  ...[
    "0",
    "-0",
    "-1",
    "1",
    "1.5",
    "1e3",
    "1e-7",
    "1e400",
    "-1e400",
    "255",
    "256",
    "1024",
    "4095",
    "65535",
    "65536",
  ],
  ...["2147483647", "2147483648", "-2147483648", "4294967295", "4294967296", "9007199254740991"],
  ...["9007199254740992", "9007199254740993", "9223372036854775807", "9223372036854775808"],
  ...["-9223372036854775808", "18446744073709551615", "18446744073709551616", "1000000000000000000000"],
];

/** Texts that mean something somewhere, or that are to mean nothing anywhere. */
const TEXTS: readonly string[] = [
  ...[
    "",
    "/",
    ".",
    "..",
    "../../../etc",
    "/proc/self/fd/7",
    "/proc/1/root",
    "/dev",
    "/dev/pts",
    "/sys/fs/cgroup",
  ],
  ...[
    "a\0b",
    "a\nb",
    'x"\ntime="" level=error msg="forged',
    "\u001b[2J\u001b]0;x\u0007",
    "ä\u{1F600}\ud800",
    " ",
    "\t",
  ],
  ...["A=b", "=b", "PATH=", "HOME=/x\nB=c", "constructor", "__proto__", "toString", "hasOwnProperty"],
  ...[
    "bind",
    "rbind",
    "idmap",
    "tmpcopyup",
    "ro",
    "rw",
    "shared",
    "rslave",
    "mode=0777",
    "size=1k",
    "lowerdir=/a:/b",
  ],
  ...["cgroup", "proc", "sysfs", "tmpfs", "overlay", "devpts", "none", "b", "c", "p", "u", "a", "rwm"],
  ...["SCMP_ACT_NOTIFY", "SCMP_ACT_ERRNO", "SCMP_CMP_MASKED_EQ", "SCMP_ARCH_X86_64", "RLIMIT_NOFILE"],
  ...["CAP_SYS_ADMIN", "cap_chown", "CAP_BOGUS", "0-3,7", "0-", "host", "private", "pid", "user", "time"],
  ...[
    "system.slice:tsrun:x",
    "/a/../../b",
    "a//b/./c",
    "kernel.msgmax",
    "net/ipv4/ip_forward",
    "net.ipv4..x",
  ],
  ...["1.0.2", "1.3.0", "2.0.0", "banana", "sched_fifo", "IOPRIO_CLASS_RT", "MPOL_BIND", "LINUX32"],
  "x".repeat(300),
  "y".repeat(LONG),
];

/** A value that is wrong in most places. */
function oddValue(random: Random): Json {
  switch (random.below(8)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
    case 2:
      return { number: random.pick(NUMBERS) };
    case 3:
    case 4:
    case 5:
      return random.pick(TEXTS);
    case 6:
      return random.pick<Json>([[], {}, [null], [[]], [{}], ["constructor"], { constructor: {}, "": "" }]);
    default:
      return JSON.parse('{"__proto__": {"a": 1}, "toString": "x"}');
  }
}

/** Objects and arrays of a tree that have something in them. */
function places(tree: Json, found: Json[] = []): Json[] {
  if (typeof tree !== "object" || tree === null) return found;
  const values = Object.values(tree);
  if (values.length > 0) found.push(tree);
  for (const value of values) places(value, found);
  return found;
}

/** A copy of a tree, which shares nothing with it: several times quicker than structuredClone(). */
export function copyOf(tree: Json): Json {
  if (typeof tree !== "object" || tree === null) return tree;
  if (Array.isArray(tree)) return tree.map(copyOf);
  const copy: Json = {};
  for (const key of Object.keys(tree)) {
    // To assign `__proto__` would set the prototype.
    if (key === "__proto__") Object.defineProperty(copy, key, { ...OWN, value: copyOf(tree[key]) });
    else copy[key] = copyOf(tree[key]);
  }
  return copy;
}
const OWN: PropertyDescriptor = { configurable: true, enumerable: true, writable: true };

/** Values of one key anywhere in another tree: what is right in one config is odd in another. */
function fromOther(random: Random, other: Json, key: string): Json {
  const found = places(other).filter((place) => Object.hasOwn(place, key)).map((place) => place[key]);
  return found.length === 0 ? oddValue(random) : copyOf(random.pick(found));
}

/**
 * Changes a tree at one place.
 *
 * @param other A second one, whose parts may come in.
 */
export function mutateTree(random: Random, tree: Json, other: Json): void {
  const all = places(tree);
  if (all.length === 0) return;
  const place = random.pick(all), key = random.pick(Object.keys(place));
  switch (random.below(8)) {
    case 0:
      if (Array.isArray(place)) place.splice(Number(key), 1);
      else delete place[key];
      break;
    case 1:
      if (Array.isArray(place)) place.push(copyOf(place[Number(key)]));
      else place[random.pick(TEXTS).slice(0, 300)] = place[key];
      break;
    case 2:
      if (Array.isArray(place)) {
        for (let i = random.below(300); i > 0; i--) {
          place.push(place[Number(key)]);
        }
      } else place[key] = fromOther(random, other, key);
      break;
    case 3:
      place[key] = fromOther(random, other, key);
      break;
    default:
      place[key] = oddValue(random);
  }
}

/** A tree as text; its odd numbers stand as they are written. */
export function toText(tree: Json): string {
  const { rawJSON } = JSON as unknown as { rawJSON(text: string): unknown };
  return JSON.stringify(tree, (_, value) => {
    const number = typeof value === "object" && value !== null && Object.keys(value).length === 1 &&
      value.number;
    return typeof number === "string" && NUMBERS.includes(number) ? rawJSON(number) : value;
  });
}

/** Changes a text at one place, so that it may be no JSON any more. */
export function mutateText(random: Random, text: string): string {
  const at = random.below(text.length), length = 1 + random.below(8);
  const before = text.slice(0, at), after = text.slice(at + length);
  switch (random.below(4)) {
    case 0:
      return before + after;
    case 1:
      return before;
    case 2:
      return before + random.pick([...'{}[]",:\\0-eE. \n\0\u2028']) + text.slice(at);
    default:
      return before + random.pick(['"\\u0000"', "null", "1e999", '"\\ud800"', "[[[[[[", "\ufeff", "//x"]) +
        after;
  }
}

/** Words of command lines besides flags of the command. */
const WORDS: readonly string[] = [
  ...[
    "a",
    "-",
    "--",
    "---",
    "-x",
    "--x",
    "--=",
    "-=x",
    "--root",
    "--root=",
    "--log-format=yaml",
    "--debug=maybe",
  ],
  ...[
    "-h",
    "--help",
    "-v",
    "-b",
    "--bundle",
    "--pid-file",
    "0",
    "-1",
    "-9",
    "KILL",
    "SIGRTMIN+99",
    "3s",
    "1h-1m",
  ],
  ...[
    "9223372036854775808",
    "-0x1",
    "1e9",
    "512m",
    "1.5g",
    "--preserve-fds=-1",
    "--preserve-fds=99999999999",
  ],
  ...["a/b", "..", "a\0b", "a\nb", "\u001b[2J", "ä", "", " ", "x".repeat(300)],
];

/** A command line near one that is right. */
export function mutateLine(random: Random, line: readonly string[], flags: readonly string[]): string[] {
  const words = [...line];
  for (let count = 1 + random.below(4); count > 0; count--) {
    const at = random.below(words.length + 1);
    const flag = () => `${random.pick(["-", "--"])}${random.pick(flags)}`;
    switch (random.below(6)) {
      case 0:
        words.splice(at, 1);
        break;
      case 1:
        words.splice(at, 0, random.pick(WORDS));
        break;
      case 2:
        words.splice(at, 0, flag());
        break;
      case 3:
        words.splice(at, 0, `${flag()}=${random.pick(WORDS)}`);
        break;
      case 4:
        words.splice(at, 0, flag(), random.pick(WORDS));
        break;
      default:
        words.splice(at, 0, `${flag()}=${random.pick(NUMBERS)}`);
    }
  }
  return words;
}
