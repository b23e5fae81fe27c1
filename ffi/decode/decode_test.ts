import { assert, assertEquals } from "@std/assert";
import * as constants from "../constants.ts";
import { Settled } from "../kernel.ts";
import { Memory } from "../memory.ts";
import { makedev, words32 } from "../structs.ts";
import {
  encodeRequest,
  IFLA_IFNAME,
  IFLA_NET_NS_FD,
  linkBody,
  RTM_NEWLINK,
  stringValue,
  wordValue,
} from "../structs_netlink.ts";
import { unixAddress } from "../structs_socket.ts";
import { syscallNames, syscallNumber } from "../syscalls.ts";
import * as mountOptions from "../../spec/mount_options.ts";
import { NAMESPACES } from "../../spec/namespaces.ts";
import { decodeArguments, decodeCall, syscallName } from "./decode.ts";
import { FLAGS, type Flags, type Names, namesOfFlags, NUMBERS } from "./flags.ts";
import { isKind, kindsOf } from "./signatures.ts";

/** All names of the tables with their numbers. */
function tableNames(): Map<string, number> {
  const bits = Object.values(FLAGS as Record<string, Flags>).flatMap(({ bits, field }) => [
    ...Object.entries(bits),
    ...Object.entries(field?.values ?? {}),
  ]);
  return new Map([
    ...bits,
    ...Object.values(NUMBERS as Record<string, Names>).flatMap((n) => Object.entries(n)),
  ]);
}

Deno.test("decode: names and numbers are those that the program uses", () => {
  const known = new Map<string, unknown>(Object.entries({ ...constants, ...mountOptions }));
  const wrong = [...tableNames()].filter(([name, number]) => known.has(name) && known.get(name) !== number);
  assertEquals(wrong, []);
});

Deno.test("decode: every flag of the program has a name", () => {
  const names = tableNames();
  const shown =
    /^(O_(?!ACCMODE)|AT_(?!FDCWD|EACCESS)|RESOLVE_|MS_|MOUNT_ATTR_(?!RELATIME)|CLONE_|MFD_|F_SEAL_|PR_|FSCONFIG_|OPEN_TREE|MOVE_MOUNT|MSG_|CLOSE_RANGE|KEYCTL_|SECCOMP_FILTER)/;
  const used = Object.keys({ ...constants, ...mountOptions }).filter((name) => shown.test(name));
  assert(used.length > 60);
  assertEquals(used.filter((name) => !names.has(name)), []);
  const flags = Object.values(FLAGS.clone.bits) as number[];
  assertEquals(Object.values(NAMESPACES).filter(({ flag }) => !flags.includes(flag)), []);
});

Deno.test("decode: every call of the program has its arguments, of kinds that there are", () => {
  const bare = new Set(["getegid", "geteuid", "getpid", "getppid", "gettid", "getuid", "setsid"]);
  for (const name of syscallNames()) {
    assert(bare.has(name) || kindsOf(name).length > 0, name);
    for (const kind of kindsOf(name)) assert(isKind(kind), `${name}: ${kind}`);
    assertEquals(syscallName(syscallNumber(name)), name);
  }
  assertEquals(syscallName(100000), undefined);
});

Deno.test("decode: flags", () => {
  assertEquals(namesOfFlags(0, FLAGS.mount), "0");
  assertEquals(namesOfFlags(0, FLAGS.open), "O_RDONLY");
  assertEquals(namesOfFlags(0x40000001, FLAGS.mount), "MS_RDONLY|0x40000000");
  assertEquals(namesOfFlags(0x70, FLAGS.mountAttributes), "MOUNT_ATTR__ATIME");
  assertEquals(namesOfFlags(0x11, FLAGS.mountAttributes), "MOUNT_ATTR_NOATIME|MOUNT_ATTR_RDONLY");
  assertEquals(namesOfFlags(2 ** 33 + 0x20000, FLAGS.clone), "CLONE_NEWNS|CLONE_INTO_CGROUP");
});

/** A request that moves a device to another network namespace. */
function moveRequest(): Uint8Array {
  const attributes = [[IFLA_IFNAME, stringValue("net0")], [IFLA_NET_NS_FD, wordValue(9)]] as const;
  return encodeRequest({ type: RTM_NEWLINK, flags: 5, sequence: 1, body: linkBody(7), attributes });
}

