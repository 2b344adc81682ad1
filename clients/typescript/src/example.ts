// A small client on the generated types: logs in, lists, creates, meets a conflict, and reads the same over GraphQL.
import createClient from "openapi-fetch";
import { readFileSync } from "node:fs";
import type { AccountsQuery, AccountsQueryVariables } from "./generated/graphql.js";
import type { components, paths } from "./generated/rest.js";

type Account = components["schemas"]["Account"];
const at = process.env["KITH_URL"] ?? "http://127.0.0.1:8080";
const rest = createClient<paths>({ baseUrl: at });

async function main(): Promise<void> {
  const login = await rest.POST("/v1/auth/login", {
    body: { tenant: "northwind", email: "admin@northwind.example", password: "northwind-demo" },
  });
  if (!login.data) throw new Error(`login: ${login.error?.detail}`);
  const headers = { authorization: `Bearer ${login.data.accessToken}` };

  const listed = await rest.GET("/v1/accounts", {
    headers,
    params: { query: { limit: 3, sort: "name", filter: { status: "ACTIVE" } } },
  });
  const names: string[] = (listed.data?.data ?? []).map((account: Account) => account.name);
  console.log("first accounts:", names.join(", "));

  const made = await rest.POST("/v1/accounts", {
    headers: { ...headers, "Idempotency-Key": `example-${Date.now()}` },
    body: { name: "Example GmbH", annualRevenue: { amount: "1200000.50", currency: "EUR" } },
  });
  if (!made.data) throw new Error(`create: ${made.error?.detail}`);
  const revenue: string | undefined = made.data.annualRevenue?.amount;
  console.log("made", made.data.id, "with revenue", revenue);

  const refused = await rest.PATCH("/v1/accounts/{id}", {
    headers: { ...headers, "If-Match": '"9"' },
    params: { path: { id: made.data.id } },
    body: { name: "Too late" },
  });
  console.log("a stale write is refused:", refused.error?.code);

  const query = readFileSync(new URL("./accounts.graphql", import.meta.url), "utf8");
  const variables: AccountsQueryVariables = { first: 2, filter: { roles: { some: { role: { eq: "CUSTOMER" } } } } };
  const answer = await fetch(`${at}/graphql`, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ query, variables, operationName: "Accounts" }),
  });
  const { data } = (await answer.json()) as { data: AccountsQuery };
  for (const account of data.accounts?.nodes ?? []) {
    console.log(account.name, "is looked after by", account.owner?.name ?? "nobody");
  }

  await rest.DELETE("/v1/accounts/{id}", { headers, params: { path: { id: made.data.id } } });
}

await main();
