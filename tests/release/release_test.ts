/** `./x release`: the same bytes for the same commit, and packages that install, run and go again. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fetchAid } from "../../build/aid.ts";
import { runnerOf } from "../../build/entry_testing.ts";
import { config, makeBundle, sh } from "../lib/bundle.ts";
import { exists } from "../lib/process.ts";
import { skip } from "../lib/skip.ts";
import { cacheDirectory, checkout, COMMIT_TIME, release, run } from "./checkout.ts";
import { debianRoot } from "./root.ts";

const { version } = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
const { arch } = Deno.build;
const DEB = `tsrun_${version}_${arch === "x86_64" ? "amd64" : "arm64"}.deb`;
const NAME = `tsrun-${version}-linux-${arch}`;
const SCRIPT = new URL("install.sh", import.meta.url).pathname;

/** Files of a directory with their digests. */
function digests(dir: string): string[] {
  const names = [...Deno.readDirSync(dir)].map(({ name }) => name).sort();
  return run(["sha256sum", ...names], { cwd: dir }).trimEnd().split("\n");
}

/** Makes a package of version 0.1.0 of another one's files and scripts, with one file more. */
function writeOlder(deb: string, dir: string, older: string): void {
  run(["dpkg-deb", "--raw-extract", deb, dir]);
  const control = Deno.readTextFileSync(`${dir}/DEBIAN/control`);
  Deno.writeTextFileSync(`${dir}/DEBIAN/control`, control.replace(/^Version: .*$/m, "Version: 0.1.0"));
  Deno.writeTextFileSync(`${dir}/usr/share/doc/tsrun/older`, "");
  run(["dpkg-deb", "-Znone", "--root-owner-group", "--build", dir, older]);
  Deno.removeSync(dir, { recursive: true });
}

/** Installs, upgrades and removes a package on the fresh system. @returns What the script printed. */
function onFreshSystem(archive: string, deb: string, dir: string): string {
  const root = `${dir}/root`;
  Deno.mkdirSync(root);
  run(["tar", "-C", root, "-xf", archive]);
  Deno.copyFileSync(deb, `${root}/tmp/tsrun.deb`);
  writeOlder(deb, `${dir}/older`, `${root}/tmp/older.deb`);
  Deno.copyFileSync(SCRIPT, `${root}/tmp/install.sh`);
  const { dir: bundle } = makeBundle(`${root}/tmp`);
  const container = config({ process: { args: sh("echo hello from a container") } });
  Deno.writeTextFileSync(`${bundle}/config.json`, JSON.stringify(container));
  // The system becomes the root of a mount namespace, with which everything goes: a container cannot be made
  // in a chroot.
  const mounts = [
    `mount --bind ${root} ${root}`,
    `mount -t proc proc ${root}/proc`,
    `mount --rbind /sys ${root}/sys`,
    `mount --rbind /dev ${root}/dev`,
    `mount -t tmpfs tmpfs ${root}/run`,
    `cd ${root}`,
    "mkdir tmp/old",
    "pivot_root . tmp/old",
    "umount -l /tmp/old",
    "exec /bin/sh /tmp/install.sh",
  ];
  return run(["timeout", "240", "unshare", "-m", "--propagation", "private", "sh", "-ec", mounts.join("\n")]);
}

/** Runs with a directory that is removed again. */
async function inDirectory(use: (dir: string) => void | Promise<void>): Promise<void> {
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-release-" });
  try {
    await use(dir);
  } finally {
    run(["rm", "-rf", "--one-file-system", dir]);
  }
}

function assertInstalls(said: string, kind: string): void {
  assertMatch(said, /^a container of the older one was started\n/);
  assertMatch(said, new RegExp(`^tsrun version ${version}\n(.*\n)*kind: ${kind}\n`, "m"));
  assertMatch(said, /^hello from a container\n/m);
  assertMatch(said, /^nothing is left\n$/m);
}

Deno.test("release: a bundle: two builds of one commit in two directories are the same; its package installs, upgrades, runs and goes", async (t) => {
  await inDirectory(async (dir) => {
    Deno.mkdirSync(`${dir}/one`);
    Deno.mkdirSync(`${dir}/another-place`);
    checkout(`${dir}/one`);
    run(["cp", "-a", `${dir}/one`, `${dir}/another-place/two`]);
    for (const copy of ["one", "another-place/two"]) {
      const said = release(`${dir}/${copy}`, `${dir}/${copy}-out`, ["--kind=bundle", `--arch=${arch}`]);
      assertMatch(said, /a bundle, with Deno/);
    }
    const out = `${dir}/one-out`, found = digests(out);
    assertEquals(
      found.map((line) => line.slice(66)),
      ["SHA256SUMS", `${NAME}.cdx.json`, `${NAME}.tar.gz`, DEB].sort(),
    );
    assertEquals(digests(`${dir}/another-place/two-out`), found);
    run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], { cwd: out });
    run(["rm", "-rf", `${dir}/another-place`]);

    const listed = run(["tar", "-tvzf", `${out}/${NAME}.tar.gz`, "--full-time", "--utc"]);
    for (const line of listed.trimEnd().split("\n")) {
      assertMatch(line, /^[-dl][rwx-]{9} root\/root +\d+ 2026-01-02 03:04:05 /);
    }
    for (
      const path of [
        "bin/tsrun",
        "lib/tsrun/deno",
        "share/man/man8/tsrun.8",
        "LICENSE",
        "README.md",
        "install",
      ]
    ) {
      assert(listed.includes(` ${NAME}/${path}\n`), path);
    }
    const sbom = JSON.parse(Deno.readTextFileSync(`${out}/${NAME}.cdx.json`));
    assertEquals(Date.parse(sbom.metadata.timestamp) / 1000, COMMIT_TIME);

    const root = debianRoot();
    if ("reason" in root) {
      return console.log(`SKIP: release: the bundle's package on a fresh system: ${root.reason}`);
    }
    await t.step("its package on a fresh system", () => {
      assertInstalls(onFreshSystem(root.archive, `${out}/${DEB}`, dir), "bundle");
    });
  });
});

