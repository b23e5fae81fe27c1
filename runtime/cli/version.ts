/**
 * What `--version` prints.
 * @module
 */
import { OCI_VERSION } from "../../spec/types.ts";
import { libseccompVersion } from "../seccomp.ts";
import { build } from "../version.ts";

/**
 * The lines after `tsrun version `. No other line may hold that word: dockerd takes the last one that does.
 */
export function versionText(): string {
  return `${build.version}\n` +
    (build.commit === "" ? "" : `commit: ${build.commit}\n`) +
    `spec: ${OCI_VERSION}\n` +
    `deno: ${Deno.version.deno}\n` +
    libseccompLine() +
    `kind: ${build.kind}\n`;
}

/** Empty where libseccomp is not installed: all but seccomp works without it. */
function libseccompLine(): string {
  try {
    return `libseccomp: ${libseccompVersion()}\n`;
  } catch {
    return "";
  }
}
