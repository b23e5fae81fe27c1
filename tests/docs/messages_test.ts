/** The messages that CONTRIBUTING.md shows are such as the program makes. */
import { assertStringIncludes } from "@std/assert";
import { ENODEV } from "../../ffi/errno.ts";
import { OperationError } from "../../ffi/kernel.ts";
import { describeMount } from "../../init/mounts.ts";
import { formatProblems, validateConfig } from "../../spec/validate.ts";
import { readPage } from "./pages.ts";

const PAGE = readPage("CONTRIBUTING.md");

Deno.test("CONTRIBUTING.md: the message of a mount that fails", () => {
  const doing = describeMount({ source: "no", destination: "/x", type: "nofs" });
  assertStringIncludes(PAGE, new OperationError("fsopen", ENODEV, '"nofs"', doing).message);
});

Deno.test("CONTRIBUTING.md: the message of a config with two problems", () => {
  const process = { user: { uid: 0, gid: 0 }, cwd: "x", args: [] };
  const config = { ociVersion: "1.2.0", root: { path: "rootfs" }, process };
  assertStringIncludes(PAGE, formatProblems(validateConfig(config), "config.json"));
});
