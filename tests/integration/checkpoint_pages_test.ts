/** `checkpoint`: memory that is dumped in parts or brought later, and what it refuses. */
import { assertEquals } from "@std/assert";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import {
  checkpoint,
  counter,
  countsOn,
  criuContract,
  criuEnvironment,
  images,
  lacksLazyPages,
  lacksMemTrack,
  lacksPageServer,
  lastCount,
  restore,
} from "../lib/criu.ts";
import { exists, readText, type Result, until } from "../lib/process.ts";

contract("checkpoint: a pre-dump as the parent of a dump", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  const cli = (...flags: string[]) =>
    box.cli(["checkpoint", ...flags, container.id], { env: criuEnvironment() });
  const parent = `${box.dir}/parent`, { images: directory } = images(container);
  assertOk(await cli("--pre-dump", "--image-path", parent));
  assertEquals(await container.status(), "running");
  assertOk(await cli("--image-path", directory, "--parent-path", "../parent"));
  assertEquals(Deno.readLinkSync(`${directory}/parent`), "../parent");
  const count = lastCount(container);
  assertOk(await restore(container));
  await countsOn(container, count);
}, criuContract({ skip: lacksMemTrack() }));

/** A dump whose pages are asked for over a port, begun and not yet at its end. */
async function lazyDump(container: Container, port: number): Promise<{ end: Promise<Result> }> {
  const { images: directory, work } = images(container);
  const paths = ["--image-path", directory, "--work-path", work, "--status-fd", "3"];
  const lazy = ["--lazy-pages", "--page-server", `127.0.0.1:${port}`];
  const status = `${container.box.dir}/status`;
  const end = container.box.cli(["checkpoint", ...paths, ...lazy, container.id], {
    env: criuEnvironment(),
    redirect: `3>${status}`,
  });
  await until("the page server", () => readText(status) === "\0");
  return { end };
}

const randomPort = () => 30_000 + Math.floor(Math.random() * 10_000);

contract(
  "checkpoint: a lazy dump tells when pages can be asked for, and ends when that is over",
  async (box) => {
    const container = await box.container({ process: counter() }).started();
    await until("counting", () => lastCount(container) > 3);
    const port = randomPort();
    const { end } = await lazyDump(container, port);
    const connection = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await container.status(), "running");
    connection.close();
    assertOk(await end);
    await box.assertNothingLeft();
  },
  criuContract({ skip: lacksLazyPages() }),
);

contract("checkpoint: lazy pages come when they are used", async (box) => {
  const container = await box.container({ process: counter() }).started();
  await until("counting", () => lastCount(container) > 3);
  const port = randomPort(), { images: directory, work } = images(container);
  const { end } = await lazyDump(container, port);
  const count = lastCount(container);
  const server = ["--page-server", "--address", "127.0.0.1", "--port", String(port)];
  const pages = box.command(["/usr/bin/env", "criu", "lazy-pages", ...server, "-D", directory, "-W", work], {
    env: criuEnvironment(),
  });
  await until("the socket for pages", () => exists(`${work}/lazy-pages.socket`));
  const copy = box.sibling(container, { process: counter() });
  assertOk(await restore(copy, "--lazy-pages", "--manage-cgroups-mode", "ignore"));
  await countsOn(container, count);
  assertOk(await end);
  assertOk(await pages);
  assertEquals(await copy.status(), "running");
}, criuContract({ skip: lacksPageServer() }));

contract("checkpoint: a criu that is none", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).started();
  const checkpoint = (criu: string) =>
    box.cli(["checkpoint", "--image-path", `${box.dir}/images`, container.id], { globals: ["--criu", criu] });
  assertError(await checkpoint(`${box.dir}/none`), /exec .*none": no such file or directory/);
  assertError(await checkpoint("/bin/false"), /criu ended unexpectedly/);
  assertError(await checkpoint("no-such-program"), /no no-such-program in PATH: install CRIU/);
  assertEquals(await container.status(), "running");
  const flags = ["--bundle", container.bundle.dir, "--image-path", box.dir, `${box.token}-9`];
  assertError(await box.cli(["restore", ...flags], { globals: ["--criu", "/bin/false"] }), /criu ended/);
}, { notOnReference: "runc's words are others" });

contract("checkpoint: what is given wrongly", async (box) => {
  const container = await box.container({ process: { args: ["/bin/sleep", "1000"] } }).created();
  assertError(await checkpoint(container), /Container cannot be checkpointed in created state/i);
  assertOk(await container.start());
  assertError(
    await checkpoint(container, "--manage-cgroups-mode", "hard"),
    /invalid manage.cgroups.mode/i,
  );
  assertError(await checkpoint(container, "--empty-ns", "pid"), /namespace "pid" is not supported/);
  assertError(await checkpoint(container, "--page-server", "x"), /Use --page-server ADDRESS:PORT/);
  assertError(await checkpoint(container, "--page-server", "x:y"), /Invalid port number/);
  assertError(await checkpoint(container, "--parent-path", "/x"), /--parent-path must be relative/);
  assertError(await checkpoint(container, "--parent-path", "none"), /invalid --parent-path/);
  assertEquals(await container.status(), "running");
}, criuContract());