const CALLS: Readonly<Record<string, string>> = {
  [decodeCall("openat2", [new Settled(5), "proc", [0o12000000, 0, 16], 24])]:
    'openat2(5, "proc", {flags=O_RDONLY|O_CLOEXEC|O_PATH, resolve=RESOLVE_IN_ROOT}, 24)',
  [decodeCall("openat", [-100, "/a", 0o101, 0o644])]: 'openat(AT_FDCWD, "/a", O_WRONLY|O_CREAT, 0644)',
  [decodeCall("mount", ["tmpfs", "/x", null, 4096 | 16384, ""])]:
    'mount("tmpfs", "/x", NULL, MS_BIND|MS_REC, "")',
  [decodeCall("mount_setattr", [7, "", 0x9000, [1, 0, 1 << 19, 0], 32])]:
    'mount_setattr(7, "", AT_EMPTY_PATH|AT_RECURSIVE, {attr_set=MOUNT_ATTR_RDONLY, propagation=MS_SLAVE}, 32)',
  [decodeCall("fsconfig", [3, 1, "size", "64k", 0])]: 'fsconfig(3, FSCONFIG_SET_STRING, "size", "64k", 0)',
  [decodeCall("clone3", [[0x20000 + 0x8000, 0, 0, 0, 17, 0, 0, 0, 0, 0, 199], 88])]:
    "clone3({flags=CLONE_PARENT|CLONE_NEWNS, exit_signal=SIGCHLD}, 88)",
  [decodeCall("mknodat", [4, "null", 0o020666, makedev(1, 3)])]:
    'mknodat(4, "null", S_IFCHR|0666, makedev(1, 3))',
  [decodeCall("prctl", [24, 21, 0, 0, 0])]: "prctl(PR_CAPBSET_DROP, CAP_SYS_ADMIN)",
  [decodeCall("prctl", [47, 4, 0, 0, 0])]: "prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)",
  [decodeCall("prctl", [15, "tsrun", 0, 0, 0])]: 'prctl(PR_SET_NAME, "tsrun")',
  [decodeCall("capset", [words32(0x20080522, 0), words32(1, 1, 0, 0, 0, 0)])]:
    "capset({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=CAP_CHOWN, permitted=CAP_CHOWN})",
  [decodeCall("prlimit64", [0, 7, [1024, (1n << 64n) - 1n], 0])]:
    "prlimit64(0, RLIMIT_NOFILE, {rlim_cur=1024, rlim_max=RLIM64_INFINITY}, NULL)",
  [decodeCall("execve", ["/bin/sh", ["sh", "-c"], ["SECRET=1", "B=2"]])]:
    'execve("/bin/sh", ["sh", "-c"], [2 variables])',
  [decodeCall("connect", [5, unixAddress("/run/a\nb"), 10])]: 'connect(5, "/run/a\\nb", 10)',
  [decodeCall("connect", [5, unixAddress("@a"), 4])]: 'connect(5, "@a", 4)',
  [decodeCall("sendto", [5, moveRequest(), 60, 0, null, 0])]:
    'sendto(5, {RTM_NEWLINK, index=7, IFLA_IFNAME="net0", IFLA_NET_NS_FD=9}, 60, 0, NULL, 0)',
  [decodeCall("sendto", [5, new TextEncoder().encode("x=1"), 3, 0, null, 0])]:
    'sendto(5, "x=1", 3, 0, NULL, 0)',
  [decodeCall("kill", [12, 9])]: "kill(12, SIGKILL)",
  [decodeCall("fcntl", [3, 1033, 9])]: "fcntl(3, F_ADD_SEALS, F_SEAL_SEAL|F_SEAL_WRITE)",
  [decodeCall("setns", [3, 0x20000 | 0x80])]: "setns(3, CLONE_NEWTIME|CLONE_NEWNS)",
  [decodeCall("seccomp", [1, 8, [40, 4096]])]:
    "seccomp(SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, [filter of 40 instructions])",
};

Deno.test("decode: calls as text", () => assertEquals(Object.keys(CALLS), Object.values(CALLS)));

Deno.test("decode: an address leads to the text in the memory, and bytes that are no text are counted", () => {
  const memory = new Memory(new ArrayBuffer(4096), 0x10000000);
  const address = memory.string("there");
  assertEquals(decodeArguments("chdir", [address], { memory }), ['"there"']);
  assertEquals(decodeArguments("write", [1, new Uint8Array([0, 1, 2]), 3]), ["1", "[3 bytes]", "3"]);
  assertEquals(decodeArguments("write", [1, "x".repeat(300), 300])[1], `"${"x".repeat(200)}…"`);
  assertEquals(decodeArguments("chdir", ["\x1b[2J"]), ['"\\u001b[2J"']);
});
