/** `tsrun completion`: the scripts, in the shells that they are for. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { allCommands } from "../../runtime/cli/commands.ts";
import { withHelp } from "../../runtime/cli/completion/operands.ts";
import type { Flag } from "../../runtime/cli/flags.ts";
import { GLOBAL_FLAGS } from "../../runtime/cli/globals.ts";
import { exists } from "../lib/process.ts";
import { Terminal } from "../lib/pty.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";

const COMMANDS = await allCommands();
/** Command, empty for none, and its flags. */
const TABLES: readonly [string, readonly Flag[]][] = [
  ["", GLOBAL_FLAGS],
  ...COMMANDS.map(({ name, flags }) => [name, flags] as [string, readonly Flag[]]),
];

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A directory with the script of a shell, `script`, and a state root with two containers, `state`. */
class Place implements Disposable {
  readonly dir = Deno.makeTempDirSync({ prefix: "tsrun-completion-" });
  readonly root = `${this.dir}/state`;

  constructor(readonly shell: string) {
    for (const id of ["web.1", "db"]) {
      Deno.mkdirSync(`${this.root}/${id}`, { recursive: true });
      Deno.writeTextFileSync(`${this.root}/${id}/state.json`, "{}");
    }
    Deno.mkdirSync(`${this.root}/no-container`);
    const { code, stdout, stderr } = new Deno.Command(pathUnderTest(), { args: ["completion", shell] })
      .outputSync();
    assertEquals([code, text(stderr)], [0, ""]);
    Deno.writeFileSync(`${this.dir}/script`, stdout);
  }

  /** Runs lines in the shell behind the script, and returns what they print. */
  run(lines: string, args: string[]): string {
    const { code, stdout, stderr } = new Deno.Command(`/usr/bin/${this.shell}`, {
      args: [...args, "-c", `source ${this.dir}/script\n${lines}`],
      clearEnv: true,
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: this.dir },
      cwd: this.dir,
    }).outputSync();
    assertEquals([code, text(stderr)], [0, ""], this.shell);
    return text(stdout);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.dir, { recursive: true });
  }
}

function test(shell: string, name: string, run: (place: Place) => void | Promise<void>): void {
  const title = `completion: ${shell}: ${name}`;
  if (!exists(`/usr/bin/${shell}`)) return skip(title, `${shell} is not installed`);
  Deno.test(title, async () => {
    using place = new Place(shell);
    await run(place);
  });
}

/** What bash's function offers for each of the command lines, whose last word is at the cursor. */
function completeInBash(place: Place, lines: readonly (readonly string[])[]): string[][] {
  const calls = lines.map((words) =>
    `COMP_WORDS=(tsrun ${words.map((word) => `'${word}'`).join(" ")})
     COMP_CWORD=${words.length}; _tsrun; echo "\${COMPREPLY[*]}"`
  );
  const offered = place.run(calls.join("\n"), ["--norc", "--noprofile", "-u"]).split("\n").slice(0, -1);
  return offered.map((line) => line.split(" ").filter((word) => word !== ""));
}

test("bash", "every command and every flag of the table", (place) => {
  const offered = completeInBash(place, [[""], ...TABLES.map(([name]) => [...name ? [name] : [], "-"])]);
  assertEquals(offered[0], [...COMMANDS.map(({ name }) => name), "help"]);
  TABLES.forEach(([name, flags], i) => {
    const wanted = withHelp(flags).flatMap(({ name, short }) => [`--${name}`, ...short ? [`-${short}`] : []]);
    assertEquals(offered[i + 1], wanted, name);
  });
});

test("bash", "ids, values, signals and paths, wherever flags stand", (place) => {
  const { root } = place;
  Deno.mkdirSync(`${place.dir}/a directory`);
  Deno.writeTextFileSync(`${place.dir}/a-file`, "");
  const cases: [string[], string[]][] = [
    [["--root", root, "state", ""], ["db", "web.1"]],
    [["--root", "=", root, "delete", "--force", "w"], ["web.1"]],
    [["--root", root, "exec", "--env", "db", "w"], ["web.1"]],
    [["--root", root, "exec", "web.1", "--u"], []],
    [["--root", `${place.dir}/none`, "state", ""], []],
    [["--root", root, "kill", "db", "KI"], ["KILL"]],
    [["--log-format", ""], ["text", "json"]],
    [["--log-format", "=", "j"], ["json"]],
    [["--log-format", "="], ["text", "json"]],
    [["--debug", "=", "true", "pau"], ["pause"]],
    [["list", "-f", "t"], ["table"]],
    [["create", "-b", "a"], ["a", "directory"]],
    [["create", "--pid-file", "a-"], ["a-file"]],
    [["completion", ""], ["bash", "zsh", "fish"]],
    [["help", "chec"], ["checkpoint"]],
    [["no-such-command", "--x"], []],
  ];
  const offered = completeInBash(place, cases.map(([words]) => words));
  cases.forEach(([words, wanted], i) => assertEquals(offered[i].sort(), wanted.sort(), words.join(" ")));
});

