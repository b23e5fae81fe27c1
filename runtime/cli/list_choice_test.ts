import { assertEquals, assertThrows } from "@std/assert";
import { chooseReports } from "./list_choice.ts";
import type { Report } from "../container/report.ts";

function report(id: string, changes: Partial<Report> = {}): Report {
  return {
    ...{ ociVersion: "1.3.0", id, pid: 1, status: "running", bundle: "/b", rootfs: "/b/rootfs" },
    ...{ created: `2026-01-01T00:00:00.00000000${id.length}Z`, owner: "root" },
    ...changes,
  };
}

const LISTED = [
  report("a", { status: "stopped", pid: 0, annotations: { tier: "web", "": "empty" } }),
  report("bb", { owner: "alice", bundle: "/a", pid: 20, annotations: { tier: "db" } }),
  report("ccc", { status: "created", pid: 3 }),
];

function ids(filters: readonly string[], sort = "id"): string {
  return chooseReports(LISTED, filters, sort).map(({ id }) => id).join(" ");
}

Deno.test("list --filter: one key", () => {
  assertEquals(ids(["status=running"]), "bb");
  assertEquals(ids(["id=^[ab]"]), "a bb");
  assertEquals(ids(["id=c{3}"]), "ccc");
  assertEquals(ids(["owner=alice"]), "bb");
  assertEquals(ids(["bundle=/b"]), "a ccc");
  assertEquals(ids(["annotation=tier"]), "a bb");
  assertEquals(ids(["annotation=tier=web"]), "a");
  assertEquals(ids(["annotation=tier="]), "");
  assertEquals(ids(["annotation=toString"]), "");
});

Deno.test("list --filter: filters of one key are alternatives, others must all be met", () => {
  assertEquals(ids(["status=running", "status=created"]), "bb ccc");
  assertEquals(ids(["status=running", "status=created", "owner=root"]), "ccc");
  assertEquals(ids(["annotation=tier", "annotation=tier=db"]), "bb");
});

Deno.test("list --sort: each key, and the other way round", () => {
  assertEquals(ids([], "bundle"), "bb a ccc");
  assertEquals(ids([], "-bundle"), "a ccc bb");
  assertEquals(ids([], "-created"), "ccc bb a");
  assertEquals(ids([], "pid"), "a ccc bb");
  assertEquals(ids([], "status"), "ccc bb a");
  assertEquals(ids([], "owner"), "bb a ccc");
});

Deno.test("list --filter and --sort: what they refuse", () => {
  const refused = (filters: string[], sort: string, words: string) =>
    assertThrows(() => chooseReports(LISTED, filters, sort), Error, words);
  refused(["status"], "id", 'invalid filter "status": want KEY=VALUE with a key of annotation, bundle, id');
  refused(["toString=1"], "id", "invalid filter");
  refused(["status=dead"], "id", 'invalid filter "status=dead": want creating, created, running');
  refused(["id=("], "id", 'invalid regular expression "("');
  refused(["id=[[:alpha:]]"], "id", "in place of a class such as [:alnum:]");
  refused([], "size", 'invalid value "size" for flag -sort: want bundle, created');
});
