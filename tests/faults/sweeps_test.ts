/**
 * Every command with a fault at one system call of one of its processes: SIGKILL, or an error. See README.md.
 */
import { CRIU_SCENARIOS, lacksExitStatus, WAIT } from "./criu_scenarios.ts";
import { say } from "./say.ts";
import { skip } from "../lib/skip.ts";
import { lacksTracing } from "./ptrace.ts";
import { MORE_SCENARIOS } from "./more_scenarios.ts";
import { HOST_SCENARIOS, OTHER_SCENARIOS } from "./other_scenarios.ts";
import { type Scenario, SCENARIOS } from "./scenarios.ts";
import { type Act, callsOf, ERRNOS, EVERY, Sweep } from "./sweep.ts";

const KINDS: Readonly<Record<string, readonly Act[]>> = {
  "SIGKILL": ["kill"],
  "an error": Object.values(ERRNOS),
};

const GROUPS: readonly (readonly [string | undefined, readonly Scenario[]])[] = [
  [undefined, [...SCENARIOS, ...MORE_SCENARIOS, ...OTHER_SCENARIOS, ...CRIU_SCENARIOS]],
  [lacksExitStatus(), [WAIT]],
  ...HOST_SCENARIOS,
];
/** Six errors are tried: of commands that share most of their calls with another one, fewer points. */
const FEWER = 3;
for (const [lackingHost, scenarios] of GROUPS) scenarios.forEach((scenario) => sweeps(scenario, lackingHost));

function sweeps(scenario: Scenario, lackingHost: string | undefined): void {
  const lacking = lacksTracing() ?? lackingHost;
  for (const [kind, acts] of Object.entries(KINDS)) {
    const thinned = EVERY > 1 && acts.length > 1 && !SCENARIOS.includes(scenario);
    const every = thinned ? EVERY * FEWER : EVERY;
    const which = every === 1 ? "every" : `every ${every}th`;
    const name = `faults: ${scenario.name}: ${kind} at ${which} point`;
    if (lacking !== undefined) {
      skip(name, lacking);
      continue;
    }
    Deno.test(name, async () => {
      const begin = performance.now();
      const { calls, points, missed, survived, faults, leftovers } = await new Sweep(scenario, acts, every)
        .run();
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      say(
        `${scenario.name}, ${kind}: calls ${callsOf(calls)}; ${points} points, ${missed} not met, ` +
          `${survived} survived; ${faults.length} faults, ${leftovers.length} leftovers; ${seconds} s`,
      );
      const said = [...faults, ...leftovers.map((text) => `left behind: ${text}`)];
      if (said.length > 0) throw new Error(said.join("\n"));
    });
  }
}
