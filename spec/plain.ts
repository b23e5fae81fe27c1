/**
 * A quick look at a configuration: is it one of the plain ones, in which there is nothing wrong?
 *
 * The full validation is 20 KB of code. Code that runs once costs some 0.4 ms per kilobyte to load and compile, and
 * 0.05 ms per function: more than everything else that `create` does with the document. So the shapes that clients
 * usually send are data here, for one small interpreter, and the rules beyond shapes are few functions with loops.
 *
 * Nothing here says why something is wrong, and it may say no to what is right. What it says yes to,
 * `validateConfig` has no problems with and `configWarnings` no warnings about, but for one: ambient capabilities that
 * are not inheritable are passed over, since `runc spec` writes them into every config. A test holds them together.
 *
 * @module
 */
import { CAPABILITIES } from "./capabilities.ts";
import { MOUNT_PROPAGATION, MS_BIND, parseMountOptions } from "./mount_options.ts";
import { RLIMITS } from "./rlimits.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS, SECCOMP_FLAGS, SECCOMP_OPERATORS } from "./seccomp.ts";
import type { LinuxIDMapping, LinuxMemory, LinuxSeccomp, Mount, Process, Spec } from "./types.ts";

/**
 * The shapes, as JSON because V8 reads that faster than code.
 *
 * `s` is a string, `p` an absolute path, `e` an environment variable, `b` a boolean, `q` an unsigned 64-bit integer,
 * `t` an integer above 0, `$x` the shape x and `=x` a name of the table x. A number n is an integer from 0 to n, or
 * from -1 to -n for a negative n. `[x]` is a list of x, `[x, 1]` one that is not empty. An object has the properties
 * that may be there, `*` for any name but the empty one; `!` names those that must be there.
 */
const SHAPES = `{
"process": {
  "!": ["user", "args", "cwd"],
  "terminal": "b", "consoleSize": {"!": ["height", "width"], "height": 65535, "width": 65535},
  "user": {"!": ["uid", "gid"], "uid": 4294967294, "gid": 4294967294, "umask": 511, "additionalGids": [4294967294]},
  "args": ["s", 1], "env": ["e"], "cwd": "p",
  "capabilities": {
    "bounding": ["=capability"], "effective": ["=capability"], "inheritable": ["=capability"],
    "permitted": ["=capability"], "ambient": ["=capability"]
  },
  "rlimits": [{"!": ["type", "hard", "soft"], "type": "=rlimit", "hard": "q", "soft": "q"}],
  "noNewPrivileges": "b", "apparmorProfile": "s", "selinuxLabel": "s", "oomScoreAdj": -1000
},
"config": {
  "!": ["ociVersion", "process", "root", "linux"],
  "ociVersion": "s", "process": "$process", "root": {"!": ["path"], "path": "s", "readonly": "b"},
  "hostname": "s", "domainname": "s", "annotations": {"*": "s"},
  "mounts": [{"!": ["destination"], "destination": "p", "type": "s", "source": "s", "options": ["s"]}],
  "hooks": {
    "prestart": ["$hook"], "createRuntime": ["$hook"], "createContainer": ["$hook"], "startContainer": ["$hook"],
    "poststart": ["$hook"], "poststop": ["$hook"]
  },
  "linux": {
    "!": ["namespaces"],
    "namespaces": [{"!": ["type"], "type": "=namespace", "path": "p"}],
    "devices": [{
      "!": ["type", "path", "major", "minor"], "type": "=node", "path": "p", "major": 4095, "minor": 1048575,
      "fileMode": 4294967295, "uid": 4294967294, "gid": 4294967294
    }],
    "uidMappings": ["$range"], "gidMappings": ["$range"],
    "cgroupsPath": "s", "resources": "$resources", "sysctl": {"*": "s"}, "seccomp": "$seccomp",
    "rootfsPropagation": "=propagation", "maskedPaths": ["p"], "readonlyPaths": ["p"], "mountLabel": "s"
  }
},
"range": {
  "!": ["containerID", "hostID", "size"], "containerID": 4294967295, "hostID": 4294967295, "size": "t"
},
"hook": {"!": ["path"], "path": "p", "args": ["s"], "env": ["e"], "timeout": "t"},
"resources": {
  "devices": [{
    "!": ["allow", "access"], "allow": "b", "type": "=device", "major": -4294967295, "minor": -4294967295,
    "access": "=access"
  }],
  "memory": {
    "limit": -9007199254740991, "reservation": -9007199254740991, "swap": -9007199254740991, "swappiness": 100,
    "disableOOMKiller": "b", "checkBeforeUpdate": "b"
  },
  "cpu": {
    "shares": 9007199254740991, "quota": -9007199254740991, "period": 9007199254740991,
    "realtimeRuntime": -9007199254740991, "realtimePeriod": 9007199254740991
  },
  "pids": {"limit": -9007199254740991},
  "blockIO": {"weight": 1000}
},
"seccomp": {
  "!": ["defaultAction"],
  "defaultAction": "=action", "defaultErrnoRet": 65535, "architectures": ["=arch"], "flags": ["=flag"],
  "syscalls": [{
    "!": ["names", "action"], "names": ["s", 1], "action": "=action", "errnoRet": 65535,
    "args": [{"!": ["index", "value", "op"], "index": 5, "value": "q", "valueTwo": "q", "op": "=operator"}]
  }]
}
}`;

