/** The packages of a release, of a program that stands for one. */
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { skip } from "../../tests/lib/skip.ts";
import { sharedFiles } from "../shared_files.ts";
import { Packer } from "./archive.ts";
import { debianChangelog, debianPackage, glibcVersion } from "./debian.ts";
import type { Program } from "./program.ts";
import { packagesOf, sbomOf } from "./sbom.ts";
import { tarball, tarballName } from "./tarball.ts";
import { textEntry } from "./tree.ts";

const EDITION = { version: "1.2.3", date: "2026-01-02" };
const TIME = 1767323045;
const CHANGELOG =
  "# Changelog\n\n## [1.2.3] - 2026-01-02\n\n### Added\n\n- One thing,\n  in two lines, see [this](x).\n" +
  "- Another.\n\n## [1.2.2] - 2025-12-31\n\n### Fixed\n\n- A fault.\n";
const engine = new TextEncoder().encode("GLIBC_2.9 GLIBC_2.17 GLIBC_PRIVATE GLIBC_2.2.5");

function program(kind: Program["kind"], arch: Program["arch"]): Program {
  const files = (prefix: string) => [
    textEntry("bin/tsrun", `of ${prefix}`, 0o755),
    { path: "lib/tsrun/deno", content: engine, mode: 0o755 },
  ];
  return { kind, arch, engine, files, notes: [] };
}

/** Runs a program on a file in a directory of its own, and returns what it printed. */
function on(file: Uint8Array, argv: readonly string[]): string {
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(`${dir}/file`, file);
    const { code, stdout, stderr } = new Deno.Command(argv[0], { args: argv.slice(1), cwd: dir })
      .outputSync();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    return new TextDecoder().decode(stdout);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

/** Whether the shell takes a script. */
function assertScript(text: string): void {
  on(new TextEncoder().encode(text), ["sh", "-n", "file"]);
}

function hasDpkg(): boolean {
  try {
    return Deno.statSync("/usr/bin/dpkg-deb").isFile;
  } catch {
    return false;
  }
}

for (const [kind, arch, name] of [["bundle", "x86_64", "amd64"], ["compiled", "aarch64", "arm64"]] as const) {
  const title = `release: a Debian package of a ${kind} for ${name}, as dpkg-deb reads it`;
  if (!hasDpkg()) skip(title, "dpkg-deb is not installed");
  else {
    Deno.test(title, async () => {
      const texts = { shared: await sharedFiles(), changelog: CHANGELOG, sbom: "{}" };
      const deb = await debianPackage(program(kind, arch), EDITION, texts, new Packer(TIME));
      const field = (name: string) => on(deb, ["dpkg-deb", "-f", "file", name]).trim();
      assertEquals(["Package", "Version", "Architecture", "Depends", "Recommends"].map(field), [
        "tsrun",
        "1.2.3",
        name,
        "libc6 (>= 2.17), libgcc-s1",
        "libseccomp2",
      ]);
      const list = on(deb, ["dpkg-deb", "-c", "file"]);
      for (
        const path of [
          "bin/tsrun",
          "lib/tsrun/deno",
          "share/man/man8/tsrun-create.8.gz",
          "share/doc/tsrun/copyright",
        ]
      ) {
        assert(list.includes(` ./usr/${path}\n`), path);
      }
      assert(list.includes(" ./usr/share/zsh/vendor-completions/_tsrun\n"));
      assert(!/ \.\/(?!usr\/|\n)/.test(list), "files under /usr only");
      for (const script of ["postinst", "prerm", "postrm"]) {
        const text = on(deb, ["dpkg-deb", "-I", "file", script]);
        assertScript(text);
        assert(!/systemctl|invoke-rc|service|docker|containerd/.test(text), `${script} touches no daemon`);
      }
      assertMatch(on(deb, ["dpkg-deb", "-I", "file", "md5sums"]), /^[0-9a-f]{32} {2}usr\/bin\/tsrun$/m);
    });
  }
}

Deno.test("release: the archive has the program of /usr/local, and a script that installs it", async () => {
  const texts = { shared: await sharedFiles(), documents: new Map([["LICENSE", "L"]]), sbom: "{}" };
  const bytes = await tarball(program("bundle", "x86_64"), EDITION, texts, new Packer(TIME));
  const name = tarballName(program("bundle", "x86_64"), EDITION);
  const file = (path: string) => on(bytes, ["tar", "-xzOf", "file", `${name}/${path}`]);
  assertEquals([file("bin/tsrun"), file("LICENSE"), file("tsrun.cdx.json")], ["of /usr/local", "L", "{}"]);
  assertScript(file("install"));
  const dir = Deno.makeTempDirSync();
  try {
    Deno.writeFileSync(`${dir}/file`, bytes);
    const script = `tar -xzf file && DESTDIR=${dir}/to ./${name}/install && find to -type f | wc -l`;
    const { code, stdout, stderr } = new Deno.Command("sh", { args: ["-ec", script], cwd: dir }).outputSync();
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""]);
    const count = texts.shared.size + 2;
    assertEquals(new TextDecoder().decode(stdout), `${dir}/to/usr/local/bin/tsrun\n${count}\n`);
    assertEquals(Deno.statSync(`${dir}/to/usr/local/bin/tsrun`).mode! & 0o777, 0o755);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
});

