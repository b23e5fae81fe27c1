/**
 * The Debian package of a release: deb(5), Debian's policy manual.
 * @module
 */
import type { Architecture } from "../entry.ts";
import type { Edition } from "../man/roff.ts";
import { arArchive, gzip, type Packer } from "./archive.ts";
import type { Program } from "./program.ts";
import { below, type Entry, textEntry } from "./tree.ts";
import { cachePlace, warmLines } from "./warm_script.ts";

/** Debian's names of the architectures. */
export const DEBIAN_NAMES: Readonly<Record<Architecture, string>> = { x86_64: "amd64", aarch64: "arm64" };

const MAINTAINER = "tsrun maintainers <maintainers@tsrun.invalid>";

/** State root of root's containers. */
const STATE_ROOT = "/run/tsrun";

/** The newest version of glibc's symbols that a program asks for, such as `2.27`. */
export function glibcVersion(program: Uint8Array): string {
  // Names of versions are strings of the program; its code has no such text.
  const text = new TextDecoder("latin1").decode(program);
  const found = [...text.matchAll(/GLIBC_2\.(\d+)(?![\d.])/g)].map(([, minor]) => Number(minor));
  if (found.length === 0) throw new Error("the program names no version of glibc");
  return `2.${Math.max(...found)}`;
}

function controlFile(program: Program, { version }: Edition, files: readonly Entry[]): string {
  const kib = files.reduce(
    (sum, file) => sum + Math.ceil(("content" in file ? file.content.length : 0) / 1024),
    0,
  );
  return [
    "Package: tsrun",
    `Version: ${version}`,
    `Architecture: ${DEBIAN_NAMES[program.arch]}`,
    `Maintainer: ${MAINTAINER}`,
    `Installed-Size: ${kib}`,
    `Depends: libc6 (>= ${glibcVersion(program.engine)}), libgcc-s1`,
    "Recommends: libseccomp2",
    "Suggests: criu, docker.io | containerd | podman",
    "Section: admin",
    "Priority: optional",
    "Description: OCI container runtime that takes the place of runc",
    " tsrun makes and runs containers for Docker, containerd, podman and CRI-O, with",
    " the commands, options, files and exit codes of runc. It checks configurations,",
    " explains and traces what it does, and leaves nothing of itself in a container.",
    " .",
    " Installing it changes no configuration of another program.",
    "",
  ].join("\n");
}

function script(...lines: string[]): string {
  return ["#!/bin/sh", "set -e", ...lines, "exit 0", ""].join("\n");
}

/** Scripts that dpkg runs. */
function maintainerScripts(kind: Program["kind"]): Record<string, string> {
  return {
    postinst: script(
      'if [ "$1" = configure ]; then',
      ...warmLines(kind, "/usr").map((line) => `  ${line}`),
      "fi",
    ),
    prerm: script(`rm -rf ${cachePlace(kind, "/usr")}`),
    // Containers that there are keep their records.
    postrm: script(`rmdir ${STATE_ROOT} 2>/dev/null || :`),
  };
}

/** The project's changelog in the form of deb-changelog(5). */
export function debianChangelog(changelog: string): string {
  return changelog.split(/^## /m).slice(1).flatMap((part) => {
    const [, version, date] = /^\[([\d.]+)\] - (\d{4}-\d\d-\d\d)$/m.exec(part) ?? [];
    if (version === undefined) return [];
    // An item is a line and those that are indented below it.
    const items = [...part.matchAll(/^- (.*(?:\n {2}\S.*)*)$/gm)].map(([, text]) =>
      `  * ${text.replace(/\n {2}/g, "\n    ").replace(/\[([^\]]+)\]\([^)]*\)/g, "$1")}\n`
    );
    const day = new Date(`${date}T00:00:00Z`).toUTCString().replace("GMT", "+0000");
    return [`tsrun (${version}) unstable; urgency=medium\n\n${items.join("")}\n -- ${MAINTAINER}  ${day}\n`];
  }).join("\n");
}

/** The licences of what is in the package: DEP 5. */
export function copyrightFile(): string {
  return [
    "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/",
    "Upstream-Name: tsrun",
    "",
    "Files: *",
    "Copyright: 2026 the authors of tsrun",
    "License: Apache-2.0",
    " On Debian systems the text is in /usr/share/common-licenses/Apache-2.0.",
    "",
    "Files: usr/lib/tsrun/*",
    "Copyright: 2018-2026 the Deno authors, the V8 project authors and others",
    "License: MIT and BSD-3-clause",
    " The engine that runs tsrun is Deno (MIT), which holds V8 (BSD-3-Clause) and other",
    " libraries; tsrun.cdx.json in this directory lists them.",
    "",
  ].join("\n");
}

/** The package's own directory of documents, and its manual pages, as Debian wants them. */
function documents(
  shared: ReadonlyMap<string, string>,
  changelog: string,
  sbom: string,
): Entry[] {
  const entries: Entry[] = [
    textEntry("share/doc/tsrun/copyright", copyrightFile()),
    textEntry("share/doc/tsrun/tsrun.cdx.json", sbom),
    {
      path: "share/doc/tsrun/changelog.gz",
      content: gzip(new TextEncoder().encode(debianChangelog(changelog))),
      mode: 0o644,
    },
  ];
  for (const [path, text] of shared) {
    if (path.startsWith("share/man/")) {
      entries.push({ path: `${path}.gz`, content: gzip(new TextEncoder().encode(text)), mode: 0o644 });
    } else entries.push(textEntry(path.replace("zsh/site-functions", "zsh/vendor-completions"), text));
  }
  return entries;
}

/** What the package says of its own files: deb-md5sums(5). */
async function digests(files: readonly Entry[]): Promise<string> {
  const { createHash } = await import("node:crypto");
  return files.flatMap((file) =>
    "content" in file ? [`${createHash("md5").update(file.content).digest("hex")}  ${file.path}\n`] : []
  ).join("");
}

/** The package. */
export async function debianPackage(
  program: Program,
  edition: Edition,
  texts: { shared: ReadonlyMap<string, string>; changelog: string; sbom: string },
  packer: Packer,
): Promise<Uint8Array<ArrayBuffer>> {
  const files = below("usr", [
    ...program.files("/usr"),
    ...documents(texts.shared, texts.changelog, texts.sbom),
  ]);
  const control = [
    textEntry("control", controlFile(program, edition, files)),
    textEntry("md5sums", await digests(files)),
    ...Object.entries(maintainerScripts(program.kind)).map(([name, text]) => textEntry(name, text, 0o755)),
  ];
  return arArchive([
    ["debian-binary", new TextEncoder().encode("2.0\n")],
    ["control.tar.gz", await packer.tarGz(below(".", control))],
    ["data.tar.gz", await packer.tarGz(below(".", files))],
  ], packer.time);
}
