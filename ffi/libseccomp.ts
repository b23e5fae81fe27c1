/**
 * libseccomp by foreign function interface: builds a filter and hands out its program.
 *
 * Only the symbols for building a filter are bound, because each costs 0.2 to 0.4 ms. The filter is never
 * loaded here: the init stage loads it by seccomp(2).
 *
 * Sources: seccomp_init(3), seccomp_arch_add(3), seccomp_rule_add(3), seccomp_export_bpf(3).
 * @module
 */

import { MFD_CLOEXEC } from "./constants.ts";
import { TsrunError } from "./errors.ts";
import { EEXIST, strerror } from "./errno.ts";
import { errno, libc } from "./libc.ts";
import { locateLibseccomp, releaseOf, SONAME } from "./libseccomp_file.ts";
import { syscallNumber } from "./syscalls.ts";

const SYMBOLS = {
  // scmp_filter_ctx seccomp_init(uint32_t def_action);
  seccomp_init: { parameters: ["u32"], result: "usize" },
  // void seccomp_release(scmp_filter_ctx ctx);
  seccomp_release: { parameters: ["usize"], result: "void" },
  // int seccomp_arch_add(scmp_filter_ctx ctx, uint32_t arch_token);
  seccomp_arch_add: { parameters: ["usize", "u32"], result: "i32" },
  // int seccomp_attr_set(scmp_filter_ctx ctx, enum scmp_filter_attr attr, uint32_t value);
  seccomp_attr_set: { parameters: ["usize", "u32", "u32"], result: "i32" },
  // int seccomp_syscall_resolve_name_arch(uint32_t arch_token, const char *name);
  seccomp_syscall_resolve_name_arch: { parameters: ["u32", "usize"], result: "i32" },
  // int seccomp_rule_add_array(scmp_filter_ctx ctx, uint32_t action, int syscall, unsigned int arg_cnt,
  //                            const struct scmp_arg_cmp *arg_array);
  seccomp_rule_add_array: { parameters: ["usize", "u32", "i32", "u32", "usize"], result: "i32" },
  // int seccomp_export_bpf(const scmp_filter_ctx ctx, int fd);
  seccomp_export_bpf: { parameters: ["usize", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/**
 * The bound functions. Their 64-bit parameters take plain numbers, which Deno accepts although its types do
 * not say so.
 */
interface Bound {
  seccomp_init(action: number): bigint;
  seccomp_release(context: number): void;
  seccomp_arch_add(context: number, token: number): number;
  seccomp_attr_set(context: number, attribute: number, value: number): number;
  seccomp_syscall_resolve_name_arch(token: number, name: number): number;
  seccomp_rule_add_array(
    context: number,
    action: number,
    syscall: number,
    count: number,
    conditions: number,
  ): number;
  seccomp_export_bpf(context: number, fd: number): number;
}

const VERSION_SYMBOLS = {
  // const struct scmp_version *seccomp_version(void);
  seccomp_version: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

/** enum scmp_filter_attr: how the filter code is arranged. */
const SCMP_FLTATR_CTL_OPTIMIZE = 8;
/** What resolving answers for a name it does not know. */
const NR_SCMP_ERROR = -1;
/** sizeof(struct scmp_arg_cmp): unsigned arg, enum op, then two 64-bit data. */
const CONDITION_SIZE = 24;
/** A system call has six arguments (syscall(2)). */
const MAX_CONDITIONS = 6;

/** One comparison of a system call's argument: struct scmp_arg_cmp. */
export interface Condition {
  /** Index of the argument, 0 to 5. */
  arg: number;
  /** enum scmp_compare. */
  op: number;
  /** Value to compare with; the mask of a masked comparison. */
  a: bigint;
  /** The masked comparison's value, else unused. */
  b: bigint;
}

/** A failure of libseccomp: what it was doing, and why it failed. */
export class LibseccompError extends TsrunError {
  override name = "LibseccompError";
}

function refused(operation: string, reason: string): LibseccompError {
  return new LibseccompError({ code: "EINVAL_LIBSECCOMP", operation, reason });
}

/** Unwraps a result of libseccomp, which is 0 or a negative errno. */
function check(result: number, doing: string): void {
  if (result < 0) throw refused(doing, strerror(-result));
}

/** Loads the library: the file that was located, or else the one that the loader finds by the soname. */
function load<S extends Deno.ForeignLibraryInterface>(symbols: S): Deno.DynamicLibrary<S> {
  const path = locateLibseccomp()?.path;
  try {
    if (path) return Deno.dlopen(path, symbols);
  } catch {
    // The file may belong to another machine type. The loader's own search may find the right one.
  }
  try {
    return Deno.dlopen(SONAME, symbols);
  } catch (cause) {
    const reason = "it is not there, or of another machine";
    const message = `${SONAME} cannot be loaded; install the package libseccomp2 ` +
      `(Debian, Ubuntu, openSUSE) or libseccomp (Fedora, Arch, Alpine)`;
    const facts = { code: "ENOENT_LIBSECCOMP" as const, operation: "load", object: SONAME, reason, message };
    throw new LibseccompError(facts, { cause });
  }
}

/**
 * Release of the installed libseccomp, such as `2.5.4`: from its file name, or else by asking the library.
 *
 * @returns An empty string where the library is not installed.
 */
export function libseccompRelease(): string {
  const file = locateLibseccomp();
  const release = file && releaseOf(file);
  if (release) return release;
  try {
    using library = closing(load(VERSION_SYMBOLS));
    const view = new Deno.UnsafePointerView(library.symbols.seccomp_version()!);
    return `${view.getUint32(0)}.${view.getUint32(4)}.${view.getUint32(8)}`;
  } catch (error) {
    if (error instanceof LibseccompError) return "";
    throw error;
  }
}

/** Lets `using` close a library. */
function closing<S extends Deno.ForeignLibraryInterface>(library: Deno.DynamicLibrary<S>) {
  return { symbols: library.symbols, [Symbol.dispose]: () => library.close() };
}

/** A filter being built; `using` frees it. */
export class SeccompFilter implements Disposable {
  readonly #library: Deno.DynamicLibrary<typeof SYMBOLS>;
  readonly #functions: Bound;
  /** scmp_filter_ctx, as a number. */
  readonly #context: number;
  /**
   * Conditions of the rule being added, then every name. The buffer is too big for V8's heap, so it never
   * moves.
   */
  readonly #memory: ArrayBuffer;
  readonly #address: number;
  readonly #conditions: DataView;
  /** Address of each name's NUL-terminated bytes. */
  readonly #names = new Map<string, number>();

  /**
   * Starts a filter for the native architecture.
   *
   * @param defaultAction SCMP_ACT_* with its data, for every call that no rule matches.
   * @param names Every system call name that will be resolved.
   * @throws {LibseccompError} When the library is missing, or the kernel does not know the default action.
   */
  constructor(defaultAction: number, names: Iterable<string>) {
    const text = this.#placeNames(names);
    // V8 keeps small array buffers on its heap and may move them; 4 KiB is beyond that.
    this.#memory = new ArrayBuffer(Math.max(4096, CONDITION_SIZE * MAX_CONDITIONS + text.length));
    this.#address = Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(this.#memory)));
    this.#conditions = new DataView(this.#memory, 0, CONDITION_SIZE * MAX_CONDITIONS);
    new TextEncoder().encodeInto(text, new Uint8Array(this.#memory, CONDITION_SIZE * MAX_CONDITIONS));
    this.#library = load(SYMBOLS);
    this.#functions = this.#library.symbols as unknown as Bound;
    this.#context = Number(this.#functions.seccomp_init(defaultAction));
    if (this.#context === 0) {
      this.#library.close();
      throw refused(
        `seccomp_init(0x${defaultAction.toString(16)})`,
        "the action is not known to libseccomp or this kernel",
      );
    }
  }

  /**
   * Lays out the names in one NUL-separated text. A name that is not ASCII names no system call and is left
   * out.
   */
  #placeNames(names: Iterable<string>): string {
    let text = "";
    for (const name of names) {
      if (!/^[\x21-\x7e]+$/.test(name) || this.#names.has(name)) continue;
      this.#names.set(name, text.length);
      text += name + "\0";
    }
    return text;
  }

  /**
   * Adds an architecture, to which all rules added later apply. Adding one twice is allowed.
   *
   * @param token SCMP_ARCH_*.
   * @throws {LibseccompError} When the library does not know it, or its byte order is not the native one's.
   */
  addArch(token: number): void {
    const result = this.#functions.seccomp_arch_add(this.#context, token);
    if (result !== -EEXIST) check(result, `seccomp_arch_add(0x${token.toString(16)})`);
  }

  /**
   * Chooses the arrangement of the code: 2 is a binary tree over the system call numbers (libseccomp 2.5).
   *
   * @returns Whether the library supports it.
   */
  optimize(level: number): boolean {
    return this.#functions.seccomp_attr_set(this.#context, SCMP_FLTATR_CTL_OPTIMIZE, level) === 0;
  }

  /**
   * The number of a system call on an architecture. It is negative where the call exists only on other
   * architectures.
   *
   * @param name One of the names given to the constructor.
   * @param token SCMP_ARCH_*.
   * @returns undefined for a name that libseccomp does not know at all.
   */
  resolve(name: string, token: number): number | undefined {
    const offset = this.#names.get(name);
    if (offset === undefined) return undefined;
    const address = this.#address + CONDITION_SIZE * MAX_CONDITIONS + offset;
    const number = this.#functions.seccomp_syscall_resolve_name_arch(token, address);
    return number === NR_SCMP_ERROR ? undefined : number;
  }

  /**
   * Adds a rule: all conditions must hold for it to match.
   *
   * @param action SCMP_ACT_* with its data.
   * @param syscall Number on the native architecture; libseccomp finds the others'.
   * @param conditions At most one for each argument.
   * @throws {LibseccompError} `file exists` when it contradicts an earlier rule.
   */
  addRule(action: number, syscall: number, conditions: readonly Condition[]): void {
    if (conditions.length > MAX_CONDITIONS) {
      throw refused("seccomp_rule_add", `${conditions.length} conditions on one system call`);
    }
    conditions.forEach((condition, i) => {
      const at = i * CONDITION_SIZE;
      this.#conditions.setUint32(at, condition.arg, true);
      this.#conditions.setUint32(at + 4, condition.op, true);
      this.#conditions.setBigUint64(at + 8, condition.a, true);
      this.#conditions.setBigUint64(at + 16, condition.b, true);
    });
    const { seccomp_rule_add_array } = this.#functions;
    check(
      seccomp_rule_add_array(this.#context, action, syscall, conditions.length, this.#address),
      `seccomp_rule_add(0x${action.toString(16)}, ${syscall})`,
    );
  }

  /**
   * The filter as a classic BPF program: struct sock_filter[], in native byte order.
   *
   * @throws {LibseccompError} When libseccomp cannot express it.
   */
  exportProgram(): Uint8Array<ArrayBuffer> {
    const { syscall } = libc();
    // Asks for errno's address now: asking for it later would be another call between the failed call and its
    // errno.
    errno();
    // The memfd's name is an empty string, made of the scratch block's first byte; it is seen in /proc only.
    this.#conditions.setUint8(0, 0);
    const fd = syscall(syscallNumber("memfd_create"), this.#address, MFD_CLOEXEC, 0, 0, 0, 0);
    if (fd < 0) throw refused("memfd_create", strerror(errno()));
    try {
      check(this.#functions.seccomp_export_bpf(this.#context, fd), "seccomp_export_bpf");
      return Deno.readFileSync(`/proc/self/fd/${fd}`);
    } finally {
      syscall(syscallNumber("close"), fd, 0, 0, 0, 0, 0);
    }
  }

  /** Frees the filter and unloads the library. */
  [Symbol.dispose](): void {
    this.#functions.seccomp_release(this.#context);
    this.#library.close();
  }
}
