import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  O_CLOEXEC,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_RDWR,
  RESOLVE_BENEATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from "../ffi/constants.ts";
import { EACCES, EAGAIN, EEXIST, ENOENT } from "../ffi/errno.ts";
import { OperationError } from "../ffi/kernel.ts";
import { local, type LocalKernel } from "../ffi/local.ts";
import { callsOf, failing, names, scripted } from "../tests/lib/scripted.ts";
import { makeAhead, makeInRoot, type OpenInRoot, openInRoot } from "./in_root.ts";

/** A rootfs in a directory of its own, whose neighbour must never be touched. */
class Root {
  readonly #top = Deno.makeTempDirSync();
  readonly dir = `${this.#top}/rootfs`;
  readonly k: LocalKernel = local();
  readonly fd: number;

  constructor() {
    Deno.mkdirSync(this.dir);
    Deno.mkdirSync(`${this.#top}/outside`);
    this.fd = this.k.open(this.dir, O_PATH | O_DIRECTORY).wait();
  }

  /** Opens a path in it; tells what the descriptor shows, as a path inside. */
  open(path: string, o?: OpenInRoot): string {
    const fd = openInRoot(this.k, this.fd, path, o).wait();
    const shown = Deno.readLinkSync(`/proc/self/fd/${fd}`);
    this.k.close(fd);
    assert(shown === this.dir || shown.startsWith(`${this.dir}/`), `${shown} is outside`);
    return shown.slice(this.dir.length) || "/";
  }

  link(target: string, path: string): void {
    Deno.symlinkSync(target, this.dir + path);
  }

