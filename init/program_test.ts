import { assertEquals, assertThrows } from "@std/assert";
import {
  AT_EACCESS,
  AT_FDCWD,
  O_NONBLOCK,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFREG,
} from "../ffi/constants.ts";
import { EACCES, ELOOP, ENOENT, ENOTDIR } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import { type Buffer, Memory } from "../ffi/memory.ts";
import { callsOf, type Script, scripted, stat } from "../tests/lib/scripted.ts";
import { Arena, spawnExecutor } from "./executor.ts";
import { local } from "../ffi/local.ts";
import { checkWorkingDirectory, hasHome, homeOf, lookUpHome, lookUpProgram, uniqueEnv } from "./program.ts";

const ENOMEM = 12;

/** Files by path: their mode, or why they cannot be looked at; what is not here does not exist. */
type Files = Readonly<Record<string, number>>;
const PROGRAM = S_IFREG | 0o755;

/** What a look-up comes to; `barred` are paths that may not be executed. */
function lookUp(
  name: string,
  files: Files,
  env: string[] = ["PATH=/bin:/usr/bin"],
  barred: string[] = [],
): string {
  const k = scripted({
    statx: (...args: Arg[]) => {
      const file = files[args[1] as string] ?? -ENOENT;
      return file < 0 ? file : stat(file)(...args);
    },
    faccessat2: (_dir, path) => barred.includes(path as string) ? -EACCES : 0,
  });
  return lookUpProgram(k, name, env).resolve();
}

Deno.test("program: the first of PATH's directories that has it", () => {
  assertEquals(lookUp("sh", { "/usr/bin/sh": PROGRAM }), "/usr/bin/sh");
  assertEquals(lookUp("sh", { "/bin/sh": PROGRAM, "/usr/bin/sh": PROGRAM }), "/bin/sh");
});

Deno.test("program: what cannot be executed does not hide what can", () => {
  assertEquals(lookUp("sh", { "/bin/sh": S_IFREG | 0o644, "/usr/bin/sh": PROGRAM }), "/usr/bin/sh");
  assertEquals(lookUp("sh", { "/bin/sh": S_IFDIR | 0o755, "/usr/bin/sh": PROGRAM }), "/usr/bin/sh");
  assertEquals(
    lookUp("sh", { "/bin/sh": PROGRAM, "/usr/bin/sh": PROGRAM }, undefined, ["/bin/sh"]),
    "/usr/bin/sh",
  );
});

Deno.test("program: the last PATH counts, an empty directory in it is the working directory", () => {
  assertEquals(lookUp("sh", { "/b/sh": PROGRAM, "/a/sh": PROGRAM }, ["PATH=/a", "PATH=/b"]), "/b/sh");
  assertEquals(lookUp("sh", { "./sh": PROGRAM }, ["PATH=/a::/b"]), "./sh");
});

Deno.test("program: nowhere in PATH", () => {
  for (const env of [["PATH=/bin"], ["PATH="], []]) {
    assertThrows(() => lookUp("no", {}, env), Error, 'exec: "no": executable file not found in $PATH');
  }
});

Deno.test("program: a path is taken as it is, relative or not", () => {
  assertEquals(lookUp("/opt/x", { "/opt/x": PROGRAM }), "/opt/x");
  assertEquals(lookUp("./x", { "./x": PROGRAM }), "./x");
  assertEquals(lookUp("a/x", { "a/x": PROGRAM, "/bin/a/x": PROGRAM }), "a/x");
});

Deno.test("program: why a path cannot be executed, in the words that clients know", () => {
  const fails = (files: Files, reason: string, barred: string[] = []) => {
    const { message } = assertThrows(() => lookUp("/x", files, [], barred), Error);
    assertEquals(message, `exec: "/x": ${reason}`);
  };
  fails({}, "stat /x: no such file or directory");
  fails({ "/x": -ENOTDIR }, "stat /x: not a directory");
  fails({ "/x": -ELOOP }, "stat /x: too many levels of symbolic links");
  fails({ "/x": S_IFREG | 0o644 }, "permission denied");
  fails({ "/x": PROGRAM }, "permission denied", ["/x"]);
  fails({ "/x": S_IFDIR | 0o755 }, "permission denied (is a directory)");
});

Deno.test("program: is asked for with the process's effective user", () => {
  const k = scripted({ statx: stat(PROGRAM) });
  lookUpProgram(k, "/x", []);
  assertEquals(callsOf(k, "faccessat2")[0].args, [AT_FDCWD, "/x", 1, AT_EACCESS]);
  // A link to a program is as good as the program.
  assertEquals(callsOf(k, "statx")[0].args[2], 0);
});

