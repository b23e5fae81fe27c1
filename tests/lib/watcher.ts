/**
 * A hostile container that looks at every process that appears in it. A test states what it must not see of
 * `exec`.
 */
import { assertMatch } from "@std/assert";
import type { Container } from "./container.ts";
import { until } from "./process.ts";

/**
 * Watches /proc for new processes with builtins of the shell only, so that it is fast and makes no process
 * itself. Of each process it notes name and capabilities, and whether memory, descriptors, environment or
 * root could be opened.
 */
export const WATCHER = `
cd /proc; echo watching
seen=" "; for p in [0-9]*; do seen="$seen$p "; done
while :; do
  for p in [0-9]*; do
    case "$seen" in *" $p "*) continue ;; esac
    name= caps= open=
    { :; } 2>/dev/null <$p/mem && open="$open mem"
    { :; } 2>/dev/null <$p/environ && { read -r e <$p/environ; open="$open environ"; } 2>/dev/null
    for f in $p/fd/*; do [ -e $f ] && open="$open $f"; done
    [ -e $p/exe ] && open="$open exe"
    [ -e $p/root/proc ] && open="$open root"
    { read -r name <$p/comm; while read -r key value; do
      case $key in CapPrm:|CapEff:) caps="$caps $value" ;; Uid:) uid="$value" ;; esac
    done <$p/status; } 2>/dev/null
    [ -n "$caps" ] || continue # it has ended
    echo "newcomer $p name=$name caps=$caps uid=$uid open=$open"
    case $name in tsrun*|runc*) ;; ?*) seen="$seen$p " ;; esac
  done
done
`;

/**
 * What a watcher saw of processes that were not yet the program that was executed.
 *
 * @param execs Executes some programs. It is called until the watcher, which gets only its share of a
 * processor, has seen one of them.
 */
export async function watch(container: Container, execs: () => Promise<void>): Promise<string[]> {
  await until("the watcher", () => container.stdout().includes("watching"));
  let lines: string[] = [];
  await until("the watcher to see a program", async () => {
    await execs();
    // It ends with a whole line: the watcher may be writing one.
    lines = container.stdout().split("\n").slice(0, -1).filter((line) => line.startsWith("newcomer"));
    return lines.some((line) => / name=(sleep|true|busybox) /.test(line));
  }, 15_000);
  return lines.filter((line) => /name=(tsrun|runc)/.test(line));
}

/** Asserts that a new process showed nothing of itself, and has no more rights than the final process. */
export function assertHarmless(lines: string[], caps: string): void {
  for (const line of lines) {
    assertMatch(line, new RegExp(`caps= ${caps} ${caps} `), line);
    assertMatch(line, / open=$/, line);
  }
}
