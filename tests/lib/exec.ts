/** `exec` in the containers of tests. */
import type { Box } from "./box.ts";
import type { Dict } from "./bundle.ts";
import { assertOk, type Container, type RunOptions } from "./container.ts";
import type { Result } from "./process.ts";

/** Starts a container that sleeps; `overrides` are those of `config()`. */
export function sleeper(box: Box, overrides: Dict = {}): Promise<Container> {
  const process = { args: ["sleep", "1000"], ...(overrides.process as Dict | undefined) };
  return box.container({ ...overrides, process }).started();
}

/** `exec` of a program, without judging how it ends; `flags` stand before the id. */
export function exec(
  container: Container,
  args: string[],
  options: RunOptions & { files?: string } = {},
): Promise<Result> {
  return container.box.cli(["exec", ...(options.flags ?? []), container.id, ...args], options);
}

/** `exec` of a program that must exit with 0. @returns What it wrote to its standard output. */
export async function execOutput(
  container: Container,
  args: string[],
  options: RunOptions = {},
): Promise<string> {
  return assertOk(await exec(container, args, options)).stdout;
}

/** `exec --process` of a document, which must exit with 0. @returns What it wrote to its standard output. */
export function execDocument(
  container: Container,
  document: Dict,
  options: RunOptions = {},
): Promise<string> {
  return execOutput(container, [], {
    ...options,
    flags: [...(options.flags ?? []), "--process", writeDocument(container, document)],
  });
}

/** Writes a process document. @returns Its path. */
export function writeDocument(container: Container, document: Dict): string {
  const path = `${container.box.dir}/process-${crypto.randomUUID().slice(0, 8)}.json`;
  Deno.writeTextFileSync(path, JSON.stringify(document));
  return path;
}
