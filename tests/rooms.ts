/**
 * The rooms of the program and the doors between them: which file may import which, and which may ask the
 * host.
 *
 *     main, mod > cli > container > features > cgroups > dbus > host, init > ffi        (spec: read by all)
 *
 * tests/gate_plugin.ts applies the rules to each import, tests/gate_files.ts those that concern all files
 * together.
 * @module
 */

/** A room may import rooms of a lower rank, itself, and spec. */
const RANKS: Readonly<Record<string, number>> = {
  main: 8,
  cli: 7,
  container: 6,
  features: 5,
  cgroups: 4,
  dbus: 3,
  host: 2,
  init: 2,
  ffi: 1,
  spec: 0,
};

/** The only modules of others in what is shipped: plain functions of the standard library. */
const OUTSIDE: readonly string[] = ["@std/cli/parse-args", "@std/fs", "@std/path", "@std/path/posix"];

/** What the rest of the program sees of the cgroups' room. */
const CGROUPS_DOOR = "runtime/cgroups/mod.ts";

/** What every feature is to the rest of the program: all of them import it. */
const FEATURE = "runtime/features/feature.ts";

/** The functions by which a module is a feature; each has its own, with the types of {@linkcode FEATURE}. */
const OF_FEATURES: readonly string[] = ["forCreate", "forExec"];

/** Helpers of tests, by their name. */
const HELPER = /_testing\.ts$/;

/**
 * The room of a file, by its path below the top: `main` for main.ts and mod.ts, the second part of a path in
 * runtime/; `runtime` for a file that lies there in no room; undefined for what is not part of the program.
 */
export function roomOf(path: string): string | undefined {
  const [first, second, third] = path.split("/");
  if (path === "main.ts" || path === "mod.ts") return "main";
  if (first === "runtime") return third === undefined ? "runtime" : second;
  return first === "init" || first === "ffi" || first === "spec" ? first : undefined;
}

/** Whether a file belongs to the program, rather than to its tests. */
export function isShipped(path: string): boolean {
  return roomOf(path) !== undefined && !/_test\.ts$/.test(path) && !HELPER.test(path);
}

/** The optional feature that a file belongs to: a folder or a file of runtime/features/. */
function featureOf(path: string): string {
  return path.split("/")[2].replace(/\.ts$/, "");
}

/**
 * What is wrong with an import, if anything.
 *
 * @param from Path of the importing file, below the top.
 * @param specifier As it is written.
 */
export function importProblem(from: string, specifier: string): string | undefined {
  if (!isShipped(from)) return undefined;
  if (!/^\.{1,2}\//.test(specifier)) {
    return OUTSIDE.includes(specifier)
      ? undefined
      : `"${specifier}" is not for the program: see imports in deno.json`;
  }
  const to = new URL(specifier, `file:///${from}`).pathname.slice(1);
  const here = roomOf(from)!, there = roomOf(to);
  if (here === "runtime") return `no file lies directly in runtime/: ${from} belongs in a room`;
  if (there === undefined || HELPER.test(to)) return `the program does not import ${to}`;
  if (there === here) return neighbourProblem(here, from, to);
  if (here === "spec") return `spec/ imports nothing but itself, not ${there}`;
  if (there !== "spec" && !(RANKS[there] < RANKS[here])) {
    return "imports point one way, main > cli > container > features > cgroups > dbus > host, init > ffi: " +
      `not ${here} -> ${there}`;
  }
  if (there === "cgroups" && to !== CGROUPS_DOOR) return `${CGROUPS_DOOR} is the door to cgroups, not ${to}`;
  return undefined;
}

/** Rooms within rooms: features know nothing of each other, nor do the two versions of cgroups. */
function neighbourProblem(room: string, from: string, to: string): string | undefined {
  if (room === "features" && to !== FEATURE && featureOf(from) !== featureOf(to)) {
    return `features do not import each other: not ${featureOf(from)} -> ${featureOf(to)}`;
  }
  const version = (path: string) => /^runtime\/cgroups\/(v[12])\//.exec(path)?.[1];
  if (room === "cgroups" && version(from) && version(to) && version(from) !== version(to)) {
    return `cgroup v1 and v2 do not import each other: not ${from} -> ${to}`;
  }
  return undefined;
}

