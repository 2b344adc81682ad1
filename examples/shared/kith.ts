// The connection to Kith that both examples use: the generated client, logging in, and patience.
import { setTimeout as sleep } from "node:timers/promises";
import createClient from "openapi-fetch";
import type { components, paths } from "../generated/rest.ts";

export type Schemas = components["schemas"];
export type Problem = { code: string; status: number; detail?: string };
export type Send = (request: Request) => Promise<Response>;
export type Kith = ReturnType<typeof connect>;

const env = (name: string, otherwise: string): string => process.env[name] ?? otherwise;
export const URL_OF_KITH = env("KITH_URL", "http://127.0.0.1:8080");

const ATTEMPTS = 15;

/**
 * Sends until there is an answer that says something about the request: not reached, too many requests, not now, and still
 * busy with the same are no such answers. To send a write again is safe because every write here has an idempotency key or
 * is the same twice.
 */
export async function patiently(request: Request): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const again = request.clone(); // A body can be sent once.
    const lost = (error: unknown) => (attempt < ATTEMPTS ? undefined : Promise.reject(error));
    const answer = await fetch(request).catch(lost);
    if (answer && (attempt === ATTEMPTS || !(await isForLater(answer)))) return answer;
    const asked = Number(answer?.headers.get("retry-after") ?? 0) * 1000;
    await sleep(Math.max(asked, Math.min(3000, 100 * 2 ** attempt) * (0.5 + Math.random() / 2)));
    request = again;
  }
}

async function isForLater(answer: Response): Promise<boolean> {
  if ([429, 502, 503, 504].includes(answer.status)) return true;
  return answer.status === 409 && ((await answer.clone().json()) as Problem).code === "IDEMPOTENCY_IN_PROGRESS";
}

/** Query parameters; filter trees of any depth as `filter[account][industry]=…`, which openapi-fetch does not write itself. */
function querySerializer(query: Record<string, unknown>): string {
  const pairs: [string, string][] = [];
  const write = (name: string, value: unknown): void => {
    if (value === undefined || value === null) return;
    if (typeof value !== "object") pairs.push([name, String(value)]);
    else for (const [key, inner] of Object.entries(value)) write(`${name}[${key}]`, inner);
  };
  for (const [name, value] of Object.entries(query)) write(name, value);
  return new URLSearchParams(pairs).toString();
}

/** The generated client with a token; it sends by `send`. */
export function connect(token: string, send: Send = patiently) {
  const headers = { authorization: `Bearer ${token}` };
  return createClient<paths>({ baseUrl: URL_OF_KITH, headers, fetch: send, querySerializer });
}

/** An access token: `KITH_TOKEN`, or that of a login. It lasts 15 minutes. */
export async function login(): Promise<string> {
  if (process.env["KITH_TOKEN"]) return process.env["KITH_TOKEN"];
  const body = {
    tenant: env("KITH_TENANT", "northwind"),
    email: env("KITH_EMAIL", "admin@northwind.example"),
    password: env("KITH_PASSWORD", "northwind-demo"),
  };
  return must(await createClient<paths>({ baseUrl: URL_OF_KITH, fetch: patiently }).POST("/v1/auth/login", { body })).accessToken;
}

/** An answer that has to be good; what else it is ends the program with the problem's own words. */
export function must<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.response.ok) return answer.data as T;
  throw new Error(`${answer.response.status} at ${answer.response.url}: ${JSON.stringify(answer.error)}`);
}

/** Everything of a list, page by page. */
export async function all<T>(page: (cursor: string | undefined) => Promise<{ data: T[]; next: string | null }>): Promise<T[]> {
  const found: T[] = [];
  for (let cursor: string | undefined; ; ) {
    const { data, next } = await page(cursor);
    found.push(...data);
    if (!next) return found;
    cursor = next;
  }
}

export type Change = Schemas["RecordChange"];

/** The changes behind a cursor up to now. */
export async function changes(kith: Kith, after: string, types: string): Promise<Change[]> {
  return all(async (cursor) => {
    const { data, page } = must(
      await kith.GET("/v1/changes", { params: { query: { after: cursor ?? after, types, limit: 500 } } }),
    );
    return { data, next: page.hasMore ? page.nextCursor : null };
  });
}
