/**
 * The form of a check that asks the host.
 * @module
 */

import type { Partly } from "../../../../spec/rules/report.ts";
import type { Spec } from "../../../../spec/types.ts";
import type { HostMounts } from "../../../host/mounts.ts";
import type { HostView } from "../../../host/view.ts";
import type { HostReport } from "../finding.ts";

/** What a check may look at. */
export interface Question {
  /** What of the config has its shape. */
  spec: Partly<Spec>;
  host: HostView;
  mounts: HostMounts;
  /** Absolute path of the bundle; undefined for a config without one, whose relative paths lead nowhere. */
  bundle?: string;
  /** Absolute path of the root filesystem, where it is a directory. */
  rootfs?: string;
  /** `--systemd-cgroup`. */
  systemdCgroup: boolean;
  /** `--rootless`, decided. */
  rootless: boolean;
}

/** Reports everything of its subject that the host lacks. It starts and changes nothing. */
export type HostCheck = (question: Question, report: HostReport) => void | Promise<void>;

/** A list's elements with their paths. */
export function* withPaths<T>(list: readonly T[] | undefined, path: string): Generator<[T, string]> {
  for (const [index, element] of (list ?? []).entries()) yield [element, `${path}[${index}]`];
}

/** Whether the config asks for a namespace of a type. */
export function asksFor({ linux }: Partly<Spec>, type: string): boolean {
  return linux?.namespaces?.some((it) => it.type === type) === true;
}