  close(): void {
    this.k.close(this.fd);
    assertEquals([...Deno.readDirSync(`${this.#top}/outside`)], []);
    assertEquals([...Deno.readDirSync(this.#top)].length, 2);
    Deno.removeSync(this.#top, { recursive: true });
  }
}

/** Registers a test with a rootfs; the umask is 0, as in the init. */
function inRoot(name: string, test: (root: Root) => void): void {
  Deno.test(`in root: ${name}`, () => {
    const root = new Root(), umask = Deno.umask(0);
    try {
      test(root);
    } finally {
      Deno.umask(umask);
      root.close();
    }
  });
}

const DIRECTORY = { missing: "directory" } as const, FILE = { missing: "file" } as const;

inRoot("what is there is opened, nothing is made", (root) => {
  Deno.mkdirSync(`${root.dir}/a/b`, { recursive: true });
  assertEquals(root.open("/a/b", DIRECTORY), "/a/b");
  assertEquals(root.open("/", DIRECTORY), "/");
});

inRoot("what is missing is an error that names the path", (root) => {
  const error = assertThrows(() => root.open("/no/where"), OperationError);
  assertEquals(error.message, 'open "/no/where": no such file or directory');
  assertEquals([...Deno.readDirSync(root.dir)], []);
});

inRoot("the parent of a link's directory is not that of the link", (root) => {
  Deno.mkdirSync(`${root.dir}/deep/down`, { recursive: true });
  root.link("/deep/down", "/link");
  assertEquals(root.open("/link/../made", DIRECTORY), "/deep/made");
  // The same out of a link's target, which leads through another one.
  root.link("link/../../link/../far/file", "/dangling");
  assertEquals(root.open("/dangling", FILE), "/deep/far/file");
  assertEquals([...Deno.readDirSync(root.dir)].map(({ name }) => name).sort(), ["dangling", "deep", "link"]);
});

inRoot("out of what is missing leads the way back, and above the root none", (root) => {
  assertEquals(root.open("/a/../b/./c", DIRECTORY), "/b/c");
  assertEquals(root.open("/../../d/../../e", DIRECTORY), "/e");
  root.link("../../../../f/../g", "/up");
  assertEquals(root.open("/up/file", FILE), "/g/file");
});

inRoot("missing parents and the directory itself are made, with mode 0755", (root) => {
  assertEquals(root.open("/a/b/c", DIRECTORY), "/a/b/c");
  for (const path of ["/a", "/a/b", "/a/b/c"]) {
    assertEquals(Deno.statSync(root.dir + path).mode! & 0o7777, 0o755);
  }
});

inRoot("a missing file is empty and has mode 0644, its parents are directories", (root) => {
  assertEquals(root.open("/a/file", FILE), "/a/file");
  const info = Deno.statSync(`${root.dir}/a/file`);
  assertEquals([info.isFile, info.size, info.mode! & 0o7777], [true, 0, 0o644]);
});

inRoot("what is to be made may be asked late, and only when it is missing", (root) => {
  let asked = 0;
  const missing = () => (asked++, "file" as const);
  root.open("/file", { missing });
  root.open("/file", { missing });
  assertEquals(asked, 1);
});

inRoot("an absolute link leads to a place in the root", (root) => {
  Deno.mkdirSync(`${root.dir}/real`);
  root.link("/real", "/link");
  assertEquals(root.open("/link/x", DIRECTORY), "/real/x");
});

inRoot("a dangling absolute link is followed, and its target made", (root) => {
  root.link("/target/deep", "/link");
  assertEquals(root.open("/link", DIRECTORY), "/target/deep");
  assert(Deno.lstatSync(`${root.dir}/link`).isSymlink);
});

inRoot("a dangling relative link starts where it lies", (root) => {
  Deno.mkdirSync(`${root.dir}/a`);
  root.link("b/c", "/a/link");
  assertEquals(root.open("/a/link", FILE), "/a/b/c");
});

inRoot("a dangling link in the middle of a path is followed as well", (root) => {
  root.link("/target", "/link");
  assertEquals(root.open("/link/below", DIRECTORY), "/target/below");
});

inRoot("a dangling link to a dangling link", (root) => {
  root.link("/two", "/one");
  root.link("three", "/two");
  assertEquals(root.open("/one/x", DIRECTORY), "/three/x");
});

inRoot("links that climb out stay inside", (root) => {
  root.link("../../outside", "/up");
  root.link("/../../../../outside", "/abs");
  assertEquals(root.open("/up", DIRECTORY), "/outside");
  assertEquals(root.open("/abs/x", DIRECTORY), "/outside/x");
});

inRoot("a path that climbs out stays inside", (root) => {
  assertEquals(root.open("/../../outside/x", DIRECTORY), "/outside/x");
});

inRoot("a link that leads to itself is an error, and ends", (root) => {
  root.link("loop", "/loop");
  root.link("/two", "/one");
  root.link("/one/x", "/two");
  assertThrows(() => root.open("/loop", DIRECTORY), OperationError, "too many levels of symbolic links");
  assertThrows(() => root.open("/one", DIRECTORY), OperationError, "too many levels of symbolic links");
});

inRoot("links without end: making gives up after forty", (root) => {
  const loop = scripted({
    openat2: (_dir, path) => path === "/" ? 3 : -ENOENT,
    mkdirat: -EEXIST,
    readlinkat: (_dir, _name, buffer) => {
      (buffer as { bytes: Uint8Array }).bytes.set(new TextEncoder().encode("loop"));
      return 4;
    },
  });
  assertThrows(() => makeInRoot(loop, root.fd, "/loop", "directory"), OperationError, "too many levels");
  assertEquals(callsOf(loop, "readlinkat").length, 41);
});

inRoot("a file in the way is no directory", (root) => {
  Deno.writeTextFileSync(`${root.dir}/file`, "");
  assertThrows(() => root.open("/file/x", DIRECTORY), OperationError, "not a directory");
});

inRoot("a magic link is not followed", (root) => {
  root.link("/proc/self/fd/0", "/link");
  // There is no procfs in the root: the link's target is an ordinary path that is made.
  assertEquals(root.open("/link", FILE), "/proc/self/fd/0");
});

Deno.test("in root: every step is resolved in the root, or is one step below a directory that is held", () => {
  const missing = ["/a/b", "/a"];
  const k = scripted({ openat2: (_dir, path) => missing.includes(path as string) ? -ENOENT : undefined });
  const again = () => missing.splice(0, 2);
  const mkdirat = k.mkdirat.bind(k);
  k.mkdirat = (...args) => (again(), mkdirat(...args));
  openInRoot(k, 3, "/a/b", DIRECTORY);
  const inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const step = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const opened = callsOf(k, "openat2").map(({ args: [dir, path, how] }) => [dir, path, (how as number[])[2]]);
  assertEquals(opened, [[3, "/a/b", inside], [3, "/a", inside], [3, "/", inside], [100, "a", step], [
    3,
    "/a/b",
    inside,
  ]]);
  assertEquals(callsOf(k, "mkdirat").map(({ args }) => args), [[100, "a", 0o755], [101, "b", 0o755]]);
  assertEquals(callsOf(k, "close").map(({ args }) => args[0]), [100, 101]);
});

Deno.test("in root: further rules of resolution and flags are handed on", () => {
  const k = scripted();
  openInRoot(k, 3, "/x", { flags: O_RDWR, resolve: RESOLVE_NO_XDEV });
  assertEquals(k.calls[0].args[2], [
    O_RDWR | O_CLOEXEC,
    0,
    RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
  ]);
});

Deno.test("in root: what is still missing when it was made is an error, not a loop", () => {
  const k = scripted({ openat2: (_dir, path) => path === "/x" ? -ENOENT : undefined });
  assertThrows(() => openInRoot(k, 3, "/x", DIRECTORY), OperationError, 'open "/x": no such file');
  assertEquals(names(k).filter((name) => name === "mkdirat").length, 1);
});

Deno.test("in root: failures other than a missing entry can be told in the caller's words", () => {
  const k = scripted({ openat2: failing(EACCES) });
  const explain = (errno: number) => new Error(`own words ${errno}`);
  assertThrows(() => openInRoot(k, 3, "/x", { explain }), Error, `own words ${EACCES}`);
});

Deno.test("in root: where mounts change meanwhile, a path is resolved again, and not without end", () => {
  const k = scripted({ openat2: failing(EAGAIN, 5) });
  openInRoot(k, 3, "/a/../b");
  assertEquals(callsOf(k, "openat2").length, 6);
  assertThrows(() => openInRoot(scripted({ openat2: -EAGAIN }), 3, "/a/../b"), OperationError, "unavailable");
});

Deno.test("in root: made ahead below its parent, and what its parent's failure leads past is no answer", () => {
  const k = scripted();
  assertEquals(makeAhead(k, 3, "/a/b")(), true);
  assertEquals(names(k), ["openat2", "mkdirat", "branch", "close"]);
  assertEquals(callsOf(k, "openat2")[0].args[1], "/a");
  assertEquals(callsOf(k, "mkdirat")[0].args.slice(1), ["b", 0o755]);
  assertEquals(makeAhead(scripted({ mkdirat: -EEXIST }), 3, "/a")(), false);
  assertEquals(makeAhead(scripted({ openat2: -ENOENT }), 3, "/a/b")(), false);
});

Deno.test("in root: made ahead as what will lie on it", () => {
  const k = scripted();
  makeAhead(k, 3, "/a/b", 7);
  assertEquals(names(k), ["openat2", "openat", "close", "mkdirat", "branch", "openat", "close", "close"]);
  const [inside, empty] = callsOf(k, "openat").map(({ args }) => args);
  assertEquals(inside.slice(0, 2), [7, "."]);
  assertEquals([empty[1], empty[3]], ["b", 0o644]);
  assertEquals((empty[2] as number) & (O_EXCL | O_NOFOLLOW), O_EXCL | O_NOFOLLOW);
});