test("bash", "the script as JSON", (place) => {
  const run = (...flags: string[]) =>
    new Deno.Command(pathUnderTest(), { args: ["completion", ...flags, "bash"] }).outputSync();
  assertEquals(JSON.parse(text(run("--format", "json").stdout)), {
    shell: "bash",
    script: Deno.readTextFileSync(`${place.dir}/script`),
  });
  const { code, stdout, stderr } = run("--format", "yaml");
  assertEquals([code, text(stdout)], [1, ""]);
  assertStringIncludes(text(stderr), String.raw`invalid --format value \"yaml\": want text or json`);
});

test("fish", "every command and every flag of the table, ids and values", (place) => {
  const lines = [
    "tsrun ",
    ...TABLES.map(([name]) => `tsrun ${name ? `${name} ` : ""}-`),
    `tsrun --root ${place.root} exec --env A=b -`,
    `tsrun --root=${place.root} state `,
    `tsrun --root ${place.root} kill db KIL`,
    "tsrun --log-format ",
  ];
  // Behind one dash fish offers short and long flags, each with its description behind a tab.
  const calls = lines.map((line) => `complete -C '${line}' | string replace -r '\\t.*' ''; echo ==`).join(
    "\n",
  );
  const offered = place.run(calls, ["--no-config"]).split("==\n").map((part) =>
    part.split("\n").filter((line) => line !== "")
  );
  assertEquals(offered[0].sort(), [...COMMANDS.map(({ name }) => name), "help"].sort());
  TABLES.forEach(([name, flags], i) => {
    const wanted = withHelp(flags).flatMap(({ name, short }) => [`--${name}`, ...short ? [`-${short}`] : []]);
    assertEquals(offered[i + 1].sort(), wanted.sort(), name);
  });
  const [flags, ids, signals, formats] = offered.slice(TABLES.length + 1);
  assert(flags.includes("--cgroup"), `${flags}`);
  assertEquals([ids.sort(), signals, formats.sort()], [["db", "web.1"], ["KILL"], ["json", "text"]]);
});

test("zsh", "every command and every flag of the table", (place) => {
  // What the function hands to zsh's own functions.
  const calls = TABLES.map(([name]) =>
    `_arguments() { [[ $* == *argument:-\\>argument* && -n "${name}" ]] && state=argument || print -rl -- "$@" }
     words=('${name}'); _tsrun; print -- '=='`
  );
  const head = "compdef() { : }\n_describe() { print -rl -- ${(P)argv[-1]} }\n";
  Deno.writeTextFileSync(`${place.dir}/script`, head + Deno.readTextFileSync(`${place.dir}/script`));
  const given = place.run([...calls, "_tsrun_commands"].join("\n"), ["-f"]).split("==\n");
  TABLES.forEach(([name, flags], i) => {
    const specs = given[i].split("\n");
    for (const { name: flag, short, kind } of withHelp(flags)) {
      const long = kind === "bool" ? `--${flag}` : `--${flag}=`;
      for (const word of [long, ...short ? [`-${short}`] : []]) {
        const start = `^(\\*|\\([^)]*\\))?${word}\\[`;
        assert(specs.some((spec) => new RegExp(start).test(spec)), `${name}: ${word} in ${given[i]}`);
      }
    }
  });
  const commands = given.at(-1)!.trimEnd().split("\n").map((line) => line.replace(/:.*/, ""));
  assertEquals(commands, [...COMMANDS.map(({ name }) => name), "help"]);
});

test("zsh", "on a terminal the tabulator key completes commands, flags and ids", async (place) => {
  const setup = `PS1='> '; autoload -Uz compinit && compinit -D -u; source ${place.dir}/script; ` +
    `tsrun() { print -r -- "got:$*:" }; print rea''dy`;
  const env = { HOME: place.dir, ZDOTDIR: place.dir, PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  const terminal = Terminal.start(["/usr/bin/zsh", "-f", "-i"], { env, size: [200, 24] });
  try {
    await terminal.type(`${setup}\r`);
    await terminal.expect(/ready\r\n/, 30_000);
    for (
      const [typed, wanted] of [
        ["tsrun checkp\t", "checkpoint"],
        [`tsrun --root ${place.root} state we\t`, `--root ${place.root} state web.1`],
        ["tsrun create --bund\t", "create --bundle"],
        ["tsrun kill db KI\t", "kill db KILL"],
      ] as const
    ) {
      await terminal.type(`${typed}\r`);
      await terminal.expect(new RegExp(`got:${wanted}:\r\n`), 20_000);
    }
  } finally {
    await terminal.close();
  }
});
