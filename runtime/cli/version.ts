/**
 * What `--version` prints.
 * @module
 */
import { build } from "../version.ts";
import { OCI_VERSION } from "../../spec/types.ts";

/**
 * The lines after `tsrun version `. No other line may hold that word: dockerd takes the last one that does.
 */
export function versionText(): string {
  return `${build.version}\n` +
    (build.commit === "" ? "" : `commit: ${build.commit}\n`) +
    `spec: ${OCI_VERSION}\n` +
    `deno: ${Deno.version.deno}\n` +
    `kind: ${build.kind}\n`;
}
