// What a phone needs to work without a connection: a copy of a part of Kith, and a queue of what was done to it. Both are in
// one file that is replaced as a whole. What the user sees is the copy under the queue.
import { randomUUID } from "node:crypto";
import { load, save } from "../shared/file.ts";
import { must, type Kith, type Schemas } from "../shared/kith.ts";

export type Fields = Record<string, unknown>;
export type Row = Fields & { id: string; version: number };
export type Scope = Record<string, { filter: Fields; fields: string[] }>;
export type Resolution = "MINE" | "THEIRS";

/** Something that the user did; `sent` once it was sent as it is, whatever came of it. */
type Queued = {
  changeId: string;
  op: "CREATE" | "UPDATE" | "ARCHIVE";
  resource: string;
  recordId: string;
  baseVersion: number | null;
  data: Fields;
  sent: boolean;
};

/** Something that the user has to decide, or to be told: both values, or that the record is gone, or why it was refused. */
export type Open = {
  status: "CONFLICT" | "GONE" | "REFUSED";
  resource: string;
  recordId: string;
  op: Queued["op"];
  data: Fields;
  both: { field: string; mine: unknown; theirs: unknown }[];
  why: string | null;
};

type Store = { clientId: string; cursor: string | null; copy: Record<string, Row>; queue: Queued[]; open: Open[] };

const AT_ONCE = 100;
const name = (resource: string, id: string): string => `${resource}/${id}`;
const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

export class Phone {
  private readonly store: Store;

  constructor(private readonly path: string, private readonly kith: Kith, private readonly scope: Scope) {
    this.store = load<Store>(path) ?? { clientId: randomUUID(), cursor: null, copy: {}, queue: [], open: [] };
    this.save();
  }

  private save(): void {
    save(this.path, this.store);
  }

  get waiting(): number {
    return this.store.queue.length;
  }

  get open(): readonly Open[] {
    return this.store.open;
  }

  /** The records of a resource, as the user sees them. */
  rows(resource: string): Map<string, Row> {
    const found = new Map<string, Row>();
    for (const [key, row] of Object.entries(this.store.copy)) {
      if (key.startsWith(`${resource}/`)) found.set(row.id, { ...row });
    }
    for (const { op, resource: of, recordId: id, data } of this.store.queue) {
      if (of !== resource) continue;
      const row = found.get(id);
      if (op === "ARCHIVE") found.delete(id);
      else if (op === "CREATE" || row) found.set(id, { ...(row ?? { id, version: 0 }), ...data });
    }
    return found;
  }

  // What the user does. It is kept when the function returns; no connection is needed.

  create(resource: string, data: Fields): string {
    const recordId = randomUUID();
    this.add({ op: "CREATE", resource, recordId, baseVersion: null, data });
    return recordId;
  }

  update(resource: string, recordId: string, data: Fields): void {
    const last = this.store.queue.findLast((one) => one.resource === resource && one.recordId === recordId);
    // What was sent must stay as it was sent; what was not can take this too.
    if (last && !last.sent && last.op !== "ARCHIVE") {
      last.data = { ...last.data, ...data };
      this.save();
    } else this.add({ op: "UPDATE", resource, recordId, baseVersion: this.version(resource, recordId), data });
  }

  archive(resource: string, recordId: string): void {
    this.add({ op: "ARCHIVE", resource, recordId, baseVersion: this.version(resource, recordId), data: {} });
  }

  private version(resource: string, id: string): number {
    return this.store.copy[name(resource, id)]?.version ?? 0;
  }

  private add(change: Omit<Queued, "changeId" | "sent">): void {
    this.store.queue.push({ ...change, changeId: randomUUID(), sent: false });
    this.save();
  }

  /**
   * The user has decided: with MINE it is done again to what is there now, with THEIRS only what nobody else had touched.
   * What is answered is what will not be done.
   */
  resolve(open: Open, resolution: Resolution): Fields {
    this.store.open = this.store.open.filter((other) => other !== open);
    const disputed = new Set(resolution === "THEIRS" ? open.both.map((one) => one.field) : []);
    const part = (kept: boolean) => Object.entries(open.data).filter(([field]) => disputed.has(field) !== kept);
    const data = Object.fromEntries(part(true));
    const there = this.store.copy[name(open.resource, open.recordId)];
    const again = open.status === "CONFLICT" && there && (open.op === "UPDATE" ? !same(data, {}) : resolution === "MINE");
    if (again) this.add({ op: open.op, resource: open.resource, recordId: open.recordId, baseVersion: there.version, data });
    this.save();
    return again ? Object.fromEntries(part(false)) : open.data;
  }

