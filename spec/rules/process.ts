/**
 * Rules between the values of a process: runtime-spec `config.md`, section Process.
 *
 * @module
 */
import type { Process } from "../types.ts";
import type { Partly, Report } from "./report.ts";

/**
 * Each resource is limited once, and no soft limit is above its hard one.
 *
 * @param path Path of the process with a dot, empty for a document that is one.
 */
export function checkRlimits({ rlimits = [] }: Partly<Process>, path: string, report: Report): void {
  const seen: string[] = [];
  for (let index = 0; index < rlimits.length; index++) {
    const { type, soft, hard } = rlimits[index], at = `${path}rlimits[${index}].`;
    if (type !== undefined) {
      if (seen.includes(type)) report(`${at}type`, `${type} is limited twice`, "keep one of them");
      seen.push(type);
    }
    if (soft !== undefined && hard !== undefined && soft > hard) {
      const fix = hard === 0 ? "a hard limit that is absent is 0" : undefined;
      report(`${at}soft`, `soft limit ${soft} is above the hard limit ${hard}`, fix);
    }
  }
}
