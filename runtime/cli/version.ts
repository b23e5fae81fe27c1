/**
 * The text of `--version`.
 * @module
 */
import { installedRelease } from "../../ffi/libseccomp_file.ts";
import { OCI_VERSION } from "../../spec/types.ts";
import { build } from "../host/build_info.ts";

/**
 * The lines after `tsrun version `. No other line may contain that word, because dockerd takes the last one
 * that does.
 */
export async function versionText(): Promise<string> {
  const libseccomp = installedRelease() ??
    (await import("../features/seccomp/mod.ts")).libseccompVersion();
  return `${build.version}\n` +
    (build.commit === "" ? "" : `commit: ${build.commit}\n`) +
    `spec: ${OCI_VERSION}\n` +
    `deno: ${Deno.version.deno}\n` +
    (libseccomp === "" ? "" : `libseccomp: ${libseccomp}\n`) +
    `kind: ${build.kind}\n`;
}
