/** Compares what `explain` tells of a container's life with the traces of its commands. */
import { assert, assertEquals } from "@std/assert";
import { callsByProcess, callsOfExplanation, callsOfTrace, type ToldCall } from "./calls.ts";
import type { Box } from "./box.ts";
import { assertOk, type Container } from "./container.ts";
import { exec } from "./exec.ts";

const COMMANDS = ["create", "start", "exec", "delete"] as const;

/** The explanation of each command of a container. @param globals Global flags of all commands. */
async function explained(
  box: Box,
  container: Container,
  globals: readonly string[],
): Promise<Record<string, ToldCall[]>> {
  const told: Record<string, ToldCall[]> = {};
  for (const command of COMMANDS) {
    const flags = ["-b", container.bundle.dir, "--id", container.id, "--format", "json"];
    const args = command === "exec" ? ["/bin/true"] : [];
    const before = listing(box);
    const { stdout } = assertOk(
      await box.cli(["explain", ...flags, command, ...args], { globals: [...globals] }),
    );
    assertEquals(listing(box), before);
    told[command] = callsOfExplanation(stdout);
    // A step without words has the name of its call.
    const bare = JSON.parse(stdout).steps.filter(({ step }: { step: string }) => /^[a-z]\w*$/.test(step));
    assertEquals(bare, []);
  }
  return told;
}

/** What there is of a test's files, and of the container's cgroups. */
function listing(box: Box): string[] {
  const found: string[] = [];
  const walk = (directory: string, depth: number) => {
    for (const { name, isDirectory } of Deno.readDirSync(directory)) {
      // The output of commands is written to files of the test.
      if (!/^(?:stdout|stderr|command)/.test(name)) found.push(`${directory}/${name}`);
      if (isDirectory && depth > 0) walk(`${directory}/${name}`, depth - 1);
    }
  };
  walk(box.dir, 3);
  walk("/sys/fs/cgroup", 1);
  return found.filter((path) => !path.includes("/rootfs/")).filter((path) =>
    path.startsWith("/sys") ? path.includes(box.token) : !/\/\d+\.(?:out|err)$/.test(path)
  ).sort();
}

/** The trace of each command of a container's life. */
async function traced(
  box: Box,
  container: Container,
  more: readonly string[],
): Promise<Record<string, ToldCall[]>> {
  const globals = (command: string) => [...more, "--trace", `${box.dir}/${command}.json`];
  await container.created({ globals: globals("create") });
  assertOk(await container.start({ globals: globals("start") }));
  assertOk(await exec(container, ["/bin/true"], { globals: globals("exec"), flags: ["--detach"] }));
  assertOk(await container.kill("KILL"));
  await container.wait("stopped");
  assertOk(await box.cli(["delete", container.id], { globals: globals("delete") }));
  const read = (command: string) => callsOfTrace(Deno.readTextFileSync(`${box.dir}/${command}.json`));
  return Object.fromEntries(COMMANDS.map((command) => [command, read(command)]));
}

/**
 * Compares both. The init that waits for `start` goes on without tsrun: the trace of create has it all.
 *
 * @param globals Global flags of all commands.
 * @returns What `explain` told of each command.
 */
export async function compareWithTraces(
  box: Box,
  container: Container,
  globals: readonly string[] = [],
): Promise<Record<string, ToldCall[]>> {
  const said = await explained(box, container, globals), done = await traced(box, container, globals);
  for (const life of [["create", "start"], ["exec"], ["delete"]] as const) {
    const calls = (of: Record<string, ToldCall[]>) => callsByProcess(life.flatMap((command) => of[command]));
    const [expected, told] = [calls(done), calls(said)];
    assert(life[0] === "delete" || Object.keys(expected).length > 2, Object.keys(expected).join(" "));
    for (const process of new Set([...Object.keys(expected), ...Object.keys(told)])) {
      assertEquals(told[process], expected[process], `${life.join(", ")}: ${process}`);
    }
  }
  return said;
}