/** Files of container/ that keep the record and the config, by functions of `Deno`. */
const RECORD_KEEPERS =
  /^runtime\/container\/(?:record|status|id|state_dir|config|saved_config|update|destroy)\.ts$/;

/** What of `Deno` asks nothing of the system. */
const PLAIN: readonly string[] = ["errors", "build"];

/** Says what is wrong with the use of a member of `Deno` in a file, if anything. */
export function denoProblem(path: string, member: string): string | undefined {
  if (!isShipped(path) || PLAIN.includes(member) || /^[A-Z]/.test(member)) return undefined;
  const room = roomOf(path)!;
  if (["main", "cli", "host", "ffi"].includes(room) || path === "runtime/cgroups/host_fs.ts") {
    return undefined;
  }
  if (RECORD_KEEPERS.test(path)) return undefined;
  return `Deno.${member} is for cli, host and ffi: ask runtime/host for it`;
}

/** Says what is wrong with a random value of the engine's in a file, if anything. */
export function randomProblem(path: string, member: string): string | undefined {
  if (!isShipped(path) || !/^(?:Math\.random|crypto\.\w+)$/.test(member)) return undefined;
  return `${member} may be the same in every process: use ffi/random.ts`;
}

/** Says what is wrong with a call by its bare name (`local()`, `k.call("…")`), if anything. */
export function callProblem(path: string, name: "local" | "call"): string | undefined {
  if (!isShipped(path)) return undefined;
  const room = roomOf(path)!;
  if (name === "local") {
    return ["main", "cli", "ffi"].includes(room)
      ? undefined
      : "local() is for commands and mod.ts: take the kernel as a parameter";
  }
  return ["ffi", "init", "host"].includes(room)
    ? undefined
    : "a raw call is for ffi, init and host: give the kernel a typed method";
}

/**
 * Files whose plain errors are either mistakes of the program, or caught by their only caller, who gives them
 * a code.
 */
const PLAIN_ERRORS = new RegExp(
  "^(?:build/|spec/cpu_list|ffi/(?:local|prepared_kernel|remote|stencil|structs_netlink)|init/(?:cgroup_mount|lifecycle|setup_context)|" +
    "runtime/cgroups/systemd/(?:annotations|properties)|runtime/cli/flags|runtime/dbus/(?:message|text|value)|" +
    "runtime/container/validate/host/linux|runtime/host/dry/files|runtime/features/checkpoint/(?:protobuf|rpc))",
);

/** Says what is wrong with the making of an error in a file, if anything. */
export function errorProblem(path: string, name: string): string | undefined {
  if (!/^(?:Range|Type)?Error$/.test(name) || !isShipped(path) || PLAIN_ERRORS.test(path)) return undefined;
  return "an error has a code: throw a RuntimeError (docs/errors.md)";
}

/**
 * Names of the kernel's headers, and of errors and signals: by these a reader looks for them in one place.
 */
const KERNEL_NAME = new RegExp(
  "^(?:AF|AT|BPF|CLD|CLONE|EFD|F|FD|FSCONFIG|FSMOUNT|FSOPEN|IFF|IN|IOPRIO|KEYCTL|MAP|MFD|MNT|MSG|" +
    "OPEN_TREE|O|PF|PR|PROT|P|RESOLVE|RLIMIT|SA|SCM|SECCOMP|SIG|SOCK|SOL|SO|STATX|ST|S|TC[GS]|UMOUNT)_[A-Z0-9_]+$" +
    "|^(?:E(?!XIT|RROR)[A-Z0-9]{3,}|SIG(?!NAL)[A-Z0-9]{3,}|LOCK_[A-Z]{2}|POLL[A-Z]+|W[A-Z]*(?:EXITED|NOHANG|NOWAIT)|TIO[A-Z]+|SIO[A-Z]+)$" +
    "|_SUPER_MAGIC$",
);

/** Where they are: beside the structures that they belong to, or in the one list. spec/ imports nothing. */
const KERNEL_NUMBERS = /^(?:spec\/|ffi\/(?:constants|errno|structs_\w+|structs)\.ts$)/;

