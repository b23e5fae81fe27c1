/**
 * The far end of {@linkcode ./dbus_fake.ts}: a bus in a thread of its own, as the client under test blocks
 * its own.
 * @module
 */
import { decodeMessage, messageSize } from "./message.ts";
import type { Act, Script } from "./fake_testing.ts";
import { type Value, Writer } from "./value.ts";

interface Scope {
  onmessage: ((event: { data: Script }) => void) | null;
  postMessage(message: unknown): void;
}
const scope = globalThis as unknown as Scope;

scope.onmessage = async ({ data: script }) => {
  const listener = Deno.listen({ transport: "unix", path: script.path });
  scope.postMessage("ready");
  for await (const connection of listener) serve(connection, script).catch(() => connection.close());
};

/** One client, from its first byte to its last. */
async function serve(connection: Deno.Conn, script: Script): Promise<void> {
  const incoming = new Incoming(connection);
  const say = (text: string) => connection.write(new TextEncoder().encode(text));
  for (let line = await incoming.line(); !line.startsWith("BEGIN"); line = await incoming.line()) {
    scope.postMessage({ line });
    const answer = script.auth[line.replace("\0", "")];
    if (answer !== undefined) await say(answer);
  }
  for (;;) {
    const message = decodeMessage(await incoming.message());
    const serial = incoming.serial;
    scope.postMessage({ member: message.member, path: message.path, body: message.body });
    const acts = script.answers[message.member] ?? [{ reply: ["", []] }];
    const act = acts.length > 1 ? acts.shift()! : acts[0];
    await perform(connection, act, serial);
  }
}

async function perform(connection: Deno.Conn, act: Act, serial: number): Promise<void> {
  if ("reply" in act) await connection.write(encode(2, serial, {}, ...act.reply));
  if ("error" in act) {
    await connection.write(encode(3, serial, { 4: ["s", act.error[0]] }, "s", [act.error[1]]));
  }
  if ("raw" in act) await connection.write(act.raw);
  if ("job" in act) {
    const job = `/org/freedesktop/systemd1/job/${serial}`;
    const fields: Fields = {
      1: ["o", "/org/freedesktop/systemd1"],
      2: ["s", "org.freedesktop.systemd1.Manager"],
      3: ["s", "JobRemoved"],
    };
    // Somebody else's job first: it must not be taken for ours.
    const other = encode(4, 0, fields, "uoss", [1, "/other", "x.scope", "failed"]);
    const own = encode(4, 0, fields, "uoss", [serial, job, "x.scope", act.job]);
    const answer = encode(2, serial, {}, "o", [job]);
    const all = new Uint8Array([...answer, ...other, ...(act.job === "" ? [] : own)]);
    // In pieces that are no messages.
    await connection.write(all.subarray(0, 21));
    await new Promise((resolve) => setTimeout(resolve, 5));
    for (let at = 21; at < all.length;) at += await connection.write(all.subarray(at));
  }
  if ("close" in act) connection.close();
}

type Fields = Record<number, [string, string]>;

function encode(type: number, replyTo: number, fields: Fields, signature: string, body: readonly Value[]) {
  const inner = new Writer();
  inner.all(signature, body);
  const list: Value[] = Object.entries(fields).map(([field, [kind, value]]) => [
    Number(field),
    { signature: kind, value },
  ]);
  if (type !== 4) list.push([5, { signature: "u", value: replyTo }]);
  if (signature !== "") list.push([8, { signature: "g", value: signature }]);
  const out = new Writer();
  out.all("yyyyuua(yv)", [108, type, 1, 1, inner.bytes.length, 1, list]);
  out.align(8);
  out.raw(inner.bytes);
  return out.bytes;
}

/** Bytes of a connection as lines and as messages. */
class Incoming {
  #bytes = new Uint8Array(0);
  /** Of the last message. */
  serial = 0;

  constructor(readonly connection: Deno.Conn) {}

  async line(): Promise<string> {
    let end: number;
    while ((end = this.#bytes.indexOf(10)) < 0) await this.#more();
    return new TextDecoder().decode(this.#take(end + 1)).trimEnd();
  }

  async message(): Promise<Uint8Array> {
    while (messageSize(this.#bytes) === 0 || this.#bytes.length < messageSize(this.#bytes)) {
      await this.#more();
    }
    const message = this.#take(messageSize(this.#bytes));
    this.serial = new DataView(message.buffer).getUint32(8, true);
    return message;
  }

  #take(length: number): Uint8Array {
    const taken = this.#bytes.slice(0, length);
    this.#bytes = this.#bytes.slice(length);
    return taken;
  }

  async #more(): Promise<void> {
    const buffer = new Uint8Array(4096);
    const length = await this.connection.read(buffer);
    if (length === null) throw new Error("closed");
    this.#bytes = new Uint8Array([...this.#bytes, ...buffer.subarray(0, length)]);
  }
}
