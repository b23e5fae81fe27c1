/**
 * What a user of docker and of containerd waits for: `docker run --rm`, `ctr run --rm`, and thirty containers
 * started at once by `ctr run -d`. The daemons are Debian's, started for the benchmark and ended with it.
 */
import { Containerd, containerdMissing } from "../tests/clients/containerd.ts";
import { Docker, dockerMissing } from "../tests/clients/docker.ts";
import { exists } from "../tests/lib/process.ts";
import type { Stage } from "./cases.ts";
import { rest } from "./rounds.ts";
import type { Runtime } from "./runtimes.ts";
import { balancedOrders, type Estimate, ratio, summarize } from "./samples.ts";
import type { Table } from "./tables.ts";

/** Names of the cases in the order of the report. */
export const CLIENT_NAMES = ["docker-run", "ctr-run", "thirty"] as const;
export type ClientName = (typeof CLIENT_NAMES)[number];

const TITLES: Record<ClientName, string> = {
  "docker-run": "docker run --rm",
  "ctr-run": "ctr run --rm",
  "thirty": "30 ctr run -d at once",
};
const AT_ONCE = 30;
/** Milliseconds for one turn, with the slowest runtime on the slowest machine. */
const TIMEOUT = 120_000;
/** Rounds of the case that starts thirty: each turn takes seconds. */
const MOST_OF_THIRTY = 5;

/** Wall times in milliseconds, by runtime and case. */
export type ClientResults = Record<string, Partial<Record<ClientName, number[]>>>;

/** One client with a command for each turn. */
interface Client {
  name: ClientName;
  /** Runs the command under a runtime. @returns Its wall time. */
  turn(runtime: Runtime, number: number): Promise<number>;
}

/** Runs one command, which must succeed. */
function timed(stage: Stage, argv: string[]): number {
  Deno.truncateSync(stage.output);
  const end = stage.spawner.run(argv, TIMEOUT);
  if (end.code === 0) return end.wall;
  const said = Deno.readTextFileSync(stage.output).trim().split("\n").slice(-2).join(" ");
  throw new Error(`${argv.join(" ")}: ${end.timedOut ? "it hung" : `exit code ${end.code}`}: ${said}`);
}

function dockerClient(stage: Stage, docker: Docker): Client {
  const words = ["run", "--rm", "--network", "none"];
  return {
    name: "docker-run",
    turn(runtime) {
      const argv = ["/usr/bin/docker", "-H", docker.socket, ...words, "--runtime", `bench-${runtime.name}`];
      return Promise.resolve(timed(stage, [...argv, "box", "/bin/true"]));
    },
  };
}

/** The words of a `ctr` command, quoted by nothing: no word has a blank. */
function ctrWords(containerd: Containerd, ...args: string[]): string[] {
  const { daemons } = containerd;
  return ["/usr/bin/ctr", "--address", daemons.containerd, "--namespace", daemons.token, ...args];
}

function runWords(
  containerd: Containerd,
  runtime: Runtime,
  flags: string[],
  id: string,
  program: string[],
): string[] {
  const image = "example.org/box:latest";
  const fifos = ["--fifo-dir", `${containerd.daemons.dir}/fifo`];
  return ctrWords(
    containerd,
    "run",
    "--runc-binary",
    runtime.path,
    ...fifos,
    ...flags,
    image,
    id,
    ...program,
  );
}

function ctrClient(stage: Stage, containerd: Containerd): Client {
  return {
    name: "ctr-run",
    turn(runtime, number) {
      const id = `${runtime.name}-once-${number}`;
      return Promise.resolve(timed(stage, runWords(containerd, runtime, ["--rm"], id, ["/bin/true"])));
    },
  };
}

function thirtyClient(stage: Stage, containerd: Containerd): Client {
  return {
    name: "thirty",
    async turn(runtime, number) {
      const ids = Array.from({ length: AT_ONCE }, (_, i) => `${runtime.name}-${number}-${i}`);
      const flags = ["--detach", "--null-io"];
      const commands = ids.map((id) => runWords(containerd, runtime, flags, id, ["sleep", "600"]).join(" "));
      // Each of them must succeed.
      const script = `${
        commands.map((command) => `${command} & p="$p $!"`).join("\n")
      }\nfor i in $p; do wait $i || exit; done`;
      const wall = timed(stage, ["/bin/sh", "-c", script]);
      await Promise.all(ids.map((id) => containerd.remove(id)));
      return wall;
    },
  };
}

