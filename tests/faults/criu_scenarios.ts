/**
 * Further commands that are swept: checkpoint and restore with a stand-in for CRIU, and `wait`.
 * @module
 */
import { exists } from "../lib/process.ts";
import { limitLines } from "./facts.ts";
import { INVENTORY } from "./fake_criu.ts";
import type { Place } from "./place.ts";
import { isGone, mustBe, running, type Scenario, SLEEPS } from "./scenarios.ts";

/** The namespaces that the stand-in's process can stand for: it shares its network with the host. */
const CONTAINER = {
  ...SLEEPS,
  linux: {
    ...SLEEPS.linux as object,
    sysctl: {},
    namespaces: ["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
  },
};

const imagesOf = (place: Place) => `${place.dir}/${place.id}.images`;

/** Writes the program that is run in CRIU's place. @returns Its path. */
function criu(place: Place): string {
  const path = `${place.dir}/criu`, quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
  const words = [Deno.execPath(), "run", "--quiet", "--no-check", "--no-config", "--allow-all"];
  const program = new URL("fake_criu.ts", import.meta.url).pathname;
  const cache = Deno.env.get("DENO_DIR");
  const environment = cache === undefined ? "" : `export DENO_DIR=${quoted(cache)}\n`;
  const text = `#!/bin/sh\n${environment}exec ${[...words, program].map(quoted).join(" ")} "$@"\n`;
  Deno.writeTextFileSync(path, text, { mode: 0o755 });
  return path;
}

function checkpoint(place: Place, ...flags: string[]): string[] {
  return ["--criu", criu(place), "checkpoint", "--image-path", imagesOf(place), ...flags, place.id];
}

function isDumped(place: Place): string[] {
  if (!exists(`${imagesOf(place)}/${INVENTORY}`)) throw new Error("there are no images");
  return [];
}

/** A container does not go without its images. */
function goneUndumped(place: Place): string[] {
  const gone = place.status() === undefined && !exists(`${imagesOf(place)}/${INVENTORY}`);
  return gone ? ["the container is gone, and there are no images"] : [];
}

export const CRIU_SCENARIOS: readonly Scenario[] = [
  {
    name: "checkpoint",
    settings: CONTAINER,
    prepare: running,
    args: (place) => checkpoint(place),
    // The dump is complete: what cannot be removed afterwards is a warning, and left to delete.
    facts(place, { stderr }) {
      isDumped(place);
      return stderr.includes("level=warning") && place.status() === "stopped" ? [] : isGone(place);
    },
    failed: goneUndumped,
  },
  {
    name: "checkpoint --leave-running",
    settings: CONTAINER,
    prepare: running,
    args: (place) => checkpoint(place, "--leave-running"),
    facts: (place) => [...isDumped(place), ...mustBe(place, "running"), ...limitLines(place.id)],
    failed: (place) => mustBe(place, "running"),
  },
  {
    name: "restore",
    settings: CONTAINER,
    prepare(place) {
      Deno.mkdirSync(imagesOf(place));
      Deno.writeTextFileSync(`${imagesOf(place)}/${INVENTORY}`, "");
      const none = ["/dev/null", "/dev/null", "/dev/null"];
      Deno.writeTextFileSync(`${imagesOf(place)}/descriptors.json`, JSON.stringify(none));
    },
    args: (place) => [
      ...["--criu", criu(place), "restore", "--detach", "--bundle", place.bundle],
      ...["--image-path", imagesOf(place), place.id],
    ],
    facts: (place) => [...mustBe(place, "running"), ...limitLines(place.id)],
    undoes: true,
  },
];

const ENDS_SOON = { ...SLEEPS, process: { ...SLEEPS.process as object, args: ["/bin/sleep", "0.5"] } };

export const WAIT: Scenario = {
  name: "wait",
  settings: ENDS_SOON,
  prepare: running,
  args: (place) => ["wait", place.id],
  facts: (place, { stdout }) => [stdout, ...mustBe(place, "stopped")],
};

/** Why a container's status cannot be had without being its parent; undefined where it can. */
export function lacksExitStatus(): string | undefined {
  const [major, minor] = Deno.osRelease().split(".").map(Number);
  const keeps = major > 6 || (major === 6 && minor >= 15);
  return keeps ? undefined : "needs Linux 6.15, which keeps exit statuses for holders of pidfds";
}
