/**
 * What is done before a snapshot of the started engine is taken (build/snapshot/README.md), so that no
 * command of it does it again. Nothing here may keep what another process, caller or moment differs in.
 * @module
 */
import { libc } from "../../ffi/libc.ts";

/** Binds libc. */
export function preload(): void {
  libc();
}
