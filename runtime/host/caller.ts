/**
 * The caller of tsrun: user, group and environment of this process, asked of Deno in one place.
 *
 * Nothing of the caller's environment may steer the engine, which reads some hundred variables. So the entry
 * of a built tsrun (build/entry_*.s) puts a prefix before the name of each, and here it is taken away again.
 * Run from its sources tsrun has no entry and no prefix.
 * @module
 */

/** What stands before the names of the caller's variables; build/entry_*.s say the same. */
export const PREFIX = "tsrun:";

declare const TSRUN_BUILD: unknown;

/** Was this program started by the entry? */
const prefixed = typeof TSRUN_BUILD !== "undefined";

let uid: number | undefined;
let gid: number | undefined;

let supposed = false;

/** Supposes that the caller is root, for a dry run of what root would do. */
export function supposeRoot(): void {
  if (callerUid() === 0) return;
  uid = gid = 0;
  supposed = true;
}

/** Whether the caller is only supposed to be root. */
export function callerIsSupposed(): boolean {
  return supposed;
}

/** Effective user id of this process. It is read once: {@linkcode ./act_as.ts} changes other ids only. */
export function callerUid(): number {
  return uid ??= Deno.uid() ?? 0;
}

/** Effective group id of this process, read once. */
export function callerGid(): number {
  return gid ??= Deno.gid() ?? 0;
}

/** Whether the caller is root in its own user namespace. */
export function callerIsRoot(): boolean {
  return callerUid() === 0;
}

/** Whether setgroups(2) is denied in the caller's user namespace: user_namespaces(7). */
export function callerDeniesGroups(): boolean {
  return Deno.readTextFileSync("/proc/self/setgroups").startsWith("deny");
}

/** A variable of the caller's environment; undefined where it is not set. */
export function callerVariable(name: string): string | undefined {
  return Deno.env.get(prefixed ? PREFIX + name : name);
}

/** All variables of the caller, as hooks and other children are to inherit them. */
export function callerEnvironment(): Record<string, string> {
  const env = Deno.env.toObject();
  return prefixed ? withoutPrefix(env) : env;
}

/** The variables that have the prefix, under their own names: the others are the engine's. */
export function withoutPrefix(env: Readonly<Record<string, string>>): Record<string, string> {
  const callers: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith(PREFIX)) callers[name.slice(PREFIX.length)] = value;
  }
  return callers;
}

/** Process id of this process. */
export function ownPid(): number {
  return Deno.pid;
}

/** The kernel's release as uname(2) tells it, such as `6.1.0-13-amd64`. */
export function kernelRelease(): string {
  return Deno.osRelease();
}

/** Whether the kernel has at least this version. Distributions may have added features to an older one. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [hasMajor, hasMinor] = kernelRelease().split(".").map(Number);
  return hasMajor > major || hasMajor === major && hasMinor >= minor;
}
