/**
 * Annotations of crun, `run.oci.*`, that this runtime takes from a config: docs/annotations.md lists all.
 *
 * Source: crun(1), section "Extensions to OCI".
 * @module
 */
import type { Spec } from "./types.ts";

const PREFIX = "run.oci.";

/** The part of a config that annotations are looked up in. */
type Annotated = Pick<Spec, "annotations">;

/** Whether a config has annotations of crun. */
export function hasRunOci({ annotations = {} }: Annotated): boolean {
  return Object.keys(annotations).some((name) => name.startsWith(PREFIX));
}

/** Value of an annotation by its name behind `run.oci.`; undefined where it is absent. */
export function runOci({ annotations = {} }: Annotated, name: string): string | undefined {
  return Object.hasOwn(annotations, PREFIX + name) ? annotations[PREFIX + name] : undefined;
}

/** Whether an annotation is a switch that is on: any value but 0, as in crun. */
export function isSwitchedOn(spec: Annotated, name: string): boolean {
  return (runOci(spec, name) ?? "0") !== "0";
}

/** `run.oci.keep_original_groups`: processes keep the additional groups of the caller. */
export function keepsGroups(spec: Annotated): boolean {
  return isSwitchedOn(spec, "keep_original_groups");
}
