/** `LISTEN_FDS`: sockets that a service manager opened for the container. */
import { assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import type { Box } from "../lib/box.ts";
import { contract } from "../lib/contract.ts";

const SCRIPT = "cat <&3; cat <&4; ls -l /proc/$$/fd; env";

/** Runs a command as a service manager would: the process that `LISTEN_PID` names is the runtime's. */
function activated(box: Box, listen: number, args: string[], redirect: string, pid = "$$") {
  const script = `export LISTEN_FDS=${listen} LISTEN_PID=${pid}; exec "$@" ${redirect}`;
  return box.command(["/bin/sh", "-c", script, "sh", box.runtime.path, "--root", box.root, ...args]);
}

function descriptors(output: string): string[] {
  return [...output.matchAll(/ (\d+) -> /g)].map((match) => match[1]);
}

contract("LISTEN_FDS: the sockets come first, preserved descriptors after them", async (box) => {
  for (const name of ["three", "four", "five"]) Deno.writeTextFileSync(`${box.dir}/${name}`, `${name}\n`);
  const container = box.container({ process: { args: sh(SCRIPT) } });
  const redirect = ["three", "four", "five"].map((name, i) => `${i + 3}<${box.dir}/${name}`).join(" ");
  const args = ["run", "--bundle", container.bundle.dir, "--preserve-fds", "1", container.id];
  const { stdout } = assertOk(await activated(box, 1, args, redirect));
  assertMatch(stdout, /^three\nfour\n/);
  assertEquals(descriptors(stdout), ["0", "1", "2", "3", "4"]);
  assertMatch(stdout, /^LISTEN_FDS=1$/m);
  assertMatch(stdout, /^LISTEN_PID=1$/m);
});

contract("LISTEN_FDS: sockets for another process are not the container's", async (box) => {
  const container = box.container({ process: { args: sh("ls -l /proc/$$/fd; env") } });
  const args = ["run", "--bundle", container.bundle.dir, container.id];
  const { stdout } = assertOk(await activated(box, 1, args, "3</etc/passwd", "1"));
  assertEquals(descriptors(stdout), ["0", "1", "2"]);
  assertEquals(stdout.includes("LISTEN_"), false);
});

contract("LISTEN_FDS: a socket that is not open is an error", async (box) => {
  const container = box.container();
  const args = ["run", "--bundle", container.bundle.dir, container.id];
  assertError(await activated(box, 2, args, "3</etc/passwd"), /socket 1 \(of 2, LISTEN_FDS\)/);
  await box.assertNothingLeft();
}, { notOnReference: "Go's runtime opens descriptors of its own, which runc takes for the caller's" });
