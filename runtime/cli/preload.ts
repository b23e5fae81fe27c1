/**
 * What is done before a snapshot of the started engine is taken (build/snapshot/README.md), so that no
 * command of it does it again. Nothing may be kept in which processes, callers, hosts or moments differ:
 * preload_test.ts names all variables of modules that the program has, and why each may stay.
 * @module
 */
import { libc } from "../../ffi/libc.ts";

/** Binds libc. */
export function preload(): void {
  libc();
}
