/** dockerd whose daemon.json gives tsrun `--trace DIR`: a whole `docker run` is traced. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pathUnderTest } from "../lib/runtime.ts";
import { host } from "../lib/process.ts";
import type { Daemons } from "./daemon.ts";
import { Docker, dockerMissing } from "./docker.ts";
import { testClient } from "./client.ts";

const flags: string[] = [];

/** Writes a daemon.json as docs/tools.md has it. */
function configure(daemons: Daemons): Promise<void> {
  const runtimeArgs = ["--trace", `${daemons.dir}/traces`];
  const file = `${daemons.dir}/daemon.json`;
  Deno.writeTextFileSync(
    file,
    JSON.stringify({ runtimes: { traced: { path: pathUnderTest(), runtimeArgs } } }),
  );
  flags.push("--config-file", file);
  return Promise.resolve();
}

const start = () => Docker.start("cgroupfs", flags, configure);
testClient(
  "docker with --trace: every command of a docker run has its trace",
  dockerMissing(),
  start,
  async (docker) => {
    const { dir } = docker.daemons;
    assertEquals(
      await docker.ok("run", "--runtime", "traced", "--name", "web", "box", "echo", "said"),
      "said",
    );
    await docker.ok("rm", "web");
    const commands = [...Deno.readDirSync(`${dir}/traces`)].map(({ name }) => name.split("-")[1]);
    for (const command of ["create", "start", "delete"]) {
      assert(
        commands.includes(command),
        commands.join(" "),
      );
    }
    // A picture of it can be kept: docs/images/docker-run.svg is one.
    const picture = Deno.env.get("TSRUN_TEST_PICTURE") ?? `${dir}/all.svg`;
    await host(pathUnderTest(), "trace", "merge", "-o", picture, `${dir}/traces`);
    const text = Deno.readTextFileSync(picture);
    assertStringIncludes(text, ">tsrun create, start, ");
    assertStringIncludes(text, ">init ");
  },
);