Deno.test("release: a tree that is no commit is refused", async () => {
  await inDirectory((dir) => {
    checkout(dir);
    Deno.writeTextFileSync(`${dir}/LICENSE`, "changed");
    const { code, stderr } = new Deno.Command("./x", {
      args: ["release", `--out=${dir}/out`],
      cwd: dir,
      env: { DENO: Deno.execPath() },
    }).outputSync();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertMatch(said, /^release: files differ from the commit: commit them, or give --dirty/m);
    assert(!exists(`${dir}/out`), "nothing is written");
  });
});

const aidFor = (arch?: "aarch64") =>
  fetchAid(arch).catch((error) => `${error instanceof Error ? error.message : error}`);
const aid = await aidFor();
const COMPILED = "release: a compiled program: its package installs, upgrades, runs and goes";
const root = debianRoot();
if (typeof aid === "string") skip(COMPILED, aid);
else if ("reason" in root) skip(COMPILED, root.reason);
else {
  Deno.test(COMPILED, async () => {
    await inDirectory((dir) => {
      Deno.mkdirSync(`${dir}/copy`);
      checkout(`${dir}/copy`);
      const env = { DENORT_BIN: aid.denort, TSRUN_COMPILER: aid.deno };
      release(`${dir}/copy`, `${dir}/out`, ["--kind=compiled", `--arch=${arch}`], env);
      assertInstalls(onFreshSystem(root.archive, `${dir}/out/${DEB}`, dir), "compiled");
    });
  });
}

const FOREIGN = "release: a compiled program for aarch64: its package, and the program in an emulator";
const foreign = await aidFor("aarch64"), emulator = runnerOf("aarch64"), libraries = "/usr/aarch64-linux-gnu";
if (typeof foreign === "string") skip(FOREIGN, foreign);
else if (emulator === undefined) skip(FOREIGN, "needs qemu-user-static");
else if (!exists(`${libraries}/lib/libc.so.6`)) skip(FOREIGN, "needs libc6-arm64-cross");
else {
  Deno.test(FOREIGN, async () => {
    await inDirectory((dir) => {
      Deno.mkdirSync(`${dir}/copy`);
      checkout(`${dir}/copy`);
      const env = { DENORT_BIN: foreign.denort, TSRUN_COMPILER: foreign.deno };
      release(`${dir}/copy`, `${dir}/out`, ["--kind=compiled", "--arch=aarch64"], env);
      const deb = `${dir}/out/tsrun_${version}_arm64.deb`;
      assertEquals(run(["dpkg-deb", "--field", deb, "Architecture"]), "arm64\n");
      run(["dpkg-deb", "--extract", deb, `${dir}/root`]);
      const program = [...emulator, "-L", libraries, `${dir}/root/usr/lib/tsrun/tsrun`];
      const said = run(["timeout", "120", ...program, "--version"]);
      assertMatch(said, new RegExp(`^tsrun version ${version}\n(.*\n)*kind: compiled\n`));
    });
  });
}

Deno.test("release: a compiled program that cannot be had: one clear line, and nothing is written", async () => {
  await inDirectory((dir) => {
    checkout(dir);
    const { code, stderr } = new Deno.Command("./x", {
      // Of the other architecture, of which no test keeps a denort.
      args: [
        "release",
        `--out=${dir}/out`,
        "--kind=compiled",
        `--arch=${arch === "x86_64" ? "aarch64" : "x86_64"}`,
      ],
      cwd: dir,
      env: { DENO: Deno.execPath(), DENO_DIR: cacheDirectory(), https_proxy: "http://127.0.0.1:9" },
    }).outputSync();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 1);
    assertMatch(said, /^release: a compiled program for \w+ cannot be made: .* \(.*--kind=bundle\)$/m);
    assert(!exists(`${dir}/out`), "nothing is written");
  });
});

Deno.test("release: the library can be published: deno publish --dry-run", async () => {
  await inDirectory((dir) => {
    checkout(dir);
    const imports = Deno.readTextFileSync(`${dir}/.deno/imports`) === ""
      ? []
      : ["--import-map=imports.npm.json"];
    const { code, stderr } = new Deno.Command(Deno.execPath(), {
      args: ["publish", "--dry-run", ...imports],
      cwd: dir,
      env: { NO_COLOR: "1", DENO_DIR: cacheDirectory() },
      stdin: "null",
    }).outputSync();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 0, said);
    const files = [...said.matchAll(new RegExp(`file://${dir}/(\\S+) `, "g"))].map(([, path]) => path);
    assert(files.includes("mod.ts") && files.includes("spec/types.ts"), said);
    assertEquals(files.filter((path) => /^(tests|build|bench)\/|_test\.ts$/.test(path)), []);
  });
});
