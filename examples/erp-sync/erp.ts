// The ERP: a folder with its customers, orders and an outbox. What its people do is written to the outbox, a file an entry,
// numbered without a gap; a customer is what both sides agreed on last, under what the outbox still has to send.
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { load, saveNew } from "../shared/file.ts";
import type { Schemas } from "../shared/kith.ts";

/** What both sides keep of a customer. */
export const FIELDS = ["name", "legalName", "industry", "website"] as const;
export type Customer = Pick<Schemas["Account"], (typeof FIELDS)[number]>;
export type Order = Schemas["OrderDocument"];
export type Entry =
  | { kind: "customer"; key: string; set: Partial<Customer> }
  | { kind: "remove"; key: string }
  | { kind: "order"; order: Order };

/** A customer as both sides agreed on last; without an id Kith does not know it yet. */
export type Agreed = { id: string | null; version: number; removed: boolean; data: Customer };

export class Erp {
  private last = 0;

  constructor(readonly folder: string) {
    mkdirSync(join(folder, "outbox"), { recursive: true });
  }

  private path(number: number): string {
    return join(this.folder, "outbox", `${String(number).padStart(8, "0")}.json`);
  }

  /** Somebody does something; its number. It is done when this returns, and several may call it at once. */
  enter(entry: Entry): number {
    if (this.last === 0) this.last = this.written();
    do this.last++;
    while (!saveNew(this.path(this.last), entry));
    return this.last;
  }

  entry(number: number): Entry | undefined {
    return load<Entry>(this.path(number));
  }

  /** The number of the newest entry. */
  written(): number {
    const names = readdirSync(join(this.folder, "outbox")).filter((name) => /^\d{8}\.json$/.test(name));
    return Math.max(0, ...names.map((name) => Number(name.slice(0, 8))));
  }

  /** The customers as the ERP's people see them: with what is still to be sent. */
  customers(agreed: Record<string, Agreed>, sent: number): Map<string, Customer> {
    const found = new Map<string, Customer>();
    for (const [key, one] of Object.entries(agreed)) if (!one.removed) found.set(key, { ...one.data });
    for (let number = sent + 1; ; number++) {
      const entry = this.entry(number);
      if (!entry) return found;
      if (entry.kind === "remove") found.delete(entry.key);
      if (entry.kind === "customer" && !agreed[entry.key]?.removed) {
        found.set(entry.key, { ...(found.get(entry.key) ?? NOTHING), ...entry.set });
      }
    }
  }
}

const NOTHING: Customer = { name: "", legalName: null, industry: null, website: null };

/** The rows of a table of Northwind, by the names of its columns. */
function table(name: string): Record<string, string>[] {
  const text = readFileSync(new URL(`../../data/northwind/csv/${name}.csv`, import.meta.url), "utf8");
  const rows = text.split(/\r?\n/).filter(Boolean).map(cells);
  const names = rows.shift() ?? [];
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? ""])));
}

/** The cells of a line of CSV. No cell of Northwind goes over several lines. */
function cells(line: string): string[] {
  const found = line.match(/("([^"]|"")*"|[^,]*)(,|$)/g) ?? [];
  const bare = found.map((cell) => cell.replace(/,$/, "").replace(/^"(.*)"$/, "$1").replaceAll('""', '"'));
  return line.endsWith(",") ? bare : bare.slice(0, -1);
}

export function northwindCustomers(): Record<string, Agreed> {
  const agreed = (row: Record<string, string>): [string, Agreed] => {
    const data = { ...NOTHING, name: row["company_name"] ?? "", legalName: `${row["company_name"]}, ${row["city"]}` };
    return [row["customer_id"] ?? "", { id: null, version: 0, removed: false, data }];
  };
  return Object.fromEntries(table("customers").map(agreed));
}

export type Product = { externalId: string; sku: string; name: string; unit: string; listPrice: Schemas["Money"] };
const dollars = (text: string | undefined): Schemas["Money"] => ({ amount: Number(text).toFixed(2), currency: "USD" });
/** Numbers that are unique in Kith, whatever other systems it takes orders from. */
export const numberOf = (system: string, key: string | undefined): string => `${system}-${key}`.toUpperCase();

export function northwindProducts(system: string): Product[] {
  return table("products").map((row) => ({
    externalId: row["product_id"] ?? "",
    sku: numberOf(system, row["product_id"]),
    name: row["product_name"] ?? "",
    unit: row["quantity_per_unit"] ?? "",
    listPrice: dollars(row["unit_price"]),
  }));
}

export function northwindOrders(system: string): Order[] {
  const lines = new Map<string, Order["lines"]>();
  for (const row of table("order_details")) {
    const order = lines.get(row["order_id"] ?? "") ?? [];
    lines.set(row["order_id"] ?? "", order);
    order.push({
      externalId: row["product_id"],
      product: { sku: numberOf(system, row["product_id"]) },
      quantity: row["quantity"] ?? "0",
      unitPrice: dollars(row["unit_price"]),
      discountPercent: String(Math.round(Number(row["discount"]) * 100)),
    });
  }
  return table("orders").map((row) => ({
    system,
    externalId: row["order_id"] ?? "",
    sourceVersion: 0,
    number: numberOf(system, row["order_id"]),
    account: { externalId: row["customer_id"] },
    currency: "USD",
    orderedAt: `${row["order_date"]}T12:00:00Z`,
    status: row["shipped_date"] ? ("FULFILLED" as const) : ("CONFIRMED" as const),
    lines: lines.get(row["order_id"] ?? "") ?? [],
  }));
}