/** Says what is wrong with a constant that is given a number in a file, if anything. */
export function constantProblem(path: string, name: string): string | undefined {
  if (!isShipped(path) || !KERNEL_NAME.test(name) || KERNEL_NUMBERS.test(path)) return undefined;
  return `the kernel's numbers are in ffi/constants.ts: ${name}`;
}

/** Imports of every file, types included, by paths below the top. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/**
 * Groups of files that import each other in a circle.
 *
 * Tarjan's algorithm: a file that can be reached from a file that it reaches is in one group with it.
 */
export function circles(graph: ImportGraph): string[][] {
  const order = new Map<string, number>(), low = new Map<string, number>();
  const path: string[] = [], found: string[][] = [];
  const visit = (file: string) => {
    order.set(file, order.size);
    low.set(file, order.get(file)!);
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      if (!order.has(next)) visit(next);
      if (path.includes(next)) low.set(file, Math.min(low.get(file)!, low.get(next)!));
    }
    if (low.get(file) !== order.get(file)) return;
    const group = path.splice(path.indexOf(file));
    if (group.length > 1 || graph.get(file)?.includes(file)) found.push(group.sort());
  };
  for (const file of graph.keys()) if (!order.has(file)) visit(file);
  return found;
}

/**
 * What the program exports for its tests (a kernel, the other end of a protocol, tables read backwards), and
 * for its build.
 */
const FOR_TESTS: readonly string[] = [
  "DryKernel",
  "decodeCriuRequest",
  "encodeCriuResponse",
  "isKind",
  "preload",
  "preparedProgram",
  "syscallName",
  "syscallNames",
];

const EXPORTED = /^export (?:async )?(?:const|function\*?|class|interface|type) (\w+)/gm;
/** Numbers of the kernel's: tests may use them, too. Further names of one `export const` stand behind it. */
const CONSTANTS = "ffi/constants.ts";
const FURTHER = /(?:, |^ {2})([A-Z][A-Z\d_]+) = /gm;
const COMMENT = /^ *(?:\/?\*|\/\/).*$|\/\/ .*$/gm;

/** Exported names that nothing of the program uses: neither another file, nor their own. */
export function unusedNames(texts: ReadonlyMap<string, string>): string[] {
  const codes = [...texts].map(([path, text]) => [path, text.replace(COMMENT, "")] as const);
  const inProgram = new Map<string, number>(), anywhere = new Map<string, number>();
  for (const [path, code] of codes) {
    for (const [word] of code.matchAll(/\b[A-Za-z_]\w*/g)) {
      anywhere.set(word, (anywhere.get(word) ?? 0) + 1);
      if (isShipped(path)) inProgram.set(word, (inProgram.get(word) ?? 0) + 1);
    }
  }
  return codes.filter(([path]) => isShipped(path)).flatMap(([path, code]) => {
    const further = path === CONSTANTS ? [...code.matchAll(FURTHER)] : [];
    const times = path === CONSTANTS ? anywhere : inProgram;
    return [...code.matchAll(EXPORTED), ...further].map(([, name]) => name)
      .filter((name) => times.get(name) === 1 && !FOR_TESTS.includes(name))
      .map((name) => `${path} exports ${name}, which nothing uses`);
  });
}

const EXPORTED_FUNCTION = /^export (?:async )?function\*? (\w+)/gm;

/**
 * Names that more than one module exports a function of. The drivers of cgroup v1, v2 and systemd do the same
 * by the same names; an overload is one function.
 */
export function sharedNames(texts: ReadonlyMap<string, string>): string[] {
  const owners = new Map<string, Set<string>>();
  for (const [path, text] of texts) {
    // mod.ts hands names on.
    if (!isShipped(path) || path === "mod.ts" || /^runtime\/cgroups\/(?:v1|v2|systemd)\//.test(path)) {
      continue;
    }
    for (const [, name] of text.matchAll(EXPORTED_FUNCTION)) {
      if (OF_FEATURES.includes(name)) continue;
      owners.set(name, (owners.get(name) ?? new Set()).add(path));
    }
  }
  return [...owners].filter(([, paths]) => paths.size > 1)
    .map(([name, paths]) => `${name} is exported by ${[...paths].join(" and ")}`);
}
