/** No two commands on one id are in each other's way, whenever the second comes. */
import { skip } from "../lib/skip.ts";
import type { Ended, Place } from "./place.ts";
import { lacksTracing } from "./ptrace.ts";
import { type Race, race } from "./race.ts";
import { say } from "./say.ts";
import { EVERY } from "./sweep.ts";

const create = ({ bundle, id }: Place) => ["create", "--bundle", bundle, id];
const remove = ({ id }: Place) => ["delete", "--force", id];
const made = (place: Place) => void place.done(...create(place));

/** A container that was made, and that no later command was to remove, is there, and can be started. */
function isThere(place: Place, { code }: Ended): string[] {
  if (code !== 0) return [];
  const status = place.status();
  if (status !== "created") return [`a container that was created is ${status ?? "gone"}`];
  const { code: started, stderr } = place.plain("start", "start", place.id);
  return started === 0 ? [] : [`a container that was created cannot be started: ${stderr}`];
}

/** A container that no command has made leaves nothing. */
function isGone(place: Place): string[] {
  const status = place.status();
  return status === undefined ? [] : [`nobody has made a container, and it is ${status}`];
}

const RACES: readonly Race[] = [
  {
    name: "create, against delete and another create",
    first: create,
    rivals: (place) => [remove(place), create(place)],
    judge: (place, first, [, second]) => second.code === 0 || first.code !== 0 ? isThere(place, second) : [],
  },
  {
    name: "create, against another create",
    first: create,
    rivals: (place) => [create(place)],
    judge(place, first, [second]) {
      if (first.code === 0 && second.code === 0) return ["both have made a container of one id"];
      if (first.code !== 0 && second.code !== 0) return ["neither has made a container", ...isGone(place)];
      return isThere(place, first.code === 0 ? first : second);
    },
  },
  {
    name: "delete, against create",
    prepare: made,
    first: remove,
    rivals: (place) => [create(place)],
    judge: (place, _first, [second]) => isThere(place, second),
  },
  {
    name: "start, against delete",
    prepare: made,
    first: ({ id }) => ["start", id],
    rivals: (place) => [remove(place)],
    judge: (place, _first, [removal]) => removal.code === 0 ? isGone(place) : [],
  },
];

const lacking = lacksTracing();
const which = EVERY === 1 ? "every call" : `every ${EVERY}th call, and at all that take or give a container`;
for (const run of RACES) {
  const name = `race: ${run.name}, at ${which}`;
  if (lacking !== undefined) {
    skip(name, lacking);
    continue;
  }
  Deno.test(name, async () => {
    const begin = performance.now();
    const { points, faults } = await race(run);
    const seconds = ((performance.now() - begin) / 1000).toFixed(1);
    say(`race of ${run.name}: ${points} points; ${faults.length} faults; ${seconds} s`);
    if (faults.length > 0) throw new Error(faults.join("\n"));
  });
}
