/**
 * Starts the engine that is to be taken, with all low descriptors in use: those that it opens are to have
 * numbers that callers of tsrun do not pass down.
 * @module
 */

/** The engine's own descriptors begin here. */
export const FIRST_DESCRIPTOR = 100;

const LIBC = {
  posix_spawn: { parameters: ["buffer", "buffer", "buffer", "buffer", "buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_init: { parameters: ["buffer"], result: "i32" },
  posix_spawn_file_actions_adddup2: { parameters: ["buffer", "i32", "i32"], result: "i32" },
  posix_spawn_file_actions_addopen: {
    parameters: ["buffer", "i32", "buffer", "i32", "u32"],
    result: "i32",
  },
  posix_spawn_file_actions_addchdir_np: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawn_file_actions_addclosefrom_np: { parameters: ["buffer", "i32"], result: "i32" },
  posix_spawn_file_actions_destroy: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_init: { parameters: ["buffer"], result: "i32" },
  posix_spawnattr_setflags: { parameters: ["buffer", "i16"], result: "i32" },
  posix_spawnattr_setsigdefault: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_setsigmask: { parameters: ["buffer", "buffer"], result: "i32" },
  posix_spawnattr_destroy: { parameters: ["buffer"], result: "i32" },
  waitpid: { parameters: ["i32", "buffer", "i32"], result: "i32" },
  kill: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** A process that ends when it is disposed of. */
export interface Spawned extends Disposable {
  pid: number;
}

function text(value: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${value}\0`);
}

/** A list of strings for the kernel; they live as long as the list. */
function list(strings: readonly string[]): { words: BigUint64Array<ArrayBuffer>; kept: Uint8Array[] } {
  const kept = strings.map(text);
  const words = new BigUint64Array(kept.length + 1);
  kept.forEach((bytes, i) => {
    words[i] = Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
  });
  return { words, kept };
}

/** Flags of posix_spawnattr_setflags(3) in glibc. */
const SETSIGDEF = 4, SETSIGMASK = 8;
/** O_WRONLY|O_CREAT|O_TRUNC. */
const OUTPUT = 0o1101;

/**
 * Starts a program in `/`.
 *
 * @param args Its absolute path first.
 * @param output File for its output; what it says of errors goes to `OUTPUT.error`.
 * @throws {Error} where it cannot be started.
 */
export function spawn(args: readonly string[], env: readonly string[], output: string): Spawned {
  const lib = Deno.dlopen("libc.so.6", LIBC), libc = lib.symbols;
  const actions = new Uint8Array(256), pid = new Int32Array(1);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawn_file_actions_addopen(actions, 0, text("/dev/null"), 2, 0);
  libc.posix_spawn_file_actions_addopen(actions, 1, text(output), OUTPUT, 0o600);
  libc.posix_spawn_file_actions_addopen(actions, 2, text(`${output}.error`), OUTPUT, 0o600);
  libc.posix_spawn_file_actions_addchdir_np(actions, text("/"));
  // Nothing that this process has inherited is handed on.
  libc.posix_spawn_file_actions_addclosefrom_np(actions, 3);
  for (let fd = 3; fd < FIRST_DESCRIPTOR; fd++) libc.posix_spawn_file_actions_adddup2(actions, 0, fd);
  // Every signal is at its default, and none is blocked: a snapshot is to have what the engine has set.
  const attributes = new Uint8Array(512);
  libc.posix_spawnattr_init(attributes);
  libc.posix_spawnattr_setflags(attributes, SETSIGDEF | SETSIGMASK);
  libc.posix_spawnattr_setsigdefault(attributes, new Uint8Array(128).fill(0xff));
  libc.posix_spawnattr_setsigmask(attributes, new Uint8Array(128));
  const argv = list(args), envp = list(env);
  const bytes = (words: BigUint64Array<ArrayBuffer>) => new Uint8Array(words.buffer);
  const result = libc.posix_spawn(
    new Uint8Array(pid.buffer),
    argv.kept[0] as Uint8Array<ArrayBuffer>,
    actions,
    attributes,
    bytes(argv.words),
    bytes(envp.words),
  );
  libc.posix_spawn_file_actions_destroy(actions);
  libc.posix_spawnattr_destroy(attributes);
  if (result !== 0) {
    lib.close();
    throw new Error(`${args[0]} cannot be started: error ${result}`);
  }
  return {
    pid: pid[0],
    [Symbol.dispose]() {
      libc.kill(pid[0], 9);
      libc.waitpid(pid[0], new Uint8Array(4), 0);
      lib.close();
    },
  };
}
