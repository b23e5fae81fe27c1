/**
 * What is a test program in a directory, and how it is called.
 * @module
 */

/** A way of writing tests. */
export interface Kind {
  /** Of which the programs are. */
  suite: string;
  /** Whether the file of this name is a program of this kind. */
  matches(name: string, executable: boolean): boolean;
  /** The command of the program. @param path From the suite's directory, where it is started. */
  command(path: string): string[];
  /** Variables by which the program is told the runtime. */
  variables: readonly string[];
  /** The suite gives the runtime no `--root`: it is given one by a script in the runtime's place. */
  bare: boolean;
}

/** All kinds. Each writes TAP. */
export const KINDS: readonly Kind[] = [
  {
    suite: "OCI runtime-tools validation",
    matches: (name, executable) => executable && name.endsWith(".t"),
    command: (path) => [`./${path}`],
    variables: ["RUNTIME"],
    bare: true,
  },
  {
    suite: "runc's tests for bats",
    matches: (name) => name.endsWith(".bats"),
    command: (path) => ["bats", "--tap", path],
    variables: ["RUNC"],
    bare: false,
  },
  {
    suite: "crun's tests",
    matches: (name) => /^test_\w+\.py$/.test(name),
    command: (path) => ["python3", path],
    variables: ["OCI_RUNTIME"],
    bare: false,
  },
];

/** A test program. */
export interface Program {
  /** Path from the suite's directory. */
  path: string;
  kind: Kind;
}

/** Directories that hold no programs of the suite, but perhaps of others. */
const LEFT_OUT: readonly string[] = ["vendor", "node_modules", ".git"];

/**
 * The test programs below a directory, by path. Links are not followed.
 *
 * @param only Parts of paths; a program is taken when its path holds one of them, or when there are none.
 * @throws {Deno.errors.NotFound} and its like, where the directory cannot be read.
 */
export function findPrograms(directory: string, only: readonly string[] = [], below = ""): Program[] {
  const entries = [...Deno.readDirSync(`${directory}/${below}`)].sort((a, b) => a.name < b.name ? -1 : 1);
  return entries.flatMap(({ name, isDirectory, isFile }) => {
    const path = below + name;
    if (isDirectory) return LEFT_OUT.includes(name) ? [] : findPrograms(directory, only, `${path}/`);
    if (!isFile || (only.length > 0 && !only.some((part) => path.includes(part)))) return [];
    const executable = ((Deno.lstatSync(`${directory}/${path}`).mode ?? 0) & 0o111) !== 0;
    const kind = KINDS.find((candidate) => candidate.matches(name, executable));
    return kind ? [{ path, kind }] : [];
  });
}
