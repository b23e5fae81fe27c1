/**
 * What a doctor has to try, because no file of the host tells it.
 * @module
 */

import type { NamespaceType } from "../../../spec/namespaces.ts";

/**
 * Trials. An errno is positive, and 0 is success; a reason is a text, and undefined is success. Nothing of a
 * trial stays, and none throws.
 */
export interface Trials {
  /** Makes a namespace: with the caller's rights, or as root of a new user namespace. */
  namespace(type: NamespaceType, inUserNamespace: boolean): number;
  /** Makes a user namespace as another user. Only root can try. */
  namespaceOfUser(uid: number): number;
  /** Becomes root of a new user namespace, and makes a mount in it. */
  rightsInUserNamespace(): number;
  /** Lets newuidmap(1) and newgidmap(1) map ids. */
  mapIds(uids: IdGrant, gids: IdGrant): string | undefined;
  clone3(): number;
  pidfd(): number;
  fileCalls(): Readonly<Record<string, number>>;
  /** The mount calls, where the caller may mount: in a new mount namespace. */
  mountCalls(inUserNamespace: boolean): Readonly<Record<string, number>> | number;
  /** Executes a program from memory. */
  memfd(): string | undefined;
  overlay(): number;
  /** Maps the ids of a copy of the mount at a path. Only root can try. */
  idmap(path: string): number;
  /** Loads a filter that libseccomp has compiled. */
  filter(): string | undefined;
  /** Of these names of system calls, those that libseccomp does not know. */
  unknownCalls(names: readonly string[]): string[];
  /** Flags of seccomp(2) that the kernel does not know. */
  unknownFlags(): string[];
  /** Release of libseccomp; empty where there is none. */
  libseccomp(): string;
  /** Makes a cgroup in a directory, and removes it. */
  cgroup(directory: string): number;
  /** Loads a device program of cgroup v2. */
  deviceProgram(): Promise<number>;
  /** Release of the systemd on a bus, or why it does not answer. */
  systemd(bus: "system" | "user"): Promise<{ release: number } | { reason: string }>;
  /** Version of CRIU and what `criu check` says, or why it cannot be asked. */
  criu(name: string): Promise<{ path: string; version: number; check?: string } | { reason: string }>;
  /** Makes a directory, with its parents, if it is not there, and a file in it; removes what it made. */
  stateDirectory(path: string): number;
  /** What is free where a path is, or would be. */
  space(path: string): { bytes: number; files: number; type: string } | undefined;
  /** The first line that a program prints. */
  firstLine(path: string, args: readonly string[]): Promise<string | undefined>;
}

/** Ids of a user and the first of the ids that are granted to it. */
export interface IdGrant {
  own: number;
  first: number;
  count: number;
}
