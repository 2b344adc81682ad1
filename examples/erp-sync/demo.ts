// The demonstration: the full load, then people at work on both sides while the connector is killed again and again, and in
// the end a comparison of both sides with each other and of what was done with what there is.
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { load } from "../shared/file.ts";
import { changes, connect, login, must, type Kith, type Schemas } from "../shared/kith.ts";
import type { Memory } from "./connector.ts";
import { type Customer, Erp, FIELDS, northwindOrders, numberOf } from "./erp.ts";

const KILLS = Number(process.env["KILLS"] ?? 12);
const folder = mkdtempSync(join(tmpdir(), "erp-sync-"));
const system = `erp-${Date.now().toString(36)}`;
const erp = new Erp(folder);
const kith = connect(await login());
const memory = (): Memory => load<Memory>(join(folder, "memory.json")) ?? fail("the connector never started");
const one = <T>(list: T[]): T => list[Math.floor(Math.random() * list.length)] ?? fail("there is nothing to choose from");
const done = { erp: 0, kith: 0, orders: 0 };
let texts = 0;
/** A text that is never used twice, so that each edit can be found again. */
const text = (side: string): string => `${side} ${++texts}`;

function fail(what: string): never {
  throw new Error(what);
}

function start(...more: string[]): ChildProcess {
  const env = { ...process.env, ERP_DIR: folder, ERP_SYSTEM: system };
  const main = new URL("main.ts", import.meta.url).pathname;
  return spawn(process.execPath, ["--import", "tsx", main, ...more], { env, stdio: ["ignore", "ignore", "inherit"] });
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve) => child.once("exit", (code) => resolve(code)));

/** Somebody works in the ERP. */
function workInErp(): void {
  const { customers, sent } = memory();
  const there = [...erp.customers(customers, sent).keys()];
  const dice = Math.random();
  if (dice < 0.25) {
    const number = `N${++done.orders}`;
    const line = { externalId: "1", product: { sku: numberOf(system, "1") }, quantity: "2", unitPrice: { amount: "18.00", currency: "USD" } };
    const account = { externalId: one(there.filter((key) => /^[A-Z]{5}$/.test(key))) };
    const order = { system, externalId: number, sourceVersion: 1, number: numberOf(system, number), account, currency: "USD" };
    erp.enter({ kind: "order", order: { ...order, orderedAt: "2026-01-05T12:00:00Z", status: "CONFIRMED", lines: [line] } });
  } else if (dice < 0.32) erp.enter({ kind: "customer", key: `NEW${done.erp}`, set: { name: text("ERP") } });
  else if (dice < 0.34) erp.enter({ kind: "remove", key: one(there) });
  else erp.enter({ kind: "customer", key: one(there), set: { [one([...FIELDS.slice(0, 3)])]: text("ERP") } });
  done.erp++;
}

/** Somebody works in Kith. */
async function workInKith(): Promise<void> {
  const ids = Object.values(memory().customers).flatMap((customer) => (customer.id && !customer.removed ? [customer.id] : []));
  const dice = Math.random();
  if (dice < 0.1) must(await kith.POST("/v1/accounts", { body: { name: text("Kith") } }));
  else {
    const params = { path: { id: one(ids) } };
    const body: Schemas["AccountPatch"] = { [one([...FIELDS.slice(0, 3)])]: text("Kith") };
    const answer = dice < 0.13 ? await kith.DELETE("/v1/accounts/{id}", { params }) : await kith.PATCH("/v1/accounts/{id}", { params, body });
    // The ERP may have removed it a moment ago.
    if (![404, 409].includes(answer.response.status)) must(answer);
  }
  done.kith++;
}

/** People work on both sides until it is said that they go home. */
async function work(home: AbortSignal): Promise<void> {
  const inKith = async (): Promise<void> => {
    for (; !home.aborted; await sleep(30 + Math.random() * 60)) await workInKith();
  };
  const inErp = async (): Promise<void> => {
    for (; !home.aborted; await sleep(20 + Math.random() * 60)) workInErp();
  };
  await Promise.all([inKith(), inErp()]);
}

async function killedAtRandom(): Promise<void> {
  const child = start();
  const gone = ended(child);
  await sleep(500 + Math.random() * 2500);
  if (child.exitCode !== null) fail("the connector ended by itself");
  child.kill("SIGKILL");
  await gone;
}

/** The connector runs until neither side has anything more for the other. */
async function drained(...more: string[]): Promise<void> {
  const code = await ended(start("--drain", ...more));
  if (code !== 0) fail(`the connector ended with ${code}`);
}