  /** Both ways. It may be cut off anywhere, and called again whenever there is a connection. */
  async sync(): Promise<void> {
    while (await this.push());
    while (await this.pull());
  }

  /** Sends the first change of each record; whether there is more. The next one of a record needs what came of this one. */
  private async push(): Promise<boolean> {
    const records = new Set<string>();
    const batch: Queued[] = [];
    for (const change of this.store.queue) {
      const key = name(change.resource, change.recordId);
      if (batch.length < AT_ONCE && !records.has(key)) batch.push(change);
      records.add(key);
    }
    if (batch.length === 0) return false;
    for (const change of batch) change.sent = true;
    this.save();
    const changes = batch.map(({ sent, ...change }) => change);
    const { results } = must(await this.kith.POST("/v1/sync/push", { body: { clientId: this.store.clientId, changes } }));
    results.forEach((result, at) => this.settle(batch[at] as Queued, result));
    this.save();
    return this.store.queue.length > 0;
  }

  private settle(change: Queued, result: Schemas["SyncResult"]): void {
    const { resource, recordId, op, data } = change;
    const key = name(resource, recordId);
    const before = this.store.copy[key];
    this.store.queue = this.store.queue.filter((one) => one !== change);
    this.take(resource, result.record as Row | null | undefined, recordId);
    if (result.status === "APPLIED" || result.status === "MERGED") {
      const after = this.store.copy[key];
      if (after) this.rebase(change, before, after);
      return;
    }
    const both = result.conflicts.map((one) => ({ field: one.field, mine: one.yours, theirs: one.current }));
    const why = (result.problem?.["detail"] as string | undefined) ?? null;
    this.store.open.push({ status: result.status as Open["status"], resource, recordId, op, data, both, why });
  }

  /**
   * What the user did next to the same record was done to what this change made of it, so that is its base; unless somebody
   * else changed one of its fields meanwhile, which the user had not seen: then Kith has to find the conflict.
   */
  private rebase(change: Queued, before: Row | undefined, after: Row): void {
    const next = this.store.queue.find((one) => one.resource === change.resource && one.recordId === change.recordId);
    if (!next) return;
    const unseen = (field: string): boolean => !(field in change.data) && !!before && !same(before[field], after[field]);
    const fields = next.op === "ARCHIVE" ? Object.keys(after).filter((field) => this.isKept(change.resource, field)) : Object.keys(next.data);
    if (!fields.some(unseen)) next.baseVersion = after.version;
  }

  private isKept(resource: string, field: string): boolean {
    return this.scope[resource]?.fields.includes(field) ?? false;
  }

  /** Reads what changed; whether there is more. */
  private async pull(): Promise<boolean> {
    const { cursor } = this.store;
    const answer = await this.kith.POST("/v1/sync/pull", { body: { scope: this.scope, cursor, limit: 100 } });
    if (answer.response.status === 410) {
      // Too long away: the copy begins anew. The queue stays.
      Object.assign(this.store, { cursor: null, copy: {} });
      this.save();
      return true;
    }
    const page = must(answer);
    for (const { resource, record } of page.data) this.take(resource, record as Row, String(record["id"]));
    for (const { resource, id } of page.removed) delete this.store.copy[name(resource, id)];
    this.store.cursor = page.cursor;
    this.save();
    return page.hasMore;
  }

  /** A record as it is in Kith now; null: it is out of sight. */
  private take(resource: string, record: Row | null | undefined, id: string): void {
    const key = name(resource, id);
    if (!record || record["archivedAt"]) delete this.store.copy[key];
    else if (record.version >= (this.store.copy[key]?.version ?? 0)) {
      const kept = this.scope[resource]?.fields.map((field) => [field, record[field] ?? null]) ?? [];
      this.store.copy[key] = { ...Object.fromEntries(kept), id, version: record.version };
    }
  }
}
