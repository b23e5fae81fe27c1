/**
 * A probe that runs as the container's process and tells what it finds: identity, capabilities, namespaces,
 * mounts, limits, open descriptors. It is a script for busybox's shell, given by `sh -c`, so that the probe
 * itself holds no descriptor and needs no file in the rootfs.
 */
import { type Mount, parseMountinfo } from "./mountinfo.ts";

/** What the probe saw; every field is as the kernel printed it. */
export interface Facts {
  /** `/proc/self/status` by field name: `Uid`, `CapEff`, `NoNewPrivs`, `Seccomp`, `Umask`, `NSpid`. */
  status: Record<string, string>;
  /** Namespace links by name: `pid` → `pid:[4026531836]`. */
  ns: Record<string, string>;
  mounts: Mount[];
  /** `/proc/self/limits` by its first column: `Max open files` → soft and hard value. */
  limits: Record<string, [string, string]>;
  /** Open descriptors: number → target of the link. */
  fds: Record<string, string>;
  env: string[];
  cwd: string;
  hostname: string;
  domainname: string;
  oomScoreAdj: string;
  /** Lines of `/proc/self/cgroup`. */
  cgroup: string[];
  /** Names of the network interfaces, with `up` where the interface's flags say so. */
  interfaces: Record<string, string>;
}

const SCRIPT = `
p=/proc/$$
echo @@status; cat $p/status
echo @@ns; for n in $p/ns/*; do echo "\${n##*/} $(readlink $n)"; done
echo @@mounts; cat $p/mountinfo
echo @@limits; cat $p/limits
echo @@fds; ls -l $p/fd
echo @@env; tr '\\0' '\\n' <$p/environ
echo @@cwd; readlink $p/cwd
echo @@hostname; hostname
echo @@domainname; cat /proc/sys/kernel/domainname
echo @@oom; cat $p/oom_score_adj
echo @@cgroup; cat $p/cgroup
echo @@interfaces; ip -o link
echo @@end
`;

/**
 * `process.args` that run the probe; give them to `config()` and read the output with {@linkcode parseFacts}.
 */
export const PROBE: string[] = ["/bin/sh", "-c", SCRIPT];

/**
 * Reads what the probe printed.
 *
 * @param output Standard output of the container.
 * @throws Error when the probe did not come to its end.
 */
export function parseFacts(output: string): Facts {
  const part = sections(output);
  if (!part.has("end")) throw new Error(`the probe did not finish; its output: ${JSON.stringify(output)}`);
  const lines = (name: string) => part.get(name) ?? [];
  return {
    status: Object.fromEntries(lines("status").map((line) => split(line, /:\s*/))),
    ns: Object.fromEntries(lines("ns").map((line) => split(line, / /))),
    mounts: parseMountinfo(lines("mounts").join("\n")),
    limits: Object.fromEntries(lines("limits").slice(1).map(limit)),
    fds: Object.fromEntries(
      lines("fds").flatMap((line) => [...line.matchAll(/(\d+) -> (.*)$/g)].map((m) => [m[1], m[2]])),
    ),
    env: lines("env").filter((line) => line !== ""),
    cwd: lines("cwd").join("\n"),
    hostname: lines("hostname").join("\n"),
    domainname: lines("domainname").join("\n"),
    oomScoreAdj: lines("oom").join("\n"),
    cgroup: lines("cgroup"),
    interfaces: Object.fromEntries(lines("interfaces").flatMap(networkInterface)),
  };
}

/** Bits of a capability mask as `/proc/self/status` prints it, as numbers. */
export function capabilityBits(hex: string): number[] {
  const mask = BigInt(`0x${hex.trim()}`);
  return [...Array(64).keys()].filter((bit) => (mask >> BigInt(bit)) & 1n);
}

function sections(output: string): Map<string, string[]> {
  const found = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of output.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("@@")) found.set(line.slice(2), current = []);
    else current.push(line);
  }
  return found;
}

function split(line: string, separator: RegExp): [string, string] {
  const match = separator.exec(line);
  return match ? [line.slice(0, match.index), line.slice(match.index + match[0].length).trim()] : [line, ""];
}

function limit(line: string): [string, [string, string]] {
  const name = line.slice(0, 26).trim();
  const [soft, hard] = line.slice(26).trim().split(/\s+/);
  return [name, [soft, hard]];
}

function networkInterface(line: string): [string, string][] {
  const match = /^\d+: ([^:@]+)[^:]*: <([^>]*)>/.exec(line);
  return match ? [[match[1], match[2].split(",").includes("UP") ? "up" : "down"]] : [];
}
