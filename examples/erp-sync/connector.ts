// Keeps the ERP and Kith in step. Its whole memory is one file, replaced as a whole after every step: the cursor together with
// what was read up to it, the number sent together with what was answered. So it may be killed between any two instructions.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { load, save } from "../shared/file.ts";
import { all, must, type Change, type Kith, type Problem, type Schemas } from "../shared/kith.ts";
import { type Agreed, type Entry, Erp, FIELDS, northwindCustomers, northwindOrders, northwindProducts } from "./erp.ts";

const ORDERS_AT_ONCE = 100;

export type Memory = {
  /** Of this copy of the ERP: part of every idempotency key. */
  installation: string;
  /** How far the feed was read. */
  cursor: string | null;
  /** When that began: what is in Kith for longer and has no key of the ERP is none of its business. */
  began: string;
  /** How far the full load is. */
  loaded: { customers: boolean; products: boolean; orders: number };
  /** How far the outbox was sent. */
  sent: number;
  customers: Record<string, Agreed>;
  /** Customers made from accounts of Kith that do not have their key there yet. */
  unlinked: string[];
  /** Entries of the outbox that Kith refused. */
  refused: { number: number; code: string }[];
  counts: { taken: number; echoes: number; known: number };
};

const fresh = (): Memory => ({
  installation: randomUUID(),
  cursor: null,
  began: "",
  loaded: { customers: false, products: false, orders: 0 },
  sent: 0,
  customers: northwindCustomers(),
  unlinked: [],
  refused: [],
  counts: { taken: 0, echoes: 0, known: 0 },
});

export class Connector {
  readonly memory: Memory;
  private readonly path: string;
  private readonly keys = new Map<string, string>();

  /** `me` is the id of the API key that it writes with. */
  constructor(readonly erp: Erp, readonly kith: Kith, readonly me: string, readonly system: string) {
    this.path = join(erp.folder, "memory.json");
    this.memory = load<Memory>(this.path) ?? fresh();
    for (const [key, { id }] of Object.entries(this.memory.customers)) if (id) this.keys.set(id, key);
    this.save();
  }

  private save(): void {
    save(this.path, this.memory);
  }

  /** The same write has the same key for ever, so that it is done once however often it is sent. */
  private once(what: string | number): { "Idempotency-Key": string } {
    return { "Idempotency-Key": `${this.system}-${this.memory.installation}-${what}` };
  }

  /** Everything that the ERP has, once. The place in the feed comes first: what happens during the load is read after it. */
  async fullLoad(): Promise<void> {
    const { memory } = this;
    if (!memory.cursor) {
      const now = await this.kith.GET("/v1/changes", { params: { query: { after: "now", types: "accounts" } } });
      memory.cursor = must(now).page.nextCursor;
      memory.began = new Date(now.response.headers.get("date") ?? 0).toISOString();
      this.save();
    }
    if (!memory.loaded.customers) {
      const lines = Object.entries(memory.customers).map(([externalId, { data }]) => ({ externalId, ...data }));
      for (const { externalId, id } of await this.bulk("accounts", lines)) this.agree(externalId, { id });
      memory.loaded.customers = true;
      this.save();
    }
    if (!memory.loaded.products) {
      await this.bulk("products", northwindProducts(this.system));
      memory.loaded.products = true;
      this.save();
    }
    const orders = northwindOrders(this.system);
    while (memory.loaded.orders < orders.length) {
      const documents = orders.slice(memory.loaded.orders, memory.loaded.orders + ORDERS_AT_ONCE);
      const headers = this.once(`orders-${memory.loaded.orders}`);
      const { results } = must(await this.kith.POST("/v1/orders/documents", { headers, body: { documents } }));
      const failed = results.find((one) => one.status === "FAILED");
      if (failed) throw new Error(`order ${documents[failed.index]?.externalId}: ${JSON.stringify(failed.problem)}`);
      memory.loaded.orders += documents.length;
      this.save();
    }
  }

  /** Loads records as NDJSON; the id of each. A load that broke off goes on when the same file comes with the same key. */
  private async bulk(resource: string, lines: object[]): Promise<{ externalId: string; id: string }[]> {
    const body = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const answer = await this.kith.POST("/v1/bulk/{resource}", {
      params: { path: { resource }, query: { system: this.system }, header: this.once(resource) },
      headers: { "content-type": "application/x-ndjson" },
      body,
      bodySerializer: (text) => text,
      parseAs: "text",
    });
    const results = must(answer).trim().split("\n").map((line) => JSON.parse(line));
    const failed = results.find((one) => one.status === "FAILED");
    if (failed) throw new Error(`${resource} ${failed.externalId}: ${JSON.stringify(failed.problem)}`);
    if (results.at(-1)?.summary?.status !== "SUCCEEDED") throw new Error(`${resource}: the answer broke off`);
    return results.slice(0, -1);
  }

