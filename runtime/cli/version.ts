/**
 * The text of `--version`.
 * @module
 */
import { OCI_VERSION } from "../../spec/types.ts";
import { libseccompVersion } from "../features/seccomp/mod.ts";
import { build } from "../host/build_info.ts";

/**
 * The lines after `tsrun version `. No other line may contain that word, because dockerd takes the last one
 * that does.
 */
export function versionText(): string {
  const libseccomp = installedLibseccomp();
  return `${build.version}\n` +
    (build.commit === "" ? "" : `commit: ${build.commit}\n`) +
    `spec: ${OCI_VERSION}\n` +
    `deno: ${Deno.version.deno}\n` +
    (libseccomp === undefined ? "" : `libseccomp: ${libseccomp}\n`) +
    `kind: ${build.kind}\n`;
}

/** Version of libseccomp; undefined where it is not installed. Everything but seccomp works without it. */
export function installedLibseccomp(): string | undefined {
  return libseccompVersion() || undefined;
}
