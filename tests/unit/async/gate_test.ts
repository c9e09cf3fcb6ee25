import assert from "node:assert/strict";
import { Gate } from "../../../lib/async/gate.ts";

const { signal } = new AbortController();

/** Notes who is in, and lets the test end them. */
class Visitors {
  readonly gate = new Gate();
  readonly seen: string[] = [];
  readonly #inside = new Map<string, Disposable>();

  async enter(name: string, how: "together" | "alone", until = signal): Promise<void> {
    this.#inside.set(name, await this.gate[how](until));
    this.seen.push(name);
  }

  leave(name: string): void {
    this.#inside.get(name)?.[Symbol.dispose]();
    // A second time does nothing.
    this.#inside.get(name)?.[Symbol.dispose]();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

Deno.test("gate, lets in many together and one alone, who wait for each other", async () => {
  const visitors = new Visitors();
  const all = [
    visitors.enter("a", "together"),
    visitors.enter("b", "together"),
    visitors.enter("C", "alone"),
    visitors.enter("D", "alone"),
  ];
  await settle();
  assert.deepEqual(visitors.seen, ["a", "b"]);
  assert.equal(visitors.gate.isAlone, false);
  visitors.leave("a");
  await settle();
  assert.deepEqual(visitors.seen, ["a", "b"]);
  visitors.leave("b");
  await settle();
  assert.deepEqual(visitors.seen, ["a", "b", "C"]);
  assert.equal(visitors.gate.isAlone, true);
  const late = visitors.enter("e", "together");
  await settle();
  assert.deepEqual(visitors.seen, ["a", "b", "C"]);
  visitors.leave("C");
  await late;
  assert.deepEqual(visitors.seen, ["a", "b", "C", "e"]);
  visitors.leave("e");
  await Promise.all(all);
  assert.deepEqual(visitors.seen, ["a", "b", "C", "e", "D"]);
});

Deno.test("gate, once closed by who is inside alone, lets nobody in any more", async () => {
  const visitors = new Visitors();
  await visitors.enter("A", "alone");
  const waiting = [visitors.enter("b", "together"), visitors.enter("C", "alone")];
  const reason = new Error("the root is not what it was");
  visitors.gate.close(reason);
  for (const entering of [...waiting, visitors.enter("d", "together")]) {
    await assert.rejects(entering, (error) => error === reason);
  }
  visitors.leave("A");
  assert.equal(visitors.gate.isAlone, true);
  await assert.rejects(visitors.enter("e", "together"), (error) => error === reason);
  assert.deepEqual(visitors.seen, ["A"]);
});

Deno.test("gate, who is inside gets in again while somebody waits to be alone", async () => {
  const visitors = new Visitors();
  await visitors.enter("a", "together");
  const waiting = visitors.enter("B", "alone");
  await visitors.enter("a again", "together");
  visitors.leave("a again");
  visitors.leave("a");
  await waiting;
  assert.deepEqual(visitors.seen, ["a", "a again", "B"]);
});

Deno.test("gate, who gives up waiting to be alone is in nobody's way", async () => {
  const visitors = new Visitors();
  const impatient = new AbortController();
  await visitors.enter("a", "together");
  const waiting = assert.rejects(visitors.enter("B", "alone", impatient.signal), /enough/);
  const next = visitors.enter("C", "alone");
  await settle();
  impatient.abort(new Error("enough"));
  await waiting;
  visitors.leave("a");
  await next;
  assert.deepEqual(visitors.seen, ["a", "C"]);
});

Deno.test("gate, an aborted signal gets nobody in", async () => {
  const gate = new Gate();
  await assert.rejects(gate.alone(AbortSignal.abort(new Error("over"))), /over/);
  (await gate.alone(signal))[Symbol.dispose]();
});
