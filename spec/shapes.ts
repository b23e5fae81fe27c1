/**
 * The shapes of the specification's documents, as one table, and the quick walk that says yes or no to a
 * document.
 *
 * Each rule about a single value stands here once: its type, its range, its names, whether it must be there.
 * Two walks read the table: `fits` below, which is quick and gives no reason, and `explain`
 * (validate/explain.ts), which names everything that is wrong. Rules that look at more than one value are
 * functions in `rules/`.
 *
 * Only what clients usually send is in this file, since code and data that are loaded cost time at every
 * start. validate/rare_shapes.ts adds the properties that are seldom used; a document that has one does not
 * fit here.
 *
 * @module
 */
import { CAPABILITIES } from "./capabilities.ts";
import { MOUNT_PROPAGATION } from "./mount_options.ts";
import { NAMESPACES } from "./namespaces.ts";
import { RLIMITS } from "./rlimits.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS, SECCOMP_FLAGS, SECCOMP_OPERATORS } from "./seccomp.ts";

/**
 * The shapes, as JSON because V8 reads that faster than code.
 *
 * | shape | value | |---|---| | `s` | a string | | `n` | a string that is not empty | | `p` | an absolute
 * path | | `o` | an absolute path, or empty for none | | `d` | an absolute path; a relative one counts from
 * the root and is a matter of warnings | | `e` | a variable of an environment | | `b` | true or false | |
 * `#x` | an integer of the range x | | `=x` | a name of the table x | | `~x` | a name, usually of the table
 * x; others are a matter of rules and warnings | | `$x` | the shape x | | `[x]`, `[x, 1]` | a list of x; one
 * that is not empty | | an object | the properties that may be there, `*` for any name; `!` lists those that
 * must be there, `0` those that mean Go's zero value where they are absent |
 */
const SHAPES = `{
"$config": {
  "!": ["process", "root"], "0": ["ociVersion"],
  "ociVersion": "s", "process": "$process", "root": {"!": ["path"], "path": "n", "readonly": "b"},
  "hostname": "s", "domainname": "s", "annotations": {"*": "s"},
  "mounts": ["$mount"], "hooks": "$hooks", "linux": "$linux"
},
"$process": {
  "!": ["args", "cwd"], "0": ["user"],
  "terminal": "b", "consoleSize": {"0": ["height", "width"], "height": "#u16", "width": "#u16"},
  "user": {"0": ["uid", "gid"], "uid": "#id", "gid": "#id", "umask": "#umask", "additionalGids": ["#id"]},
  "cwd": "p", "args": ["s", 1], "env": ["e"],
  "capabilities": {
    "bounding": ["~capability"], "effective": ["~capability"], "inheritable": ["~capability"],
    "permitted": ["~capability"], "ambient": ["~capability"]
  },
  "rlimits": [{"!": ["type"], "0": ["hard", "soft"], "type": "=rlimit", "hard": "#u64", "soft": "#u64"}],
  "noNewPrivileges": "b", "apparmorProfile": "s", "selinuxLabel": "s", "oomScoreAdj": "#oom"
},
"$mount": {"!": ["destination"], "destination": "d", "type": "s", "source": "s", "options": ["s"]},
"$hooks": {
  "prestart": ["$hook"], "createRuntime": ["$hook"], "createContainer": ["$hook"], "startContainer": ["$hook"],
  "poststart": ["$hook"], "poststop": ["$hook"]
},
"$hook": {"!": ["path"], "path": "p", "args": ["s"], "env": ["e"], "timeout": "#seconds"},
"$linux": {
  "namespaces": [{"!": ["type"], "type": "=namespace", "path": "o"}],
  "devices": [{
    "!": ["type", "path"], "0": ["major", "minor"], "type": "=node", "path": "p", "major": "#major", "minor": "#minor",
    "fileMode": "#u32", "uid": "#id", "gid": "#id"
  }],
  "uidMappings": ["$range"], "gidMappings": ["$range"],
  "cgroupsPath": "s", "resources": "$resources", "sysctl": {"*": "s"}, "seccomp": "$seccomp",
  "rootfsPropagation": "=propagation", "maskedPaths": ["p"], "readonlyPaths": ["p"], "mountLabel": "s"
},
"$range": {
  "!": ["size"], "0": ["containerID", "hostID"], "containerID": "#u32", "hostID": "#u32", "size": "#count"
},
"$resources": {
  "devices": [{
    "0": ["allow", "access"], "allow": "b", "type": "=device", "major": "#device", "minor": "#device",
    "access": "~access"
  }],
  "memory": "$memory", "cpu": "$cpu", "pids": {"limit": "#i64"}, "blockIO": "$blockIO",
  "hugepageLimits": [{"!": ["pageSize"], "0": ["limit"], "pageSize": "s", "limit": "#u64"}],
  "unified": {"*": "s"}
},
"$memory": {
  "limit": "#memory", "reservation": "#memory", "swap": "#memory", "swappiness": "#u64",
  "disableOOMKiller": "b", "checkBeforeUpdate": "b"
},
"$cpu": {
  "shares": "#u64", "quota": "#i64", "period": "#u64", "realtimeRuntime": "#i64", "realtimePeriod": "#u64"
},
"$blockIO": {"weight": "#u16"},
"$seccomp": {
  "!": ["defaultAction"],
  "defaultAction": "=action", "defaultErrnoRet": "#u16", "architectures": ["=arch"], "flags": ["=flag"],
  "syscalls": [{
    "!": ["names", "action"], "names": ["n", 1], "action": "=action", "errnoRet": "#u16",
    "args": [{
      "!": ["op"], "0": ["index", "value"], "index": "#argument", "value": "#u64", "valueTwo": "#u64", "op": "=operator"
    }]
  }]
},
"#argument": [0, 5],
"#count": [1, 4294967295],
"#device": [-1, 4294967295],
"#i64": [-9223372036854775808, 9223372036854775808],
"#id": [0, 4294967294],
"#major": [0, 4095],
"#memory": [-1, 9223372036854775808],
"#minor": [0, 1048575],
"#oom": [-1000, 1000],
"#seconds": [1, 9007199254740991],
"#u16": [0, 65535],
"#u32": [0, 4294967295],
"#u64": [0, 18446744073709551616],
"#umask": [0, 511]
}`;

