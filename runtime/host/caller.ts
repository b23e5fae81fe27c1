/**
 * The caller of tsrun: user, group and environment of this process, asked of Deno in one place.
 * @module
 */

let uid: number | undefined;
let gid: number | undefined;

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

/** A variable of the caller's environment; undefined where it is not set. */
export function callerVariable(name: string): string | undefined {
  return Deno.env.get(name);
}

/** The kernel's release as uname(2) tells it, such as `6.1.0-13-amd64`. */
export function kernelRelease(): string {
  return Deno.osRelease();
}

/** Whether the kernel is of a version or newer; distributions may have added to an older one. */
export function kernelIsAtLeast(major: number, minor: number): boolean {
  const [hasMajor, hasMinor] = kernelRelease().split(".").map(Number);
  return hasMajor > major || hasMajor === major && hasMinor >= minor;
}
