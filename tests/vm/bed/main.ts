/**
 * The part `vm` of `./x test`: boots the test machine, runs tests inside it, and writes their report.
 *
 * Usage: `main.ts REPORT [FILTER]`. Environment: `TSRUN_VM_FILES`, paths of test files in place of the usual
 * list.
 * @module
 */
import { testFiles } from "./files.ts";
import { ArchiveUnreachable, ensureImage, type Image, whyNot } from "./image.ts";
import { Machine } from "./machine.ts";
import { consolePath } from "./qemu.ts";
import { failedReport, type FileReport, joinReports, skippedReport } from "./report.ts";
import { makeStage, type Stage } from "./stage.ts";

/** Time for all that runs inside, and for one file; the emulator ends itself a little later. */
const INSIDE_SECONDS = 1980;
const FILE_SECONDS = 900;
/**
 * Time that must be left for a file to be begun: a file that is cut off at the end would look like a failure
 * of its own.
 */
const LEAST_SECONDS = 420;
/** How long the emulator lives: what comes before and after the tests is in it. */
const LIFE_SECONDS = INSIDE_SECONDS + 420;
const CPUS = 2;
/** Files that are run again when they fail; more are no accident. */
const MOST_AGAIN = 3;
/** Times as long as on a real machine: what the tests' own time limits are multiplied by. */
const PATIENCE = 8;
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Words of TSRUN_IMPORTS, which `./x` sets where the packages of deno.json cannot be reached. */
const imports = Deno.env.get("TSRUN_IMPORTS")?.split(" ").filter((word) => word !== "") ?? [];

function say(line: string): void {
  console.log(`vm: ${line}`);
}

/** A word for a shell. */
function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Runs the tests of one file, shows their output when they are over, and fetches the report. */
async function runFile(
  machine: Machine,
  stage: Stage,
  file: string,
  filter: string | undefined,
  seconds: number,
) {
  const begin = performance.now();
  const report = `/tmp/report-${file.replaceAll("/", "-")}.xml`;
  const words = [
    ...["timeout", "--kill-after=10", `${seconds}`, "env", "-i", "HOME=/root", `PATH=${PATH}`, "NO_COLOR=1"],
    ...["DENO_NO_UPDATE_CHECK=1", `DENO_DIR=${stage.top}/.deno/cache`, `TSRUN_TEST_PATIENCE=${PATIENCE}`],
    `TSRUN_CLIENTS_CACHE=${stage.clients}`,
    // The reference has run the tests of tests/integration outside.
    ...(file.startsWith("tests/vm/") ? [] : ["TSRUN_TEST_REFERENCE=no"]),
    // Where the packages of deno.json were reached, their copies are in the cache.
    ...[
      stage.deno,
      "test",
      "--quiet",
      "--no-check",
      "--allow-all",
      "--cached-only",
      `--junit-path=${report}`,
    ],
    ...[...imports, ...(filter === undefined ? [] : [`--filter=${filter}`]), file],
  ];
  const command = `cd ${quote(stage.top)} && exec ${words.map(quote).join(" ")} 2>&1`;
  const { code, stdout, stderr } = await machine.run(command, seconds + 30);
  const xml = (await machine.run(`cat ${report}`, 60)).stdout;
  const took = Math.round((performance.now() - begin) / 1000);
  // On standard error is what ssh itself has to say.
  console.log(
    `\n-- ${file}: exit status ${code}, ${took} s\n${stdout.trimEnd()}${stderr && `\n${stderr.trimEnd()}`}`,
  );
  const tail = `${stdout.trimEnd()}\n${stderr}`.trim().split("\n").slice(-5).join("\n");
  const why = code === 124 || code === 137
    ? `ended at its time limit of ${seconds} s; its output ends with\n${tail}`
    : `exit status ${code}, and no test says why; the output ends with\n${tail}`;
  return { file, xml, success: code === 0, why };
}

/** The files that were asked for, or the usual ones. */
function chosenFiles(): string[] {
  const words = Deno.env.get("TSRUN_VM_FILES")?.split(" ").filter((word) => word !== "") ?? [];
  return words.length > 0 ? words : testFiles();
}

