/** `tsrun list`: all containers under the root. */
import { printable, printableJson } from "../../../ffi/printable.ts";
import type { Command, Context } from "../command.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import { writeText } from "../../host/log.ts";
import { readSmallFile, USERS_MAX } from "../../host/small_file.ts";
import { screenColumns } from "../../host/screen.ts";
import { local } from "../../../ffi/local.ts";
import { describe, type Report, userNames } from "../../container/report.ts";
import { listContainers } from "../../container/list.ts";

export const command: Command = {
  name: "list",
  usage: "list the containers under the root",
  operands: "",
  description:
    "Lists the containers whose state is kept under the global option --root. An entry that cannot be\n" +
    "read is named on standard error and left out. --filter can be repeated: filters of one key are\n" +
    "alternatives, filters of several keys, and annotations, must all be met. On a terminal the table fits it,\n" +
    "and says how long ago a container was created, and with which status it ended if that is known.",
  minArgs: 0,
  maxArgs: 0,
  flags: [
    {
      name: "format",
      short: "f",
      kind: "string",
      usage: "table or json",
      default: "table",
      values: ["table", "json"],
    },
    {
      name: "filter",
      kind: "strings",
      usage: "show what has KEY=VALUE: annotation, bundle, id (a regular expression), owner or status",
    },
    {
      name: "sort",
      kind: "string",
      usage: "sort by bundle, created, id, owner, pid or status; a minus sign before it reverses the order",
      default: "id",
      values: ["bundle", "created", "id", "owner", "pid", "status", "-created"],
    },
    { name: "quiet", short: "q", kind: "bool", usage: "show the ids only" },
  ],
  async run({ global, flags }: Context): Promise<number> {
    if (global.rootGiven) checkRoot(global.root);
    let reports = await readReports(global.root);
    if (flags.has("filter") || flags.has("sort")) {
      const { chooseReports } = await import("../list_choice.ts");
      reports = chooseReports(reports, flags.strings("filter"), flags.string("sort"));
    }
    if (flags.bool("quiet")) writeText(Deno.stdout, reports.map(({ id }) => id + "\n").join(""));
    else writeText(Deno.stdout, await format(flags.string("format"), reports));
    return 0;
  },
};

/** A root that was given must exist. The default one appears with the first container. */
function checkRoot(root: string): void {
  try {
    Deno.statSync(root);
  } catch (error) {
    throw new RuntimeError("EIO_STATE_ROOT", `open ${root}: ${reasonOf(error)}`);
  }
}

async function readReports(root: string): Promise<Report[]> {
  const listed = listContainers(
    root,
    (id, error) => writeText(Deno.stderr, `load container ${printable(id)}: ${error.message}\n`),
  );
  if (listed.length === 0) return [];
  const names = readUsers();
  const { exitStatusOf } = await import("../../container/exit_status.ts");
  return listed.map(({ state, status }) =>
    describe(
      state,
      status,
      names.get(state.owner) ?? `#${state.owner}`,
      status === "stopped" ? exitStatusOf(state) : undefined,
    )
  );
}

function readUsers(): Map<number, string> {
  try {
    return userNames(readSmallFile("/etc/passwd", USERS_MAX));
  } catch {
    return new Map();
  }
}

async function format(kind: string, reports: readonly Report[]): Promise<string> {
  // runc prints an empty list as null. Its clients know both.
  if (kind === "json") return (reports.length > 0 ? printableJson(JSON.stringify(reports)) : "null") + "\n";
  if (kind !== "table") throw new RuntimeError("EINVAL_FLAG", "invalid format option");
  const screen = screenColumns(local());
  if (screen !== undefined) return await tableForPeople(reports, screen);
  const rows = reports.map((r) => [r.id, String(r.pid), r.status, printable(r.bundle), r.created, r.owner]);
  return table([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], ...rows]);
}

/** The table on a terminal. */
async function tableForPeople(reports: readonly Report[], screen: number): Promise<string> {
  const { fitTable } = await import("../show/table.ts");
  const { formatAge } = await import("../show/units.ts");
  const columns = [
    { title: "ID", cut: "end" },
    { title: "PID" },
    { title: "STATUS" },
    { title: "BUNDLE", cut: "start" },
    { title: "CREATED" },
    { title: "OWNER", cut: "end" },
  ] as const;
  const rows = reports.map(({ id, pid, status, exitStatus, bundle, created, owner }) => [
    id,
    pid === 0 ? "-" : `${pid}`,
    exitStatus === undefined ? status : `${status} (${exitStatus})`,
    printable(bundle),
    formatAge(Date.now() - Date.parse(created)),
    printable(owner),
  ]);
  return fitTable(columns, rows, screen);
}

/** Columns at least 12 wide, three spaces between them. */
function table(rows: readonly string[][]): string {
  const widths = rows[0].map((_, column) => Math.max(9, ...rows.map((row) => row[column].length)) + 3);
  const line = (row: string[]) => row.map((cell, column) => cell.padEnd(widths[column])).join("").trimEnd();
  return rows.map((row) => line(row) + "\n").join("");
}
