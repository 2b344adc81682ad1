// The program that runs all the time. `--drain` ends it once both sides have nothing more for each other; `--anew` reads all
// accounts first, as after a 410.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { load, save } from "../shared/file.ts";
import { connect, login, must } from "../shared/kith.ts";
import { Connector } from "./connector.ts";
import { Erp } from "./erp.ts";

export const FOLDER = process.env["ERP_DIR"] ?? "erp-data";
export const SYSTEM = process.env["ERP_SYSTEM"] ?? "erp";

/** Its own API key, made at the first start: it does not expire, and says in every change who did it. */
async function ownKey(): Promise<{ id: string; secret: string }> {
  const path = join(FOLDER, "api-key.json");
  const kept = load<{ id: string; secret: string }>(path);
  if (kept) return kept;
  const kith = connect(await login());
  const roles = must(await kith.GET("/v1/roles", { params: { query: { filter: { name: "MANAGER" } } } }));
  const body = { name: `ERP sync (${SYSTEM})`, roleId: roles.data[0]?.id ?? "" };
  const made = must(await kith.POST("/v1/auth/api-keys", { body }));
  const key = { id: String((made.apiKey as { id?: unknown }).id), secret: made.secret };
  save(path, key);
  return key;
}

mkdirSync(FOLDER, { recursive: true });
const drain = process.argv.includes("--drain");
const key = await ownKey();
const connector = new Connector(new Erp(FOLDER), connect(key.secret), key.id, SYSTEM);
await connector.fullLoad();
if (!drain) console.log("loaded; keeping both sides in step");
if (process.argv.includes("--anew")) {
  await connector.push();
  await connector.readAgain();
}
for (;;) {
  await connector.push();
  const more = await connector.pull(drain ? 0 : 1);
  if (drain && !more && connector.memory.unlinked.length === 0) break;
}