Deno.test("environment: each name once, in its first place, with its last value", () => {
  assertEquals(uniqueEnv(["A=1", "B=2", "A=3", "C=", "AB=4", "C==5"]), ["A=3", "B=2", "C==5", "AB=4"]);
  assertEquals(uniqueEnv([]), []);
  assertEquals(uniqueEnv(["HOME=/x", "A=", "HOME="]), ["A="]);
  assertEquals([["HOME=/x"], ["HOMES=/x"], []].map(hasHome), [true, false, false]);
});

const PASSWD =
  "root:x:0:0:root:/root:/bin/sh\nbroken\nnobody:x:65534:65534::/:\nuser:x:1000:1000::/home/user:\nnone:x:7:7:::\n" +
  "again:x:1000:1000::/home/again:/bin/sh";

Deno.test("home: the first entry of the user id", () => {
  assertEquals(homeOf(PASSWD, 0), "/root");
  assertEquals(homeOf(PASSWD, 1000), "/home/user");
});

Deno.test("home: the root where no entry names one", () => {
  assertEquals([homeOf(PASSWD, 7), homeOf(PASSWD, 5), homeOf("", 0)], ["/", "/", "/"]);
});

Deno.test("home: read from the container's passwd, never by way of a device or a link out of the root", () => {
  const k = scripted({
    read: (_fd, buffer) => {
      const bytes = new TextEncoder().encode(PASSWD);
      (buffer as { bytes: Uint8Array }).bytes.set(bytes);
      return bytes.length;
    },
  });
  assertEquals(lookUpHome(k, 3, 1000).resolve(), "/home/user");
  const [dir, path, how] = callsOf(k, "openat2")[0].args;
  const [flags, , resolve] = how as number[];
  assertEquals([dir, path], [3, "/etc/passwd"]);
  assertEquals(flags & O_NONBLOCK, O_NONBLOCK);
  assertEquals(resolve, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
});

Deno.test("home: without a passwd, the root", () => {
  const k = scripted({ openat2: -ENOENT, read: -9 });
  assertEquals(lookUpHome(k, 3, 0).resolve(), "/");
});

Deno.test("home: a root without a passwd costs no round trip more than one with it", () => {
  using arena = new Arena(local(), 0);
  using executor = spawnExecutor(arena);
  const { kernel: k } = executor, directory = Deno.makeTempDirSync();
  try {
    const root = k.open(directory, O_PATH);
    root.wait();
    const home = lookUpHome(k, root, 0);
    let trips = 0;
    const { channel } = k, receive = channel.receive.bind(channel);
    channel.receive = () => (trips++, receive());
    assertEquals([home.resolve(), trips], ["/", 1]);
  } finally {
    Deno.removeSync(directory);
  }
});

Deno.test("home: one that the host fails to read is not taken for missing", () => {
  const scripts: Script[] = [{ openat2: -ENOMEM }, { openat2: 5, read: -ENOMEM }];
  for (const script of scripts) {
    assertThrows(
      () => lookUpHome(scripted(script), 3, 0).resolve(),
      OperationError,
      "cannot allocate memory",
    );
  }
});

Deno.test("working directory: one outside of the root is a breakout (CVE-2024-21626)", () => {
  const memory = new Memory(new ArrayBuffer(256), 0);
  const answer = (cwd: string) => {
    const buffer = memory.alloc(64);
    buffer.bytes.set(new TextEncoder().encode(cwd));
    return buffer;
  };
  checkWorkingDirectory(answer("/"));
  for (const cwd of ["(unreachable)/etc", ""]) {
    assertThrows(() => checkWorkingDirectory(answer(cwd)), Error, "possible container breakout detected");
  }
});

Deno.test("home: a file of users that is longer than one read", () => {
  const line = (i: number) => `user${i}:x:${i}:${i}:ü:/home/${i}:/bin/sh\n`;
  const file = new TextEncoder().encode(Array.from({ length: 5000 }, (_, i) => line(i)).join(""));
  let at = 0;
  const k = scripted({
    openat2: () => void (at = 0),
    read(_fd, buffer, size) {
      const piece = file.subarray(at, at + (size as number));
      (buffer as Buffer).bytes.set(piece);
      at += piece.length;
      return piece.length;
    },
  });
  for (const uid of [0, 1500, 4999]) assertEquals(lookUpHome(k, 3, uid).resolve(), `/home/${uid}`);
  assertEquals(lookUpHome(k, 3, 5000).resolve(), "/");
});