Deno.test("release: the bill of materials names engine and packages, and is the same each time", async () => {
  const graph = {
    modules: [
      "file:///main.ts",
      "https://jsr.io/@std/path/1.1.2/mod.ts",
      "https://jsr.io/@std/path/1.1.2/posix/mod.ts",
      "npm:/deno-std@1.4.0/path/mod.js",
    ].map((specifier) => ({ specifier })),
  };
  const packages = packagesOf(graph);
  assertEquals(packages, [
    { name: "@std/path", version: "1.1.2", registry: "jsr" },
    { name: "deno-std", version: "1.4.0", registry: "npm" },
  ]);
  const facts = { commit: "abc", time: TIME, packages };
  const text = await sbomOf(program("bundle", "x86_64"), EDITION, facts);
  assertEquals(await sbomOf(program("bundle", "x86_64"), EDITION, facts), text);
  const { bomFormat, specVersion, serialNumber, metadata, components, dependencies } = JSON.parse(text);
  assertEquals([bomFormat, specVersion, metadata.component.version], ["CycloneDX", "1.5", "1.2.3"]);
  // The pattern of the specification.
  assertMatch(
    serialNumber,
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[1-9a-f][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  assertEquals(metadata.timestamp, "2026-01-02T03:04:05Z");
  // deno-lint-ignore no-explicit-any -- the document's shape is what is tested
  const named = components.map(({ name, version, licenses }: any) => [name, version, licenses[0].license.id]);
  assertEquals(named, [
    ["deno", Deno.version.deno, "MIT"],
    ["v8", Deno.version.v8, "BSD-3-Clause"],
    ["typescript", Deno.version.typescript, "Apache-2.0"],
    ["@std/path", "1.1.2", "MIT"],
    ["deno-std", "1.4.0", "MIT"],
  ]);
  assertMatch(components[0].hashes[0].content, /^[0-9a-f]{64}$/);
  const refs = [metadata.component, ...components].map((part: Record<string, string>) => part["bom-ref"]);
  // deno-lint-ignore no-explicit-any -- as above
  for (const { ref, dependsOn } of dependencies as any[]) {
    for (const name of [ref, ...dependsOn]) assert(refs.includes(name), name);
  }
});

Deno.test("release: what glibc has to be at least, and Debian's changelog", () => {
  assertEquals(glibcVersion(engine), "2.17");
  assertThrows(() => glibcVersion(new Uint8Array(4)), Error, "no version of glibc");
  assertEquals(
    debianChangelog(CHANGELOG),
    "tsrun (1.2.3) unstable; urgency=medium\n\n  * One thing,\n    in two lines, see this.\n  * Another.\n\n" +
      " -- tsrun maintainers <maintainers@tsrun.invalid>  Fri, 02 Jan 2026 00:00:00 +0000\n\n" +
      "tsrun (1.2.2) unstable; urgency=medium\n\n  * A fault.\n\n" +
      " -- tsrun maintainers <maintainers@tsrun.invalid>  Wed, 31 Dec 2025 00:00:00 +0000\n",
  );
});