/** The shapes by name, and the tables by name. */
interface Shapes {
  readonly shapes: Readonly<Record<string, unknown>>;
  readonly tables: Readonly<Record<string, object>>;
}

function readShapes(): Shapes {
  return {
    shapes: JSON.parse(SHAPES),
    tables: {
      access: { rwm: 0, rw: 0, r: 0, w: 0, m: 0, rm: 0, wm: 0 },
      action: SECCOMP_ACTIONS,
      arch: SECCOMP_ARCHS,
      capability: CAPABILITIES,
      device: { c: 0, b: 0, a: 0 },
      flag: SECCOMP_FLAGS,
      namespace: { pid: 0, network: 0, ipc: 0, uts: 0, mount: 0, cgroup: 0, user: 0 },
      node: { c: 0, b: 0 },
      operator: SECCOMP_OPERATORS,
      propagation: MOUNT_PROPAGATION,
      rlimit: RLIMITS,
      version: { "1.0.2-dev": 0, "1.0.2": 0, "1.1.0": 0, "1.2.0": 0, "1.2.1": 0, "1.3.0": 0 },
    },
  };
}

/** Whether the value has that shape. */
function fits(value: unknown, shape: unknown, all: Shapes): boolean {
  if (typeof shape === "string") {
    if (shape === "b") return typeof value === "boolean";
    if (shape[0] === "$") return fits(value, all.shapes[shape.slice(1)], all);
    if (typeof value === "string") {
      if (shape === "s") return true;
      if (shape === "p") return value[0] === "/";
      if (shape === "e") return value.indexOf("=") > 0;
      return shape[0] === "=" && Object.hasOwn(all.tables[shape.slice(1)], value);
    }
    if (typeof value === "bigint") return shape === "q" && value >= 0n && value >> 64n === 0n;
    return Number.isSafeInteger(value) &&
      (shape === "q" && value as number >= 0 || shape === "t" && value as number > 0);
  }
  if (typeof shape === "number") {
    return Number.isSafeInteger(value) && value as number >= (shape < 0 ? -1 : 0) &&
      value as number <= Math.abs(shape);
  }
  if (Array.isArray(shape)) {
    if (!Array.isArray(value) || value.length < shape.length - 1) return false;
    const element = shape[0];
    for (let index = 0; index < value.length; index++) {
      if (element === "s" ? typeof value[index] !== "string" : !fits(value[index], element, all)) {
        return false;
      }
    }
    return true;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const wanted = shape as Record<string, unknown>;
  for (const key in value) {
    const property = Object.hasOwn(wanted, key) ? wanted[key] : key && wanted["*"];
    if (!property || !fits((value as Record<string, unknown>)[key], property, all)) return false;
  }
  const needed = wanted["!"] as string[] | undefined;
  if (needed) {
    for (let index = 0; index < needed.length; index++) {
      if (!Object.hasOwn(value, needed[index])) return false;
    }
  }
  return true;
}

/** Whether the document is a configuration with nothing wrong in it; false says nothing. */
export function isPlainConfig(config: unknown): boolean {
  const shapes = readShapes();
  if (!fits(config, shapes.shapes.config, shapes)) return false;
  const { ociVersion, process, root, linux, hostname = "", domainname = "", mounts = [] } = config as Spec;
  // A regular expression costs 0.2 ms the first time, so the usual versions are in a table.
  if (!Object.hasOwn(shapes.tables.version, ociVersion) && !/^1\.\d+\.\d+(?:-[\w.]+)?$/.test(ociVersion)) {
    return false;
  }
  if (root.path === "" || !isSound(process)) return false;
  const { namespaces = [], sysctl = {}, resources, seccomp } = linux!;
  const types: string[] = [];
  for (const { type, path } of namespaces) {
    if (types.includes(type) || type === "user" && path) return false;
    types.push(type);
  }
  if (!types.includes("mount") || (hostname || domainname) && !types.includes("uts")) return false;
  if (
    hostname.length + domainname.length > 21 &&
    !/^[\w.-]{0,64},[\w.-]{0,64}$/.test(`${hostname},${domainname}`)
  ) {
    return false;
  }
  for (const name in sysctl) if (!types.includes("network") || !/^net(?:\.\w+)+$/.test(name)) return false;
  const { limit = 0, swap = 0 }: LinuxMemory = resources?.memory ?? {};
  if (swap > 0 && (limit === 0 || swap < limit)) return false;
  for (const mount of mounts) if (!isPlainMount(mount)) return false;
  if (
    (types.includes("user") || linux!.uidMappings || linux!.gidMappings) && !isMapped(config as Spec, types)
  ) {
    return false;
  }
  return !seccomp || isPlainFilter(seccomp);
}

/** Whether there is a new user namespace with one or two ranges of ids on each side, from 0 on, for all that are used. */
function isMapped({ process, mounts = [], linux }: Spec, types: readonly string[]): boolean {
  const { uidMappings = [], gidMappings = [] } = linux!, { uid, gid, additionalGids = [] } = process!.user;
  const uids = countOfIds(uidMappings), gids = countOfIds(gidMappings);
  if (!types.includes("user") || uid >= uids || gid >= gids || additionalGids.some((id) => id >= gids)) {
    return false;
  }
  for (const { options = [] } of mounts) {
    for (const option of options) {
      const most = option.startsWith("uid=") ? uids : option.startsWith("gid=") ? gids : undefined;
      if (most !== undefined && !(Number(option.slice(4)) < most)) return false;
    }
  }
  return true;
}

/** How many ids the ranges hold, which follow one another from 0 on inside and do not meet outside; 0 for any others. */
function countOfIds(ranges: readonly LinuxIDMapping[]): number {
  if (ranges.length > 2) return 0;
  let count = 0;
  for (const { containerID, hostID, size } of ranges) {
    if (containerID !== count || hostID + size > 4294967295 || (count += size) > 4294967295) return 0;
  }
  if (ranges.length === 2) {
    const [low, high] = ranges[0].hostID < ranges[1].hostID ? ranges : [ranges[1], ranges[0]];
    if (low.hostID + low.size > high.hostID) return 0;
  }
  return count;
}

/** Whether the document is a process with nothing wrong in it; false says nothing. */
export function isPlainProcess(process: unknown): boolean {
  const shapes = readShapes();
  return fits(process, shapes.shapes.process, shapes) && isSound(process as Process);
}

/** Capabilities that can be granted, limits that can be set. */
function isSound({ capabilities, rlimits = [] }: Process): boolean {
  const { effective = [], permitted = [] } = capabilities ?? {};
  for (const name of effective) if (!permitted.includes(name)) return false;
  const types: string[] = [];
  for (const { type, soft, hard } of rlimits) {
    if (soft > hard || types.includes(type)) return false;
    types.push(type);
  }
  return true;
}

/** Neither the root nor anything in /proc is mounted over, and the kind of mount goes with its options. */
function isPlainMount({ destination, type, source, options }: Mount): boolean {
  const parsed = parseMountOptions(options), bind = (parsed.flags & MS_BIND) !== 0;
  if (parsed.idmap || parsed.copyUp && type !== "tmpfs") return false;
  if (bind ? !source || parsed.data.length > 0 : !type || type === "bind") return false;
  if (destination.startsWith("/proc")) return destination === "/proc" && type === "proc" && !bind;
  const path = `${destination}/`;
  return path !== "//" && !path.includes("/./") && !path.includes("/../") && !destination.includes("//");
}

/** No notifications, and error numbers only where there are some. */
function isPlainFilter({ defaultAction, defaultErrnoRet, syscalls = [] }: LinuxSeccomp): boolean {
  const rules = [{ action: defaultAction, errnoRet: defaultErrnoRet, names: ["*"] }, ...syscalls];
  for (const { action, errnoRet, names } of rules) {
    if (action === "SCMP_ACT_NOTIFY" || names.includes("")) return false;
    if (errnoRet !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE") return false;
  }
  return true;
}
