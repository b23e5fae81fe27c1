/**
 * `explain`: what a command would do with a container of a config. The commands run as they are, in a dry
 * run: nothing is made, started or written.
 * @module
 */

import type { LocalKernel } from "../../../ffi/local.ts";
import type { Spec } from "../../../spec/types.ts";
import { type DryCall, DryRun } from "../../host/dry/dry_run.ts";
import { loadDrySystemd } from "../../cgroups/mod.ts";
import { isRootless } from "../../host/rootless.ts";
import { createContainer } from "../create/create.ts";
import type { CreateOptions } from "../create/plan.ts";
import { deleteContainer } from "../delete.ts";
import { execInContainer } from "../exec/exec.ts";
import { savedConfig } from "../saved_config.ts";
import { startContainer } from "../start.ts";
import { isPlumbing } from "./plumbing.ts";
import { purposeOf } from "./rules.ts";

/** Commands that can be explained, in the order of a container's life. */
export const EXPLAINED = ["create", "start", "exec", "delete"] as const;

/** A command that can be explained. */
export type ExplainedCommand = typeof EXPLAINED[number];

/** One step. */
export interface ExplainedStep {
  /** The process that does it: `tsrun`, `stage`, `init`, `joiner`, `process`, … */
  process: string;
  /** The stage of the process's lifecycle. */
  stage: string;
  /** The step in a line of words. */
  step: string;
  /** Path in the config.json of what asks for it; empty where every container has the step. */
  config: string;
  /** The system calls, with their arguments. */
  calls: string[];
}

/**
 * Explains a command. This process can do nothing else afterwards: what it asks of the system stays dry.
 *
 * @param options Of the create of the container.
 * @param args The program of an `exec`; empty for the container's own.
 * @throws {RuntimeError} What the command would fail with before it does anything, such as a wrong config;
 * with `--systemd-cgroup`, if systemd cannot be reached.
 */
export async function explain(
  k: LocalKernel,
  command: ExplainedCommand,
  options: CreateOptions,
  args: readonly string[],
): Promise<ExplainedStep[]> {
  const rootless = isRootless(options.rootless, options.systemdCgroup);
  const systemd = options.systemdCgroup ? (await loadDrySystemd()).standInForSystemd(k, rootless) : undefined;
  const run = new DryRun(k, systemd), { root, id, log } = options;
  await createContainer(k, options);
  run.marks("done");
  let [begin, end] = [0, run.calls.length];
  const spec = savedConfig(root, id);
  const lives: (() => Promise<unknown>)[] = [
    () => startContainer(k, root, id, log),
    () => execInContainer(k, execOptions(options, args.length > 0 ? args : spec.process.args)),
    () => {
      run.endAll();
      return deleteContainer(k, { root, id, force: false, systemdCgroup: options.systemdCgroup, log });
    },
  ];
  for (const work of lives.slice(0, EXPLAINED.indexOf(command))) {
    begin = run.calls.length;
    await work();
    run.marks("done");
    end = run.calls.length;
  }
  return stepsOf(run.calls.slice(begin, end).filter((call) => !isPlumbing(call)), spec);
}

function execOptions({ root, id, log }: CreateOptions, args: readonly string[]) {
  const process = { args: [...args], env: [], additionalGids: [], tty: false, capabilities: [] };
  const rest = { detach: true, preserveFds: 0, cgroups: [], ignorePaused: false };
  return { root, id, log, process, ...rest };
}

/** Calls that only go on with what the call before has begun: they have its descriptor. */
const GOES_ON = /^(?:close|lseek|statx|fstatfs|write)\((?:\d+|\?)(?:, ""|[,)])/;

/** Calls that follow each other and are for the same, as steps. */
function stepsOf(calls: readonly DryCall[], spec: Spec): ExplainedStep[] {
  const steps: ExplainedStep[] = [];
  for (const call of calls) {
    const { process } = call, stage = call.stage || call.part, last = steps.at(-1);
    const here = last?.process === process && last.stage === stage;
    if (here && GOES_ON.test(call.call)) {
      last.calls.push(call.call);
      continue;
    }
    const { words, config } = purposeOf(call, spec) ?? { words: call.step || call.name, config: "" };
    if (here && last.step === words && last.config === config) last.calls.push(call.call);
    else steps.push({ process, stage, step: words, config, calls: [call.call] });
  }
  return steps;
}