/** Lets all runtimes take turns; the first failure of a runtime ends its part. */
async function measureClient(
  stage: Stage,
  client: Client,
  rounds: number,
  signal: AbortSignal,
): Promise<{ results: Record<string, number[]>; failures: string[] }> {
  const results: Record<string, number[]> = {}, failures: string[] = [];
  const orders = balancedOrders(stage.runtimes.length), lost = new Set<string>();
  // The first round fills caches and does not count.
  for (let round = 0; round <= rounds; round++) {
    for (const index of orders[round % orders.length]) {
      const runtime = stage.runtimes[index];
      if (lost.has(runtime.name)) continue;
      try {
        const wall = await client.turn(runtime, round);
        if (round > 0) (results[runtime.name] ??= []).push(wall);
      } catch (error) {
        lost.add(runtime.name);
        failures.push(`${client.name}: ${runtime.name}: ${error instanceof Error ? error.message : error}`);
      }
      await rest(50, signal);
    }
  }
  return { results, failures };
}

/** A daemon with its clients. */
interface Service {
  missing(): string | undefined;
  cases: readonly ClientName[];
  /** Starts it; ends it with the function that is returned, which tells what was left behind. */
  start(stage: Stage): Promise<{ clients: Client[]; stop: () => Promise<string[]> }>;
}

const SERVICES: readonly Service[] = [
  {
    missing: dockerMissing,
    cases: ["docker-run"],
    async start(stage) {
      const runtimes = stage.runtimes.flatMap(({ name, path }) => ["--add-runtime", `bench-${name}=${path}`]);
      const docker = await Docker.start(undefined, runtimes);
      return { clients: [dockerClient(stage, docker)], stop: () => docker.stop() };
    },
  },
  {
    missing: containerdMissing,
    cases: ["ctr-run", "thirty"],
    async start(stage) {
      const containerd = new Containerd();
      const stop = async () => {
        const leaks = await containerd.daemons.stop();
        if (exists(containerd.stateDir)) Deno.removeSync(containerd.stateDir, { recursive: true });
        return leaks;
      };
      try {
        await containerd.start();
      } catch (error) {
        await stop();
        throw error;
      }
      return { clients: [ctrClient(stage, containerd), thirtyClient(stage, containerd)], stop };
    },
  },
];

/** What was measured, and what a reader must know of it. */
export interface MeasuredClients {
  results: ClientResults;
  failures: string[];
  notes: string[];
}

/** Measures the cases that are wanted; what a daemon leaves behind is a failure. */
export async function measureClients(
  stage: Stage,
  wanted: readonly ClientName[],
  rounds: number,
  signal: AbortSignal,
): Promise<MeasuredClients> {
  const measured: MeasuredClients = { results: {}, failures: [], notes: [] };
  for (const service of SERVICES.filter(({ cases }) => cases.some((name) => wanted.includes(name)))) {
    const missing = service.missing();
    if (missing !== undefined) {
      measured.notes.push(`${service.cases.join(", ")} were not measured: ${missing}`);
      continue;
    }
    const { clients, stop } = await service.start(stage);
    try {
      for (const client of clients.filter(({ name }) => wanted.includes(name))) {
        const count = client.name === "thirty" ? Math.min(rounds, MOST_OF_THIRTY) : rounds;
        const { results, failures } = await measureClient(stage, client, count, signal);
        measured.failures.push(...failures);
        for (const [name, times] of Object.entries(results)) {
          (measured.results[name] ??= {})[client.name] = times;
        }
      }
    } finally {
      measured.failures.push(...(await stop()).map((leak) => `left behind: ${leak}`));
    }
  }
  return measured;
}

/** Wall times of the clients' commands, with the ratio of the first runtime to each other. */
export function clientsTable(
  results: ClientResults | undefined,
  runtimes: readonly string[],
): Table | undefined {
  const cases = CLIENT_NAMES.filter((name) => runtimes.some((runtime) => results?.[runtime]?.[name]));
  if (results === undefined || cases.length === 0) return undefined;
  const [subject, ...others] = runtimes;
  const estimate = ({ value, low, high }: Estimate) =>
    `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
  const rows = cases.map((name) => {
    const times = (runtime: string) => results[runtime]?.[name];
    const cells = runtimes.map((runtime) => {
      const own = times(runtime);
      if (own === undefined) return "—";
      const { p10, median, p90 } = summarize(own);
      return `${median.toFixed(0)} (${p10.toFixed(0)}–${p90.toFixed(0)})`;
    });
    const own = times(subject);
    const ratios = others.map((other) => {
      const theirs = times(other);
      return own && theirs ? estimate(ratio(own, theirs)) : "—";
    });
    return [TITLES[name], ...cells, ...ratios];
  });
  return {
    title: "Clients' commands: wall time, ms",
    header: ["", ...runtimes, ...others.map((other) => `${subject}/${other}`)],
    rows,
  };
}
