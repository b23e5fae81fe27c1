/** Joining user namespaces, and becoming root of them. */
import { assertEquals, assertThrows } from "@std/assert";
import { PR_SET_DUMPABLE } from "../ffi/constants.ts";
import { EINVAL, EPERM } from "../ffi/errno.ts";
import { type Arg, OperationError } from "../ffi/kernel.ts";
import type { Buffer } from "../ffi/memory.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import { callsOf, lines, names, scripted } from "../tests/lib/scripted.ts";
import { becomeNamespaceRoot, joinWithUserNamespace, namespaceCapabilities } from "./user_namespace.ts";

const USER = { type: "user", path: "/ns/user" } as const;
const NET = { type: "network", path: "/ns/net" } as const;
const IPC = { type: "ipc", path: "/ns/ipc" } as const;
const flagsJoined = (k: ReturnType<typeof scripted>) => callsOf(k, "setns").map(({ args }) => args[1]);

/** Answers read(2) with one text after another. */
function texts(...list: string[]): (...args: Arg[]) => number {
  return (_fd, buffer) => {
    const bytes = new TextEncoder().encode(list.shift());
    (buffer as Buffer).bytes.set(bytes);
    return bytes.length;
  };
}

Deno.test("user namespace: root of it drops the caller's groups first, and is no longer to be looked at", () => {
  const k = scripted();
  becomeNamespaceRoot(k, false);
  assertEquals(lines(k, "setgroups", "setresgid", "setresuid", "prctl"), [
    "setgroups 0 null",
    "setresgid 0 0 0",
    "setresuid 0 0 0",
    `prctl ${PR_SET_DUMPABLE} 0 0 0 0`,
  ]);
});

Deno.test("user namespace: where setgroups is denied it is not tried", () => {
  const k = scripted({ setgroups: -EPERM });
  becomeNamespaceRoot(k, true);
  assertEquals(names(k).includes("setgroups"), false);
  assertThrows(() => becomeNamespaceRoot(k, false), OperationError, "become root of the user namespace");
});

Deno.test("user namespace: joined behind the others, all opened before the first is joined", () => {
  const k = scripted({ read: texts("0 1 2\n", "0 3 4\n", "allow\n") });
  const joined = joinWithUserNamespace(k, [USER, NET, IPC]);
  assertEquals(flagsJoined(k), [NAMESPACES.network.flag, NAMESPACES.ipc.flag, NAMESPACES.user.flag]);
  assertEquals(joined, { uidMap: "0 1 2\n", gidMap: "0 3 4\n", groupsDenied: false });
  const order = names(k);
  const opened = callsOf(k, "openat").map(({ args }) => args[1]).slice(0, 3);
  assertEquals(opened.toSorted(), ["/ns/ipc", "/ns/net", "/ns/user"]);
  assertEquals(order.lastIndexOf("setns") < order.indexOf("setresuid"), true);
  assertEquals(callsOf(k, "close").length, callsOf(k, "openat").length);
});

Deno.test("user namespace: what refuses before it is joined is joined behind it", () => {
  let inside = false;
  const setns = (_fd: Arg, flag: Arg) => {
    if (flag === NAMESPACES.user.flag) inside = true;
    return flag === NAMESPACES.network.flag && !inside ? -EPERM : 0;
  };
  const k = scripted({ setns, read: texts("", "", "deny\n") });
  assertEquals(joinWithUserNamespace(k, [NET, USER, IPC]).groupsDenied, true);
  const { network, ipc, user } = NAMESPACES;
  assertEquals(flagsJoined(k), [network.flag, ipc.flag, user.flag, network.flag]);
  assertEquals(names(k).includes("setgroups"), false);
});

Deno.test("user namespace: a failure names the namespace and what may be wrong with it", () => {
  const refused = (flag: number, errno: number) =>
    scripted({ setns: (_fd, it) => it === flag ? -errno : 0, read: texts("", "", "") });
  assertThrows(
    () => joinWithUserNamespace(refused(NAMESPACES.user.flag, EINVAL), [USER]),
    OperationError,
    'join the user namespace "/ns/user" (is it one, and another than the runtime\'s own?): invalid argument',
  );
  assertThrows(
    () => joinWithUserNamespace(refused(NAMESPACES.ipc.flag, EPERM), [USER, IPC]),
    OperationError,
    'join the ipc namespace "/ns/ipc"',
  );
});

Deno.test("user namespace: a process has all capabilities there that the kernel knows", () => {
  const none = { low: 0, high: 0 };
  assertEquals(namespaceCapabilities({ permitted: none, last: 40 }), {
    permitted: { low: 0xffff_ffff, high: 0x1ff },
    last: 40,
  });
  assertEquals(namespaceCapabilities({ permitted: none, last: 63 }).permitted.high, 0xffff_ffff);
  assertEquals(namespaceCapabilities({ permitted: none, last: 31 }).permitted.high, 0);
});
