// Two phones and an office: first one conflict that can be followed, then everybody at work at once, over connections that
// break in the middle; in the end both phones hold what Kith holds.
import { randomUUID } from "node:crypto";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { all, changes, connect, login, must, type Schemas } from "../shared/kith.ts";
import { type Open, Phone, type Row, type Scope } from "./phone.ts";

const ROUNDS = Number(process.env["ROUNDS"] ?? 40);
const token = await login();
const office = connect(token);
const folder = mkdtempSync(join(tmpdir(), "mobile-sync-"));
/** The phones look after the customers of one branch of industry. */
const branch = `Field service ${randomUUID().slice(0, 8)}`;
const scope: Scope = {
  accounts: { filter: { industry: branch }, fields: ["name", "industry", "website"] },
  contacts: { filter: { account: { industry: branch } }, fields: ["familyName", "jobTitle", "department", "accountId"] },
};
const FIELDS = ["jobTitle", "department"] as const;

const fail = (what: string): never => {
  throw new Error(what);
};
const expect = (good: boolean, what: string): void => void (good || fail(what));
const one = <T>(list: Iterable<T>): T => {
  const found = [...list];
  return found[Math.floor(Math.random() * found.length)] ?? fail("there is nothing to choose from");
};

/** A connection that breaks: before the request is out, while it is on its way, or when only the answer is missing. */
class Tunnel {
  cut = 0;
  chance = 0;

  readonly send = async (request: Request): Promise<Response> => {
    if (Math.random() >= this.chance) return fetch(request);
    this.cut++;
    if (Math.random() < 0.5) {
      await (await fetch(request)).text();
      throw new TypeError("the connection broke before the answer was there");
    }
    return fetch(request, { signal: AbortSignal.timeout(Math.ceil(Math.random() * 25)) });
  };
}

const tunnel = new Tunnel();
const phone = (name: string): Phone => new Phone(join(folder, `${name}.json`), connect(token, tunnel.send), scope);
const [anna, ben] = [phone("anna"), phone("ben")];

/** Syncs until it came through. */
async function through(phone: Phone): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await phone.sync();
    } catch (error) {
      if (!isCut(error) || attempt > 200) throw error;
    }
  }
}

const isCut = (error: unknown): boolean => error instanceof TypeError || (error as Error).name === "TimeoutError";

const edit = async (id: string, body: Schemas["ContactPatch"]): Promise<void> =>
  void must(await office.PATCH("/v1/contacts/{id}", { params: { path: { id } }, body }));
const tell = (open: Open): string => open.both.map(({ field, mine, theirs }) => `${field}: mine "${mine}", theirs "${theirs}"`).join(", ");

// One after the other, to be followed.
const account = must(await office.POST("/v1/accounts", { body: { name: "Blauer See", industry: branch } })).id;
const hanna = must(await office.POST("/v1/contacts", { body: { familyName: "Moos", accountId: account } })).id;
await through(anna);
anna.update("contacts", hanna, { jobTitle: "Buyer" });
await edit(hanna, { department: "Purchasing" });
await through(anna);
const merged = anna.rows("contacts").get(hanna);
expect(merged?.["jobTitle"] === "Buyer" && merged["department"] === "Purchasing", "two fields were not merged");
console.log("two fields of one contact, changed here and there: both stay");

anna.update("contacts", hanna, { jobTitle: "Head of purchasing", department: "Kitchen" });
await edit(hanna, { jobTitle: "Chef" });
await through(anna);
const conflict = anna.open[0] ?? fail("there was no conflict");
expect(conflict.status === "CONFLICT" && conflict.both.length === 1, "not the conflict that was expected");
console.log(`the same field: ${tell(conflict)}`);
anna.resolve(conflict, "THEIRS");
await through(anna);
const resolved = anna.rows("contacts").get(hanna);
expect(resolved?.["jobTitle"] === "Chef" && resolved["department"] === "Kitchen", "theirs was not kept, or the rest is lost");

anna.update("contacts", hanna, { jobTitle: "Nobody" });
must(await office.DELETE("/v1/contacts/{id}", { params: { path: { id: hanna } } }));
await through(anna);
const gone = anna.open[0] ?? fail("it was not said that the contact is gone");
expect(gone.status === "GONE" && !anna.rows("contacts").has(hanna), "a contact that was archived is still there");
anna.resolve(gone, "THEIRS");
console.log("a contact that was archived in the office is gone from the phone, and its user is told what was not done");

const moving = anna.create("accounts", { name: "Frankenversand", industry: branch });
const peter = anna.create("contacts", { familyName: "Franken", accountId: moving });
await through(anna);
await through(ben);
expect(ben.rows("contacts").has(peter), "what one phone made did not come to the other");
const [params, body] = [{ path: { id: moving } }, { industry: "Another" }];
must(await office.PATCH("/v1/accounts/{id}", { params, body }));
await through(ben);
expect(!ben.rows("accounts").has(moving) && !ben.rows("contacts").has(peter), "what left the scope is still there");
console.log("an account that goes to another branch leaves the phones, and its contacts with it");

