/**
 * The archive of a release for any distribution: the files below /usr/local, and a script that copies them
 * there.
 * @module
 */
import type { Edition } from "../man/roff.ts";
import type { Packer } from "./archive.ts";
import type { Program } from "./program.ts";
import { below, type Entry, textEntry } from "./tree.ts";
import { warmLines } from "./warm_script.ts";

/** Where its files belong: the program of a bundle names its engine by its path. */
const PREFIX = "/usr/local";

/** Copies the files, each by a rename, so that a tsrun that runs is left alone. */
function installScript(program: Program, paths: readonly string[]): string {
  const directories = [...new Set(paths.map((path) => path.slice(0, path.lastIndexOf("/"))))].sort();
  return [
    "#!/bin/sh",
    `# Installs tsrun below ${PREFIX}: ./install, as root; DESTDIR=DIR ./install for packagers.`,
    "set -eu",
    'cd "$(dirname "$0")"',
    `to=\${DESTDIR-}${PREFIX}`,
    "umask 022",
    ...directories.map((directory) => `mkdir -p "$to/${directory}"`),
    `for path in ${paths.join(" ")}; do`,
    '  cp -P "$path" "$to/$path.part-$$"',
    '  mv -f "$to/$path.part-$$" "$to/$path"',
    "done",
    'if [ -z "${DESTDIR-}" ]; then',
    ...warmLines(program.kind, PREFIX).map((line) => `  ${line}`),
    "fi",
    'echo "$to/bin/tsrun"',
    "",
  ].join("\n");
}

/** Name of the archive's only directory. */
export function tarballName(program: Program, { version }: Edition): string {
  return `tsrun-${version}-linux-${program.arch}`;
}

/** The archive. */
export async function tarball(
  program: Program,
  edition: Edition,
  texts: { shared: ReadonlyMap<string, string>; documents: ReadonlyMap<string, string>; sbom: string },
  packer: Packer,
): Promise<Uint8Array<ArrayBuffer>> {
  const files: Entry[] = [
    ...program.files(PREFIX),
    ...[...texts.shared].map(([path, text]) => textEntry(path, text)),
  ];
  const install = installScript(program, files.map(({ path }) => path).sort());
  return await packer.tarGz(below(tarballName(program, edition), [
    ...files,
    ...[...texts.documents].map(([path, text]) => textEntry(path, text)),
    textEntry("tsrun.cdx.json", texts.sbom),
    textEntry("install", install, 0o755),
  ]));
}
