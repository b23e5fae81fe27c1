/**
 * `list --filter` and `list --sort`: which containers, in which order.
 * @module
 */
import { RuntimeError } from "../../ffi/errors.ts";
import { parsePattern } from "./matching.ts";
import type { Report } from "../container/report.ts";

/** Whether a container is listed. */
type Choice = (report: Report) => boolean;

const STATUSES: readonly string[] = ["creating", "created", "running", "paused", "stopped"];

/** What `--filter KEY=VALUE` asks. */
const FILTERS: Readonly<Record<string, (value: string) => Choice>> = {
  annotation(value) {
    const equals = value.indexOf("=");
    const [name, wanted] = equals < 0 ? [value] : [value.slice(0, equals), value.slice(equals + 1)];
    return ({ annotations = {} }) =>
      Object.hasOwn(annotations, name) && (wanted === undefined || annotations[name] === wanted);
  },
  bundle: (value) => ({ bundle }) => bundle === value,
  id(value) {
    const pattern = parsePattern(value);
    return ({ id }) => pattern.test(id);
  },
  owner: (value) => ({ owner }) => owner === value,
  status(value) {
    if (!STATUSES.includes(value)) throw wrongFilter(`status=${value}`, STATUSES.join(", "));
    return ({ status }) => status === value;
  },
};

/** What `--sort` compares; those that are equal stay in the order of their ids. */
const KEYS: Readonly<Record<string, (report: Report) => string | number>> = {
  bundle: ({ bundle }) => bundle,
  created: ({ created }) => created,
  id: ({ id }) => id,
  owner: ({ owner }) => owner,
  pid: ({ pid }) => pid,
  status: ({ status }) => STATUSES.indexOf(status),
};

function wrongFilter(given: string, wanted: string): RuntimeError {
  return new RuntimeError("EINVAL_FLAG", `invalid filter ${JSON.stringify(given)}: want ${wanted}`);
}

/** Filters of one key are alternatives, except annotations, which all have to be there. */
function parseFilters(filters: readonly string[]): Choice {
  const alternatives = new Map<string, Choice[]>();
  const all: Choice[] = [];
  for (const filter of filters) {
    const equals = filter.indexOf("="), key = filter.slice(0, Math.max(equals, 0));
    if (equals < 0 || !Object.hasOwn(FILTERS, key)) {
      throw wrongFilter(filter, `KEY=VALUE with a key of ${Object.keys(FILTERS).join(", ")}`);
    }
    const choice = FILTERS[key](filter.slice(equals + 1));
    if (key === "annotation") all.push(choice);
    else alternatives.set(key, [...alternatives.get(key) ?? [], choice]);
  }
  return (report) =>
    all.every((choice) => choice(report)) &&
    [...alternatives.values()].every((choices) => choices.some((choice) => choice(report)));
}

/**
 * Chooses and sorts.
 *
 * @param reports In order of their ids.
 * @param filters `KEY=VALUE` each.
 * @param sort What to sort by; a minus sign before it reverses the order.
 * @throws {RuntimeError} for a filter or a key that there is not.
 */
export function chooseReports(
  reports: readonly Report[],
  filters: readonly string[],
  sort: string,
): Report[] {
  const choice = parseFilters(filters), name = sort.replace(/^-/, "");
  if (!Object.hasOwn(KEYS, name)) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      `invalid value ${JSON.stringify(sort)} for flag -sort: want ${Object.keys(KEYS).join(", ")}`,
    );
  }
  const key = KEYS[name], sign = sort.startsWith("-") ? -1 : 1;
  return reports.filter(choice).sort((one, other) => {
    const a = key(one), b = key(other);
    return a < b ? -sign : a > b ? sign : 0;
  });
}
