/**
 * `docker build`: the classic builder, whose RUNs are containers of the default runtime, and the BuildKit in
 * dockerd, which runs the program named runc that it finds in its PATH.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { testClient } from "../clients/client.ts";
import { Docker, dockerMissing } from "../clients/docker.ts";
import { type Result, sleep, until } from "../lib/process.ts";
import { type Build, CACHE, MOUNTS, PLAIN, processOf, writeContext } from "./builds.ts";
import { calls, wrapRuntime } from "./wrapper.ts";

let count = 0;

/** Runs `docker build` on a context of its own. @returns The result, and the image's name. */
async function build(
  docker: Docker,
  kit: boolean,
  what: Build,
  ...flags: string[]
): Promise<[Result, string]> {
  const name = `built-${++count}`;
  const context = writeContext(`${docker.daemons.dir}/${name}`, "box", what);
  const secret = what.secret === undefined ? [] : ["--secret", `id=token,src=${context}.secret`];
  const words = [
    ...["/usr/bin/env", `DOCKER_BUILDKIT=${kit ? 1 : 0}`, "/usr/bin/docker", "-H", docker.socket, "build"],
    ...[...(kit ? ["--progress=plain"] : []), ...flags, ...secret, "-t", name, context],
  ];
  return [await docker.daemons.command(words, { timeout: 120_000 }), name];
}

/** Builds, and looks at what the issue of the build was. */
async function check(docker: Docker, kit: boolean, what: Build, ...flags: string[]): Promise<void> {
  const before = calls(docker.daemons.dir).length;
  const [{ code, stdout, stderr }, name] = await build(docker, kit, what, ...flags);
  if (kit) assert(calls(docker.daemons.dir).length > before, "tsrun ran nothing");
  if (what.fails !== undefined) {
    assert(code !== 0);
    return void assertMatch(
      stderr + stdout,
      new RegExp(`non-zero code: ${what.fails}|exit code: ${what.fails}|no such file`),
    );
  }
  assertEquals(code, 0, stderr + stdout);
  if (what.result === undefined) return;
  const { stdout: seen } = await docker.run("run", "--rm", "--runtime", "runc", name, "cat", "/result");
  assertMatch(seen, what.result);
}

testClient(
  "docker build",
  dockerMissing(),
  () =>
    Docker.start(undefined, ["--default-runtime", "tsrun"], async (daemons) => {
      daemons.addPath(await wrapRuntime(daemons.dir));
    }),
  async (docker, t) => {
    for (const [name, what] of Object.entries(PLAIN)) {
      await t.step(`classic: ${name}`, () => check(docker, false, what));
      await t.step(`BuildKit: ${name}`, () => check(docker, true, what));
    }
    for (const [name, what] of Object.entries({ ...MOUNTS, ...CACHE })) {
      await t.step(`BuildKit: ${name}`, () => check(docker, true, what));
    }
    await t.step("BuildKit: a build without a network sees the loopback alone", () =>
      check(docker, true, {
        lines: ["RUN ls /sys/class/net >/result"],
        result: /^lo$/m,
      }, "--network=none"));
    await t.step("classic: limits and no network", () =>
      check(
        docker,
        false,
        {
          lines: ["RUN ls /sys/class/net >/result"],
          result: /^lo$/m,
        },
        "--network=none",
        "--memory=64m",
      ));
    await t.step("BuildKit: a build that is cancelled leaves nothing", async () => {
      const context = writeContext(`${docker.daemons.dir}/cancelled`, "box", { lines: ["RUN sleep 987"] });
      const child = docker.daemons.spawn("cancelled", [
        ...["/usr/bin/env", "DOCKER_BUILDKIT=1", "/usr/bin/docker", "-H", docker.socket, "build", context],
      ]);
      const sleeping = () => processOf("sleep", "987") !== undefined;
      await until("the RUN", sleeping, 20_000);
      await sleep(200);
      child.kill("SIGINT");
      await until("its end", () => !sleeping(), 20_000);
    });
  },
);
