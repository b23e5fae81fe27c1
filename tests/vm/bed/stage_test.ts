import { assertEquals } from "@std/assert";
import { launchLines } from "../../../build/launch_lines.ts";
import { denoNamedBy } from "./stage.ts";

Deno.test("denoNamedBy: the Deno that a bundle starts, and none of a program", () => {
  assertEquals(denoNamedBy(`${launchLines("/a/b-c/deno")}more`), "/a/b-c/deno");
  assertEquals(denoNamedBy("\x7fELF exec /a/deno run "), undefined);
});