/** Shapes (`$x`), tables of names (`=x`, `~x`) and ranges of integers (`#x`). */
export type Shapes = Readonly<Record<string, unknown>>;

/**
 * A range: the first integer, and the last one; of 64-bit ranges the one after the last, which a double can
 * hold.
 */
export type Range = readonly [first: number, last: number];

let usual: Shapes | undefined;

/** The shapes that clients usually send. */
export function usualShapes(): Shapes {
  return usual ??= Object.assign(JSON.parse(SHAPES), {
    "=action": SECCOMP_ACTIONS,
    "=arch": SECCOMP_ARCHS,
    "=device": { a: 0, c: 0, b: 0, "": 0 },
    "=flag": SECCOMP_FLAGS,
    "=namespace": NAMESPACES,
    "=node": { c: 0, b: 0, u: 0, p: 0 },
    "=operator": SECCOMP_OPERATORS,
    "=propagation": { ...MOUNT_PROPAGATION, "": 0 },
    "=rlimit": RLIMITS,
    "~access": { rwm: 0, rw: 0, r: 0, w: 0, m: 0, rm: 0, wm: 0 },
    "~capability": CAPABILITIES,
  });
}

/** Whether the value is an integer of the range, and exactly the one that the document names. */
export function inRange(value: unknown, [first, last]: Range): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= first && value <= last;
  return typeof value === "bigint" && last > Number.MAX_SAFE_INTEGER && value >= first && value < last;
}

/** Whether the value has that shape. */
export function fits(value: unknown, shape: unknown, all: Shapes): boolean {
  if (typeof shape === "string") return fitsWord(value, shape, all);
  if (Array.isArray(shape)) {
    if (!Array.isArray(value) || value.length < shape.length - 1) return false;
    const element = shape[0], texts = element === "s" || element === "n";
    for (let index = 0; index < value.length; index++) {
      const it = value[index];
      // A filter names hundreds of system calls: no call for each of them.
      if (texts ? typeof it !== "string" || !it && element === "n" : !fits(it, element, all)) return false;
    }
    return true;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const wanted = shape as Record<string, unknown>;
  for (const key in value) {
    const property = Object.hasOwn(wanted, key)
      ? key !== "!" && key !== "0" && wanted[key]
      : key && wanted["*"];
    if (!property || !fits((value as Record<string, unknown>)[key], property, all)) return false;
  }
  return hasAll(value, wanted["!"]) && hasAll(value, wanted["0"]);
}

function fitsWord(value: unknown, shape: string, all: Shapes): boolean {
  const kind = shape[0];
  if (typeof value === "string") {
    if (kind === "s") return true;
    if (kind === "~" || kind === "=") return Object.hasOwn(all[shape] as object, value);
    if (kind === "p" || kind === "d") return value[0] === "/";
    if (kind === "e") return value.indexOf("=") > 0;
    if (kind === "n") return value !== "";
    return kind === "o" && (value === "" || value[0] === "/");
  }
  if (kind === "#") return inRange(value, all[shape] as Range);
  if (kind === "$") return fits(value, all[shape], all);
  return kind === "b" && typeof value === "boolean";
}

function hasAll(value: object, names: unknown): boolean {
  if (names === undefined) return true;
  for (const name of names as string[]) if (!Object.hasOwn(value, name)) return false;
  return true;
}