/** Both sides are equal, or it says where they are not. */
async function compare(): Promise<void> {
  const found = await differences(begin);
  if (found.length > 0) fail(`${found.length} differences:\n${found.slice(0, 20).join("\n")}`);
  console.log(`both sides are equal: ${Object.keys(memory().customers).length} customers, ${orders + done.orders} orders`);
}

/** All records of a resource that have a key of the ERP. */
async function keyed<T>(resource: string): Promise<(T & { externalId: string })[]> {
  const params = { path: { resource }, query: { system, archived: "any" } };
  const answer = await kith.GET("/v1/bulk/{resource}", { params, parseAs: "text" });
  const records = must(answer).split("\n").filter(Boolean).map((line) => JSON.parse(line) as T & { externalId: string | null });
  return records.filter((record): record is T & { externalId: string } => record.externalId !== null);
}

/** Every difference that there is. */
async function differences(begin: string): Promise<string[]> {
  const found: string[] = [];
  const { customers, sent, refused } = memory();
  if (sent !== erp.written()) found.push(`${erp.written() - sent} entries were not sent`);
  const view = erp.customers(customers, sent);
  const accounts = await keyed<Schemas["Account"]>("accounts");
  for (const account of accounts) {
    const customer: Customer | undefined = view.get(account.externalId);
    if (!customer !== !!account.archivedAt) found.push(`${account.externalId} is on one side only`);
    for (const field of FIELDS) {
      if (customer && customer[field] !== account[field]) {
        found.push(`${account.externalId}.${field}: ${customer[field]} in the ERP, ${account[field]} in Kith`);
      }
    }
  }
  const keys = new Set(accounts.map((account) => account.externalId));
  if (keys.size !== accounts.length) found.push("a key stands for two accounts");
  for (const key of view.keys()) if (!keys.has(key)) found.push(`${key} never came to Kith`);

  const orders = (await keyed<Schemas["Order"]>("orders")).map((order) => order.externalId);
  const expected = [...northwindOrders(system).map((order) => order.externalId), ...numbered("N", done.orders)];
  if (orders.length !== new Set(orders).size) found.push("an order is there twice");
  for (const order of expected) if (!orders.includes(order)) found.push(`order ${order} is missing`);

  // Each edit of the ERP is one change in Kith, and each account made in Kith is one customer.
  const feed = await changes(kith, begin, "accounts");
  const wrote = new Map<unknown, number>();
  for (const change of feed) {
    const fields = change.before ? change.changedFields : FIELDS;
    for (const field of fields) wrote.set(change.data?.[field], (wrote.get(change.data?.[field]) ?? 0) + 1);
  }
  for (let number = 1; number <= sent; number++) {
    const entry = erp.entry(number);
    if (entry?.kind !== "customer") continue;
    const times = wrote.get(Object.values(entry.set)[0]) ?? 0;
    const due = refused.some((one) => one.number === number) ? 0 : 1;
    if (times !== due) found.push(`entry ${number} was written ${times} times`);
  }
  const known = new Set(Object.values(customers).map((customer) => customer.id));
  for (const change of feed.filter((change) => !change.before && !known.has(change.recordId))) {
    if (feed.every((other) => other.recordId !== change.recordId || other.operation !== "archived")) {
      found.push(`${change.data?.["name"]} never came to the ERP`);
    }
  }
  return found;
}

const numbered = (letter: string, count: number): string[] => Array.from({ length: count }, (_, at) => `${letter}${at + 1}`);

const began = Date.now();
const begin = must(await kith.GET("/v1/changes", { params: { query: { after: "now" } } })).page.nextCursor;
let killed = 0;
// The full load is killed too, until it is through.
const orders = northwindOrders(system).length;
for (; load<Memory>(join(folder, "memory.json"))?.loaded.orders !== orders; killed++) await killedAtRandom();
const customers = Object.keys(memory().customers).length;
console.log(`full load: ${customers} customers and ${orders} orders; killed ${killed} times on the way`);
const evening = new AbortController();
const people = work(evening.signal);
for (let kill = 0; kill < KILLS; kill++) {
  await Promise.race([killedAtRandom(), people]);
  killed++;
}
evening.abort();
await people;
await drained();

const { counts, refused } = memory();
console.log(`killed ${killed} times in ${Math.round((Date.now() - began) / 1000)} s`);
console.log(`ERP: ${done.erp} entries, ${refused.length} of them for customers that Kith had removed; Kith: ${done.kith} edits`);
console.log(`feed: ${counts.taken} changes taken, ${counts.echoes} echoes and ${counts.known} known ones passed over`);
await compare();

for (let edits = 0; edits < 30; edits++) {
  await workInKith();
  workInErp();
}
await drained("--anew");
console.log("after a time too long for the feed, read anew:");
await compare();
