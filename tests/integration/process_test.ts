/** `process`: arguments, environment, working directory, user, capabilities, limits. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { config, DEFAULT_CAPABILITIES, type Dict, sh } from "../lib/bundle.ts";
import { assertError, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { capabilityBits } from "../lib/probe.ts";
import { exists, readText } from "../lib/process.ts";

const PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

contract("args: given to the program byte by byte", async (box) => {
  const args = ["/bin/printf", "%s|", "", "two words", "ü€😀", "-n", "$HOME", "new\nline", "\\n"];
  assertEquals(
    await box.container({ process: { args } }).output(),
    args.slice(2).map((arg) => `${arg}|`).join(""),
  );
});

contract("args: the first is looked up in the container's PATH", async (box) => {
  const container = box.container({ process: { args: ["prog"], env: ["PATH=/nowhere:/opt/a:/opt/b"] } });
  Deno.mkdirSync(container.path("/opt/a"), { recursive: true });
  Deno.mkdirSync(container.path("/opt/b"));
  Deno.writeTextFileSync(container.path("/opt/a/prog"), "not executable", { mode: 0o644 });
  Deno.writeTextFileSync(container.path("/opt/b/prog"), "#!/bin/sh\necho found $0\n", { mode: 0o755 });
  assertEquals(await container.output(), "found /opt/b/prog\n");
});

contract("args: a relative path is relative to cwd", async (box) => {
  const container = box.container({ process: { args: ["./prog"], cwd: "/opt" } });
  Deno.mkdirSync(container.path("/opt"));
  Deno.writeTextFileSync(container.path("/opt/prog"), "#!/bin/sh\necho ran in $PWD\n", { mode: 0o755 });
  assertEquals(await container.output(), "ran in /opt\n");
});

contract("args: a script without an interpreter line, a missing program, a directory", async (box) => {
  const run = (args: string[], env: string[] = [PATH]) => box.container({ process: { args, env } }).run();
  assertError(await run(["nonsense"]), /exec: "nonsense": executable file not found in \$PATH/);
  assertError(await run(["sh"], []), /exec: "sh": executable file not found in \$PATH/);
  assertError(
    await run(["/bin/nonsense"]),
    /exec: "\/bin\/nonsense": stat \/bin\/nonsense: no such file or directory/,
  );
  assertError(await run(["/etc/passwd"]), /exec: "\/etc\/passwd": permission denied/);
  assertError(await run(["/etc"]), /exec: "\/etc": (is a directory|permission denied)/);
  assertError(
    await run(["/etc/passwd/x"]),
    /exec: "\/etc\/passwd\/x": stat \/etc\/passwd\/x: not a directory/,
  );
  await box.assertNothingLeft();
});

contract("args: the lookup is done at create", async (box) => {
  const result = await box.container({ process: { args: ["nonsense"] } }).create();
  assertError(result, /exec: "nonsense": executable file not found in \$PATH/);
  await box.assertNothingLeft();
});

contract("env: exactly the config's, and HOME", async (box) => {
  const env = ["A=1", "EMPTY=", "SPACES=a b  c", PATH, "E=x=y"];
  const facts = await box.container().probe({ process: { env } }, {
    env: { SECRET: "of the caller", HOME: "/caller" },
  });
  assertEquals(facts.env, [...env, "HOME=/root"]);
});

contract("env: HOME comes from the container's passwd file, unless it is given", async (box) => {
  const home = async (user: Dict, env: string[]) => {
    const facts = await box.container().probe({ process: { user, env: [PATH, ...env] } });
    return facts.env.filter((line) => line.startsWith("HOME="));
  };
  assertEquals(await home({ uid: 1000, gid: 1000 }, []), ["HOME=/home/user"]);
  assertEquals(await home({ uid: 4711, gid: 4711 }, []), ["HOME=/"]);
  assertEquals(await home({ uid: 0, gid: 0 }, ["HOME=/given"]), ["HOME=/given"]);
  assertEquals(await home({ uid: 0, gid: 0 }, ["HOME=/given", "HOME="]), ["HOME=/root"]);
});

contract("env: the last of two values counts", async (box) => {
  const args = sh("echo $A; tr '\\0' '\\n' </proc/$$/environ | grep -c ^A=");
  const output = await box.container({ process: { args, env: [PATH, "A=1", "A=2"] } }).output();
  assertEquals(output, "2\n1\n");
});

contract("env: an entry without = is an error", async (box) => {
  const result = await box.container({ process: { env: [PATH, "NONSENSE"] } }).create();
  assertError(result, /NONSENSE|missing '='|invalid environment variable/);
});

contract("cwd: is made when it is missing", async (box) => {
  const container = box.container();
  const facts = await container.probe({ process: { cwd: "/made/by/runtime" } });
  assertEquals(facts.cwd, "/made/by/runtime");
  assertEquals((Deno.statSync(container.path("/made/by/runtime")).mode ?? 0) & 0o777, 0o755);
});

contract("cwd: links are followed inside the rootfs", async (box) => {
  const container = box.container();
  Deno.mkdirSync(container.path("/real"));
  Deno.symlinkSync("/real", container.path("/link"));
  assertEquals((await container.probe({ process: { cwd: "/link" } })).cwd, "/real");
});

contract("cwd: what cannot be entered is an error", async (box) => {
  const result = await box.container({ process: { cwd: "/etc/passwd" } }).run();
  assertError(
    result,
    /chdir to cwd \("\/etc\/passwd"\) set in config.json failed: not a directory|not a directory/,
  );
  assertError(await box.container({ process: { cwd: "relative" } }).run(), /[Cc]wd must be an absolute path/);
  await box.assertNothingLeft();
});

contract("cwd: a directory that only the user may enter, and one that the user may not", async (box) => {
  const capabilities = { bounding: [], effective: [], permitted: [] };
  const attempt = (owner: number) => {
    const container = box.container({
      process: { user: { uid: 1000, gid: 1000 }, cwd: "/private", capabilities },
    });
    Deno.mkdirSync(container.path("/private"));
    Deno.chmodSync(container.path("/private"), 0o700);
    Deno.chownSync(container.path("/private"), owner, owner);
    return container.run();
  };
  assertEquals((await attempt(1000)).code, 0);
  // As runc, the directory is entered before the capabilities are dropped, so root's own is reachable too.
  assertEquals((await attempt(0)).code, 0);
});

contract("cwd: a directory outside the container is refused", async (box) => {
  for (
    const link of ["self/fd/3", "self/fd/4", "self/fd/5", "self/fd/6", "self/fd/7", "self/fd/8", "1/fd/8"]
  ) {
    const container = box.container({ process: { cwd: `/proc/${link}`, args: sh("ls; echo is; ls /") } });
    const { code, stdout, stderr } = await container.run({ redirect: "3</ 7</etc 8</tmp" });
    // A descriptor of the runtime itself may be the container's own root, which is allowed.
    const [here, root] = stdout.split("is\n");
    assert(
      code === 0 ? here === root : stderr !== "",
      `${link}: ${JSON.stringify({ code, stdout, stderr })}`,
    );
    assert(!/arena|internal/.test(stderr), stderr);
  }
  await box.assertNothingLeft();
});

contract("user: uid, gid and additional groups", async (box) => {
  const user = { uid: 1000, gid: 1001, additionalGids: [5, 27, 4711] };
  const { status } = await box.container().probe({ process: { user } });
  assertEquals(status.Uid, "1000\t1000\t1000\t1000");
  assertEquals(status.Gid, "1001\t1001\t1001\t1001");
  assertEquals(status.Groups.trim().split(" "), ["5", "27", "4711"]);
});

contract("user: no groups of the caller stay", async (box) => {
  assertEquals((await box.container().probe()).status.Groups.trim(), "");
});

contract("user: umask is 0022 unless given", async (box) => {
  assertEquals((await box.container().probe()).status.Umask, "0022");
  const { status } = await box.container().probe({ process: { user: { uid: 0, gid: 0, umask: 0o77 } } });
  assertEquals(status.Umask, "0077");
});

contract("user: the standard streams belong to the user", async (box) => {
  const container = box.container({
    process: {
      user: { uid: 1000, gid: 1000 },
      args: sh("echo x >/proc/self/fd/1; stat -L -c %u /proc/self/fd/1"),
    },
  });
  assertMatch(await container.output(), /^x\n1000\n$/);
});

contract("capabilities: docker's default set", async (box) => {
  const { status } = await box.container().probe();
  assertEquals(names(status.CapPrm), [...DEFAULT_CAPABILITIES].sort());
  for (const set of ["CapEff", "CapBnd"]) assertEquals(status[set], status.CapPrm, set);
  for (const set of ["CapInh", "CapAmb"]) assertEquals(names(status[set]), [], set);
});

contract("capabilities: the five sets, each its own", async (box) => {
  const capabilities = {
    bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID", "CAP_SYS_CHROOT"],
    permitted: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW", "CAP_SETUID"],
    inheritable: ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
    ambient: ["CAP_CHOWN", "CAP_KILL"],
    effective: ["CAP_CHOWN"],
  };
  // A user other than root: execve(2) then makes permitted and effective from the ambient set.
  const { status } = await box.container().probe({
    process: { user: { uid: 1000, gid: 1000 }, capabilities },
  });
  assertEquals(names(status.CapBnd), capabilities.bounding);
  assertEquals(names(status.CapInh), capabilities.inheritable);
  assertEquals(names(status.CapAmb), capabilities.ambient);
  assertEquals(names(status.CapPrm), capabilities.ambient);
  assertEquals(names(status.CapEff), capabilities.ambient);
});

contract("capabilities: none, and absent, mean none", async (box) => {
  const empty = await box.container().probe({
    process: { capabilities: { bounding: [], effective: [], permitted: [], inheritable: [], ambient: [] } },
  });
  const absent = await box.container().probe({ process: { capabilities: undefined } });
  for (const { status } of [empty, absent]) {
    for (const set of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"]) {
      assertEquals(names(status[set]), [], set);
    }
  }
});

contract("capabilities: those that do not exist are left out, with a warning", async (box) => {
  const some = ["CAP_CHOWN", "CAP_NONSENSE"];
  const { status } = await box.container().probe({
    process: { capabilities: { bounding: some, effective: some, permitted: some } },
  });
  assertEquals(names(status.CapEff), ["CAP_CHOWN"]);
});

contract("rlimits: soft and hard", async (box) => {
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 512, hard: 1024 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
    { type: "RLIMIT_NPROC", soft: 100, hard: 200 },
    { type: "RLIMIT_FSIZE", soft: 1 << 30, hard: 2 ** 40 },
    { type: "RLIMIT_STACK", soft: 4 << 20, hard: 16 << 20 },
    { type: "RLIMIT_CPU", soft: 60, hard: 18446744073709552000 },
  ];
  // 2^64-1 is "unlimited"; JSON.stringify would round it, so it is put in as text.
  const container = box.container();
  container.writeConfig(
    JSON.stringify(
      box.config(container.id, { process: { args: ["/bin/cat", "/proc/self/limits"], rlimits } }),
    )
      .replace("18446744073709552000", "18446744073709551615"),
  );
  const limits = Object.fromEntries(
    (await container.output()).split("\n").map((
      line,
    ) => [line.slice(0, 26).trim(), line.slice(26).trim().split(/\s+/).slice(0, 2)]),
  );
  assertEquals(limits["Max open files"], ["512", "1024"]);
  assertEquals(limits["Max core file size"], ["0", "0"]);
  assertEquals(limits["Max processes"], ["100", "200"]);
  assertEquals(limits["Max file size"], ["1073741824", "1099511627776"]);
  assertEquals(limits["Max stack size"], ["4194304", "16777216"]);
  assertEquals(limits["Max cpu time"], ["60", "unlimited"]);
});

contract("rlimits: of a user that is not root", async (box) => {
  const rlimits = [
    { type: "RLIMIT_NOFILE", soft: 512, hard: 1024 },
    { type: "RLIMIT_CORE", soft: 0, hard: 0 },
  ];
  const user = { uid: 1000, gid: 1001 };
  const container = box.container({ process: { user, args: ["/bin/cat", "/proc/self/limits"], rlimits } });
  const limits = await container.output();
  assertMatch(limits, /^Max open files +512 +1024 /m);
  assertMatch(limits, /^Max core file size +0 +0 /m);
});

contract("rlimits: 64-bit values that no double holds are exact", async (box) => {
  for (const uid of [0, 1000]) {
    const container = box.container();
    const rlimits = [{ type: "RLIMIT_FSIZE", soft: "@soft", hard: "@hard" }];
    const args = sh("cat /proc/self/limits; echo written >/tmp/file");
    const config = box.config(container.id, { process: { args, user: { uid, gid: uid }, rlimits } });
    const text = JSON.stringify(config).replace('"@soft"', "9007199254740993").replace(
      '"@hard"',
      "9223372036854775807",
    );
    container.writeConfig(text);
    assertMatch(await container.output(), /^Max file size +9007199254740993 +9223372036854775807 /m);
  }
});

contract("rlimits: the caller's hard limit of open files is handed on where none is given", async (box) => {
  const container = box.container({ process: { args: sh("ulimit -Hn") } });
  const result = await box.command(under("ulimit -Sn 800; ulimit -Hn 900", container));
  assertEquals(result.stdout, "900\n", result.stderr);
});

contract("rlimits: so is the soft one, although the language's runtime raises its own", async (box) => {
  const container = box.container({ process: { args: sh("ulimit -Sn; ulimit -Hn") } });
  const result = await box.command(under("ulimit -Sn 800; ulimit -Hn 900", container));
  assertEquals(result.stdout, "800\n900\n", result.stderr);
}, { notOnReference: "Go 1.19 raises the soft limit, and runc 1.1.5 does not restore it" });

contract("rlimits: unknown and double names are errors", async (box) => {
  const attempt = (...types: string[]) =>
    box.container({ process: { rlimits: types.map((type) => ({ type, soft: 1, hard: 1 })) } }).create();
  assertError(await attempt("RLIMIT_NONSENSE"), /RLIMIT_NONSENSE/);
  await box.assertNothingLeft();
});

contract("rlimits: a double name is an error", async (box) => {
  const limit = { type: "RLIMIT_NOFILE", soft: 100, hard: 100 };
  assertError(
    await box.container({ process: { rlimits: [limit, limit] } }).create(),
    /RLIMIT_NOFILE|rlimits/,
  );
}, { notOnReference: "runc 1.1.5 takes the last one" });

contract("noNewPrivileges: on and off", async (box) => {
  assertEquals((await box.container().probe()).status.NoNewPrivs, "1");
  const { status } = await box.container().probe({ process: { noNewPrivileges: false } });
  assertEquals(status.NoNewPrivs, "0");
});

contract("oomScoreAdj: set when given, the caller's when not", async (box) => {
  assertEquals((await box.container().probe({ process: { oomScoreAdj: 321 } })).oomScoreAdj, "321");
  assertEquals((await box.container().probe()).oomScoreAdj, readText("/proc/self/oom_score_adj").trim());
});

contract("ioPriority: class and level", async (box) => {
  for (const [name, priority, shown] of [["BE", 3, "best-effort: prio 3"], ["IDLE", 0, "idle"]] as const) {
    const ioPriority = { class: `IOPRIO_CLASS_${name}`, priority };
    const container = box.container({ process: { args: ["/bin/busybox", "ionice"], ioPriority } });
    assertEquals((await container.output()).trim(), shown);
  }
}, { notOnReference: "Debian's runc does not know ioPriority" });

contract("process: neither args nor process is an error", async (box) => {
  assertError(await box.container({ process: { args: [] } }).create(), /args must not be empty/);
  assertError(await box.container({ process: undefined }).create(), /process property must not be empty/);
  assertError(await box.container({ process: { cwd: "" } }).create(), /Cwd property must not be empty/);
  await box.assertNothingLeft();
});

contract("process: a session of its own, and default signal handling", async (box) => {
  const { status } = await box.container().probe();
  assertEquals(status.NSsid, "1");
  assertEquals(status.SigBlk, "0000000000000000");
});

contract("process: cwd of another user's directory is not created over a file of the image", async (box) => {
  const container = box.container({ process: { cwd: "/etc/passwd/x" } });
  assertError(await container.run(), /not a directory/);
  assert(exists(container.path("/etc/passwd")));
  assertEquals(readText(container.path("/etc/passwd")).includes("root:x:0:0"), true);
});

contract("process: an environment and arguments of 100 KB each", async (box) => {
  const long = "x".repeat(100_000);
  const spec = config({
    process: { args: sh(`echo \${#LONG} \${#1}`).concat("sh", long), env: [PATH, `LONG=${long}`] },
  });
  const container = box.container({ process: spec.process });
  assertEquals(await container.output(), "100000 100000\n");
});

/** `run` as the child of a shell that first executes `commands`. */
function under(commands: string, container: Container): string[] {
  const { box, bundle, id } = container;
  const command = [box.runtime.path, "--root", box.root, "run", "--bundle", bundle.dir, id];
  return ["/bin/sh", "-c", `${commands}; "$@"; exit $?`, "sh", ...command];
}

const CAPABILITY_NAMES: Record<number, string> = {
  ...{
    0: "CAP_CHOWN",
    1: "CAP_DAC_OVERRIDE",
    3: "CAP_FOWNER",
    4: "CAP_FSETID",
    5: "CAP_KILL",
    6: "CAP_SETGID",
  },
  ...{
    7: "CAP_SETUID",
    8: "CAP_SETPCAP",
    10: "CAP_NET_BIND_SERVICE",
    13: "CAP_NET_RAW",
    18: "CAP_SYS_CHROOT",
  },
  ...{ 27: "CAP_MKNOD", 29: "CAP_AUDIT_WRITE", 31: "CAP_SETFCAP" },
};

function names(hex: string): string[] {
  return capabilityBits(hex).map((bit) => CAPABILITY_NAMES[bit] ?? `number ${bit}`).sort();
}