// Everybody at once.
const counts = { phones: 0, office: 0, mine: 0, theirs: 0, gone: 0 };
const texts = { last: 0, phones: [] as string[] };
/** What a user gave up, and what they wrote over before it was sent. */
const [dropped, replaced] = [new Set<unknown>(), new Set<unknown>()];
tunnel.chance = 0.4;

function decide(phone: Phone): void {
  for (const open of [...phone.open]) {
    expect(open.status !== "REFUSED", `refused: ${open.why}`);
    const resolution = Math.random() < 0.5 ? "MINE" : "THEIRS";
    counts[open.status === "GONE" ? "gone" : resolution === "MINE" ? "mine" : "theirs"]++;
    for (const text of Object.values(phone.resolve(open, resolution))) dropped.add(text);
  }
}

function work(phone: Phone, who: string): void {
  const contacts = phone.rows("contacts");
  const dice = Math.random();
  counts.phones++;
  if (dice < 0.15 || contacts.size < 3) {
    phone.create("contacts", { familyName: `${who} ${++texts.last}`, accountId: one(phone.rows("accounts").keys()) });
  } else if (dice < 0.2) phone.archive("contacts", one(contacts.keys()));
  else {
    const text = `${who} ${++texts.last}`;
    const [id, field] = [one(contacts.keys()), one(FIELDS)];
    // An edit over an edit of one's own that was not sent yet takes its place.
    const before = contacts.get(id)?.[field];
    phone.update("contacts", id, { [field]: text });
    if (phone.waiting > 0) replaced.add(before);
    texts.phones.push(text);
  }
}
async function life(phone: Phone, who: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (let edits = Math.random() * 4; edits > 0; edits--) work(phone, who);
    // Sometimes there is no connection for a while, and sometimes it breaks.
    if (Math.random() < 0.6) await phone.sync().catch((error: unknown) => (isCut(error) ? undefined : Promise.reject(error)));
    decide(phone);
    await sleep(Math.random() * 60);
  }
}

async function officeHours(): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const page = must(await office.GET("/v1/contacts", { params: { query: { limit: 100, filter: { account: { industry: branch } } } } }));
    const id = one(page.data).id;
    const path = { params: { path: { id } } };
    const answer = Math.random() < 0.06
      ? await office.DELETE("/v1/contacts/{id}", path)
      : await office.PATCH("/v1/contacts/{id}", { ...path, body: { [one(FIELDS)]: `office ${++texts.last}` } });
    // A phone may have archived it a moment ago.
    if (![404, 409].includes(answer.response.status)) must(answer);
    counts.office++;
    await sleep(Math.random() * 80);
  }
}

const begin = must(await office.GET("/v1/changes", { params: { query: { after: "now" } } })).page.nextCursor;
for (let at = 0; at < 12; at++) {
  must(await office.POST("/v1/contacts", { body: { familyName: `Contact ${at}`, accountId: account } }));
}
await Promise.all([through(anna), through(ben)]);
await Promise.all([life(anna, "anna"), life(ben, "ben"), officeHours()]);
// Until nobody has anything left to send or to decide.
while ([anna, ben].some((phone) => phone.waiting + phone.open.length > 0)) {
  for (const phone of [anna, ben]) {
    await through(phone);
    decide(phone);
  }
}
await through(anna);
await through(ben);

const inKith = await all(async (cursor) => {
  const query = { limit: 100, cursor, filter: { account: { industry: branch } } };
  const { data, page } = must(await office.GET("/v1/contacts", { params: { query } }));
  return { data, next: page.nextCursor ?? null };
});
const kept = (row: Row | Schemas["Contact"]): string =>
  JSON.stringify([row.id, row.version, ...(scope["contacts"]?.fields ?? []).map((field) => (row as Row)[field])]);
const there = inKith.map(kept).sort();
for (const phone of [anna, ben]) {
  const here = [...phone.rows("contacts").values()].map(kept).sort();
  const other = [...here.filter((row) => !there.includes(row)), ...there.filter((row) => !here.includes(row))];
  expect(other.length === 0, `a phone differs from Kith:\n${other.join("\n")}`);
}
// Each edit of a phone is one change in Kith, unless its user has dropped it or written over it before it was sent.
const feed = await changes(office, begin, "contacts");
const wrote = new Map<unknown, number>();
for (const change of feed) {
  const fields: readonly string[] = change.before ? change.changedFields : FIELDS;
  for (const field of fields) wrote.set(change.data?.[field], (wrote.get(change.data?.[field]) ?? 0) + 1);
}
const wrong = texts.phones.filter((text) => {
  const times = wrote.get(text) ?? 0;
  return times > 1 || (times === 0 && !dropped.has(text) && !replaced.has(text));
});
expect(wrong.length === 0, `lost or doubled: ${wrong.join(", ")}`);
console.log(`${counts.phones} edits on two phones, ${counts.office} in the office, ${tunnel.cut} connections cut`);
console.log(`conflicts: ${counts.mine} decided for mine, ${counts.theirs} for theirs; ${counts.gone} edits of contacts that were gone`);
console.log(`all three are equal: ${there.length} contacts`);