/** Runs all files, as many at a time as the machine has processors. */
async function runFiles(machine: Machine, stage: Stage, filter: string | undefined): Promise<FileReport[]> {
  const deadline = performance.now() + INSIDE_SECONDS * 1000;
  const waiting = chosenFiles();
  const reports: FileReport[] = [];
  const worker = async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) {
      const seconds = Math.min(FILE_SECONDS, Math.floor((deadline - performance.now()) / 1000));
      if (seconds >= LEAST_SECONDS) reports.push(await runFile(machine, stage, file, filter, seconds));
      else {
        say(`SKIP: ${file}: no time left, the machine is too slow for all files in ${INSIDE_SECONDS} s`);
        reports.push({ file, xml: "", success: true, left: true });
      }
    }
  };
  await Promise.all(Array.from({ length: CPUS }, worker));
  if (reports.some(({ success }) => !success)) await showLogs(machine);
  return await again(machine, stage, filter, reports, deadline);
}

/**
 * Runs files that failed again, with nothing beside them: an emulated machine on a shared one may run out of
 * a test's time. A file that passes then is named as unsteady, and does not fail the part.
 */
async function again(
  machine: Machine,
  stage: Stage,
  filter: string | undefined,
  reports: readonly FileReport[],
  deadline: number,
): Promise<FileReport[]> {
  const many = reports.filter(({ success }) => !success).length > MOST_AGAIN;
  const last: FileReport[] = [];
  for (const report of reports) {
    const seconds = Math.min(FILE_SECONDS, Math.floor((deadline - performance.now()) / 1000));
    if (report.success || many || seconds < 30) {
      last.push(report);
      continue;
    }
    say(`again, alone: ${report.file}`);
    const second = await runFile(machine, stage, report.file, filter, seconds);
    if (second.success) say(`unsteady: ${report.file} passed alone`);
    last.push(second);
  }
  return last;
}

/** What the machine has to say about a failure. */
async function showLogs(machine: Machine): Promise<void> {
  // The kernel's own lines are on the console.
  const sources = ["syslog", "journal", "stdout"].map((name) => `_TRANSPORT=${name}`).join(" ");
  const { stdout } = await machine.run(`journalctl --boot --no-pager -p warning --lines=40 ${sources}`, 60);
  console.log(`\n-- the machine's journal\n${stdout.trimEnd()}`);
  console.log(
    `\n-- the machine's console\n${Deno.readTextFileSync(consolePath(machine.options.dir)).slice(-4000)}`,
  );
}

async function run(image: Image, dir: string, filter: string | undefined): Promise<string> {
  const stage = makeStage(dir);
  const begin = performance.now();
  const options = { image, dir, memoryMb: 3072, cpus: CPUS, disks: [stage.disk] };
  const machine = await Machine.boot(options, LIFE_SECONDS, say);
  try {
    say(`answers after ${Math.round((performance.now() - begin) / 1000)} s`);
    // Some units may be on their way still; whether one has failed is a test's question.
    await machine.run("systemctl is-system-running --wait", 90);
    const prepared = await machine.run(stage.prepare, 60);
    if (prepared.code !== 0) throw new Error(`cannot prepare the machine: ${prepared.stderr}`);
    return joinReports(await runFiles(machine, stage, filter));
  } finally {
    await machine.stop();
  }
}

async function main([report, filter]: string[]): Promise<void> {
  const leaveOut = (reason: string) => {
    console.log(`SKIP: vm: ${reason}`);
    Deno.writeTextFileSync(report, skippedReport(filter ?? "vm"));
  };
  const reason = whyNot();
  if (reason !== undefined) return leaveOut(reason);
  let image: Image;
  try {
    image = await ensureImage(say);
  } catch (error) {
    if (error instanceof ArchiveUnreachable) return leaveOut(error.message);
    throw error;
  }
  const dir = Deno.makeTempDirSync({ dir: "/tmp", prefix: "tsrun-vm-" });
  // The signal goes to the whole group, so the machine ends by itself; its disks are large.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => {
      Deno.removeSync(dir, { recursive: true });
      Deno.exit(1);
    });
  }
  try {
    Deno.writeTextFileSync(report, await run(image, dir, filter));
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

try {
  await main(Deno.args);
} catch (error) {
  // Of the machine, not of a test: the reason is enough.
  const [report, filter] = Deno.args, { message } = error as Error;
  say(message);
  Deno.writeTextFileSync(report, failedReport(filter ?? "vm", message));
  Deno.exit(1);
}
Deno.exit(0);
