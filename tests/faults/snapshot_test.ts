/**
 * The start from a snapshot (build/snapshot) with a fault at each of its system calls: an error takes the
 * command to the engine, and the command ends as it does without one; SIGKILL leaves nothing.
 */
import { assert, assertEquals } from "@std/assert";
import { readText } from "../lib/process.ts";
import { lacksSnapshot, snapshotUnderTest } from "../lib/snapshot.ts";
import { skip } from "../lib/skip.ts";
import { LIMIT, Place } from "./place.ts";
import { lacksTracing } from "./ptrace.ts";
import { say } from "./say.ts";
import { ERRNOS, EVERY } from "./sweep.ts";
import { type Fault, trace } from "./tracer.ts";

/** Of every so many points one is tried where not all are: a point takes 50 ms. */
const EVERY_ERROR = EVERY > 1 ? 2 : 1, EVERY_KILL = EVERY > 1 ? 40 : 1;

/** Runs a command to its end. */
function command(place: Place, snapshot: string, fault?: Fault) {
  place.next();
  const files = place.files("command"), argv = place.argv("state", "none");
  const { code, met, hung, calls } = trace({ argv, snapshot, ...files, fault, limit: LIMIT });
  const stderr = readText(files.stderr).replace(/time="[^"]*"/, "");
  return { met, hung, calls, ended: { code, stdout: readText(files.stdout), stderr } };
}

/** Tries points one after the other. */
function sweep(act: (index: number) => "kill" | number, every: number, code?: number): void {
  const snapshot = snapshotUnderTest()!;
  const place = new Place({});
  try {
    const { ended, calls } = command(place, snapshot);
    const points = calls.filter(({ role }) => role === "snapshot");
    assert(points.length > 100 && calls.length > points.length, `${points.length} of ${calls.length} calls`);
    assert(ended.code === 1 && ended.stderr.includes("does not exist"), ended.stderr);
    let tried = 0;
    for (let i = Math.floor(every / 2); i < points.length; i += every, tried++) {
      const fault: Fault = { role: "snapshot", index: i, act: act(i) };
      const { met, hung, ended: other } = command(place, snapshot, fault);
      const what = `call ${i}, ${fault.act} at ${met}`;
      assert(met !== undefined && !hung, what);
      if (code === undefined) assertEquals(other, ended, what);
      else assertEquals(other, { code, stdout: "", stderr: "" }, what);
      assertEquals(place.processes(), [], what);
    }
    say(`snapshot: ${points.length} calls, ${tried} tried`);
  } finally {
    place.remove();
  }
}

const lacking = lacksTracing() ?? lacksSnapshot();
const errors = Object.values(ERRNOS);
for (
  const [name, test] of Object.entries({
    "faults: snapshot: an error takes the command to the engine": () =>
      sweep((i) => errors[Math.floor(i / EVERY_ERROR) % errors.length], EVERY_ERROR),
    "faults: snapshot: SIGKILL ends the command, and leaves no process": () =>
      sweep(() => "kill", EVERY_KILL, 128 + 9),
  })
) {
  if (lacking !== undefined) skip(name, lacking);
  else Deno.test(name, test);
}
