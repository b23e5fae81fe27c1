/**
 * Inputs that were faults once: files in tests/corpus/, each with what it is about.
 * @module
 */
import type { Input } from "./fuzzer.ts";

const DIRECTORY = new URL("../corpus/", import.meta.url);

/** `config` is the text of a config.json, so that numbers stand as they were; or a config as a tree. */
interface Entry {
  about: string;
  config?: unknown;
  args?: string[];
}

/** All of them by name. */
export function readCorpus(): Map<string, Input> {
  const found = new Map<string, Input>();
  for (const { name } of [...Deno.readDirSync(DIRECTORY)].sort((a, b) => a.name < b.name ? -1 : 1)) {
    if (!name.endsWith(".json")) continue;
    const { config, args }: Entry = JSON.parse(Deno.readTextFileSync(new URL(name, DIRECTORY)));
    found.set(
      name,
      args ? { args } : { config: typeof config === "string" ? config : JSON.stringify(config) },
    );
  }
  return found;
}

/** Adds one. @returns Its path. */
export function addToCorpus(input: Input, about: string): string {
  const entry: Entry = { about, ...input };
  const path = new URL(`found-${crypto.randomUUID().slice(0, 8)}.json`, DIRECTORY);
  Deno.writeTextFileSync(path, `${JSON.stringify(entry, undefined, 2)}\n`);
  return path.pathname;
}
