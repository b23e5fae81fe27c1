/**
 * What `configure` is asked for, and what it decides.
 * @module
 */
import { type FileChange, readClientFile, wrongFile } from "./change.ts";

/** Clients that can be configured. */
export const CLIENTS = ["docker", "containerd", "crio", "podman", "kubernetes"] as const;
/** One of them. */
export type Client = typeof CLIENTS[number];

/** What is asked for. */
export interface Wish {
  /** The name that the client is to know tsrun by: lower-case letters, digits and minus signs. */
  name: string;
  /** Absolute path of tsrun. */
  program: string;
  /** The client is to use it where no runtime is named. */
  isDefault: boolean;
  /** What `configure` has done for this name is to be undone. */
  remove: boolean;
  /** The client's file, where it is not the usual one. */
  file?: string;
  /** The files of the caller are meant, and not the host's: `$HOME`, `$XDG_CONFIG_HOME`. */
  user: { home: string; configHome: string } | undefined;
}

/** What is to be done. */
export interface ClientPlan {
  /** Without those that change nothing. */
  files: FileChange[];
  /** The command after which the client knows; absent where it reads its files each time. */
  reload?: string;
  /** What the user should know. */
  notes: string[];
  /** What is to be given to another program: documents for Kubernetes. */
  manifest?: string;
}

/** How each file begins that is tsrun's own. */
const MARK = '# Written by "tsrun configure';

/** The first line of a file that is tsrun's own. */
export function heading(client: Client, name: string): string {
  return `${MARK} ${client}"; the option --remove with --name ${name} removes it.\n`;
}

/**
 * A change of a file that is tsrun's own as a whole.
 *
 * @param after Undefined to remove it.
 * @throws {RuntimeError} If there is a file that `configure` has not written.
 */
export function ownFile(path: string, after: string | undefined): FileChange {
  const before = readClientFile(path);
  if (before !== undefined && !before.startsWith(MARK)) {
    throw wrongFile(path, "was not written by configure (choose another --name, or move it away)");
  }
  return { path, before, after };
}
