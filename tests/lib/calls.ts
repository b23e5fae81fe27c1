/** System calls of traces and of `explain` in a form in which they can be compared. */
import { kindsOf } from "../../ffi/decode/signatures.ts";
import type { SyscallName } from "../../ffi/syscalls.ts";
import { isPlumbing } from "../../runtime/container/explain/plumbing.ts";

/** A call as both tell it. */
export interface ToldCall {
  process: string;
  stage: string;
  call: string;
}

/** Divides arguments at commas that are not within quotation marks or brackets. */
function argumentsOf(text: string): string[] {
  const found: string[] = [];
  let depth = 0, quoted = false, start = 0;
  for (let i = 0; i < text.length; i++) {
    if (quoted) {
      if (text[i] === "\\") i++;
      else if (text[i] === '"') quoted = false;
    } else if (text[i] === '"') quoted = true;
    else if ("{[(".includes(text[i])) depth++;
    else if ("}])".includes(text[i])) depth--;
    else if (text[i] === "," && depth === 0) {
      found.push(text.slice(start, i));
      start = i + 2;
    }
  }
  return [...found, text.slice(start)];
}

/** A call without numbers of descriptors and processes. */
function withoutNumbers(call: string): string {
  const [, name, rest] = /^(\w+)\((.*)\)$/.exec(call) ?? [];
  let text = call;
  if (
    name !== undefined && kindsOf(name as SyscallName).length > 0 && !/\), (?:read|write|getdents)/.test(call)
  ) {
    const kinds = kindsOf(name as SyscallName);
    const args = argumentsOf(rest).map((arg, i) =>
      (kinds[i] === "fd" || kinds[i] === "pid") && /^(-?\d+|\?)$/.test(arg) && arg !== "0" ? "N" : arg
    );
    text = `${name}(${args.join(", ")})`;
  }
  return text.replace(/(pid\\":)\d+(.*), \d+\)$/, "$1N$2, N)").replace(
    /(userns_fd|cgroup|IFLA_NET_NS_FD)=\d+/g,
    "$1=N",
  )
    // A long text is cut where pids of other lengths leave it.
    .replace(/^(write\(N, "\{\\"ociVersion.*\\"bundle\\").*…", N\)$/, "$1…")
    .replace(/(\/proc|self\/fd|\/fd)\/\d+/g, "$1/N")
    .replace(/state\.json\.\d+/g, "state.json.N")
    .replace(/KEYCTL_SETPERM, -?\d+/, "KEYCTL_SETPERM, N")
    // What is prepared for other commands names the process.
    .replace(/^(write\(N, \?, )\d+/, "$1N")
    .replace(/("pid\\?\\?":)\d+(.*), \d+\)/, "$1N$2, N)").replace(
      /(write\(").*?(?:…"|"\))/,
      (all) => all.includes("ociVersion") ? 'write("…"' : all,
    );
}

/** The calls of each process, in their order. */
export function callsByProcess(calls: readonly ToldCall[]): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const told of calls) {
    const name = /^\w+/.exec(told.call)?.[0] ?? "";
    // A trace has the messages of D-Bus, and not what they say.
    if (isPlumbing({ ...told, name }) || told.call.startsWith("org.")) continue;
    const calls = found[told.process] ??= [], call = withoutNumbers(told.call);
    // A trace tells a record that is run again and again once.
    if (calls.at(-1) !== call) calls.push(call);
  }
  return found;
}

interface ChromeEvent {
  ph: string;
  pid: number;
  cat?: string;
  args: { name?: string; call?: string; errno?: string; stage?: string };
}

/** The calls of a trace, without those that the kernel asks to make again. */
export function callsOfTrace(text: string): ToldCall[] {
  const events: ChromeEvent[] = JSON.parse(text).traceEvents;
  const names = new Map(events.filter(({ ph }) => ph === "M").map(({ pid, args }) => [pid, args.name!]));
  return events.filter(({ cat, args }) => (cat === "call" || cat === "file") && args.errno !== "EAGAIN").map((
    { pid, args },
  ) => ({
    process: names.get(pid)!.replace(/^tsrun .*/, "tsrun"),
    stage: args.stage ?? "",
    call: args.call!,
  }));
}

/** The calls of an explanation. */
export function callsOfExplanation(text: string): ToldCall[] {
  const { steps } = JSON.parse(text) as {
    steps: { process: string; stage: string; calls: string[] }[];
  };
  return steps.flatMap(({ process, stage, calls }) => calls.map((call) => ({ process, stage, call })));
}