  /**
   * Sends what the ERP's people did. It has to be through before the feed is read: of an entry that was sent and whose answer
   * was lost, nobody could say whether a change in the feed came before it or after it.
   */
  async push(): Promise<void> {
    for (const key of [...this.memory.unlinked]) await this.link(key);
    for (let entry; (entry = this.erp.entry(this.memory.sent + 1)); ) {
      const number = this.memory.sent + 1;
      const problem = await this.send(entry, this.once(number));
      // One that can never be taken must not hold up the others; it is kept for a person.
      if (problem) this.memory.refused.push({ number, code: problem.code });
      this.memory.sent = number;
      this.save();
    }
  }

  /** Sends an entry; the problem if it cannot be taken. */
  private async send(entry: Entry, headers: { "Idempotency-Key": string }): Promise<Problem | undefined> {
    if (entry.kind === "order") {
      const documents = [entry.order];
      const { results } = must(await this.kith.POST("/v1/orders/documents", { headers, body: { documents } }));
      return results[0]?.status === "FAILED" ? (results[0].problem as unknown as Problem) : undefined;
    }
    const { key } = entry;
    const known = this.memory.customers[key];
    if (known?.removed) return { code: "REMOVED", status: 409 };
    if (entry.kind === "remove") {
      if (!known?.id) return { code: "UNKNOWN", status: 404 };
      const params = { path: { id: known.id } };
      const answer = await this.kith.DELETE("/v1/accounts/{id}", { params, headers });
      if (answer.response.status !== 404) must(answer);
      known.removed = true;
      return undefined;
    }
    const params = { path: { system: this.system, externalId: key } };
    const body = entry.set as Schemas["AccountInput"];
    const answer = await this.kith.PUT("/v1/accounts/external/{system}/{externalId}", { params, headers, body });
    if (answer.data) this.agree(key, answer.data);
    else if (![409, 422].includes(answer.response.status)) must(answer);
    return answer.error as Problem | undefined;
  }

  /** Gives an account of Kith the key that it has in the ERP. */
  private async link(key: string): Promise<void> {
    const subjectId = this.memory.customers[key]?.id ?? "";
    const body = { subjectType: "ACCOUNT" as const, subjectId, system: this.system, externalId: key };
    const answer = await this.kith.POST("/v1/external-ids", { body, headers: this.once(`link-${key}`) });
    if (answer.response.status !== 409) must(answer);
    this.memory.unlinked = this.memory.unlinked.filter((one) => one !== key);
    this.save();
  }

  /** Reads what happened in Kith; whether there was anything. */
  async pull(waitSeconds: number): Promise<boolean> {
    const query = { after: this.memory.cursor ?? "start", types: "accounts", limit: 100, waitSeconds };
    const answer = await this.kith.GET("/v1/changes", { params: { query } });
    if (answer.response.status === 410) {
      await this.readAgain();
      return true;
    }
    const { data, page } = must(answer);
    for (const change of data) this.take(change);
    this.memory.cursor = page.nextCursor;
    this.save();
    return data.length > 0 || page.hasMore;
  }

  /** Nothing of this is ever written to the outbox, so no change goes back to where it came from. */
  private take(change: Change): void {
    const { counts } = this.memory;
    const key = this.keys.get(change.recordId);
    const own = change.actor?.id === this.me;
    const record = change.data as Schemas["Account"] | null | undefined;
    if (!record) {
      if (key) this.agree(key, { archivedAt: "lost", version: 0 });
    } else if (key && record.version <= (this.memory.customers[key]?.version ?? 0)) counts.known++;
    else if (key) {
      this.agree(key, record);
      counts[own ? "echoes" : "taken"]++;
    } else if (!record.archivedAt && !own) this.make(record);
  }

  /** An account that was made in Kith becomes a customer. */
  private make(record: Schemas["Account"]): void {
    if (record.createdAt < this.memory.began) return;
    const key = `K${String(Object.keys(this.memory.customers).length).padStart(4, "0")}`;
    this.agree(key, record);
    this.memory.unlinked.push(key);
    this.memory.counts.taken++;
  }

  /** Both sides have this now. */
  private agree(key: string, record: Partial<Schemas["Account"]>): void {
    const one = (this.memory.customers[key] ??= { id: null, version: 0, removed: false, data: {} as Agreed["data"] });
    if (record.id) this.keys.set((one.id = record.id), key);
    if (record.archivedAt !== undefined) one.removed = record.archivedAt !== null;
    one.version = record.version ?? one.version;
    for (const field of FIELDS) if (record[field] !== undefined) one.data = { ...one.data, [field]: record[field] };
  }

  /** When the feed does not reach back to the cursor any more: a new place, everything once, and on from there. */
  async readAgain(): Promise<void> {
    const now = must(await this.kith.GET("/v1/changes", { params: { query: { after: "now", types: "accounts" } } }));
    const accounts = await all(async (cursor) => {
      const query = { limit: 500, sort: "id", cursor };
      const { data, page } = must(await this.kith.GET("/v1/accounts", { params: { query } }));
      return { data, next: page.nextCursor ?? null };
    });
    const there = new Set(accounts.map((account) => account.id));
    for (const [id, key] of this.keys) if (!there.has(id)) this.agree(key, { archivedAt: "gone" });
    for (const account of accounts) {
      const key = this.keys.get(account.id);
      if (key) this.agree(key, account);
      else this.make(account);
    }
    this.memory.cursor = now.page.nextCursor;
    this.save();
  }
}
