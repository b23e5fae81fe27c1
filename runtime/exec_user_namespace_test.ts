import { assertThrows } from "@std/assert";
import { local } from "../ffi/local.ts";
import { RuntimeError } from "./errors.ts";
import { lookAtUserNamespace } from "./exec_user_namespace.ts";

Deno.test("lookAtUserNamespace: an init that is gone is a stopped container", () => {
  const process = { user: { uid: 0, gid: 0 }, args: ["x"], cwd: "/" };
  // Above the highest that a kernel gives: proc_sys_kernel(5), pid_max.
  assertThrows(
    () => lookAtUserNamespace(local(), 1 << 23, process),
    RuntimeError,
    "cannot exec in a stopped container",
  );
});
