// Types for the schema and for the operations in src/*.graphql.
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import * as types from "@graphql-codegen/typescript";
import { parse } from "graphql";
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";

const documents = readdirSync("src").filter((name) => name.endsWith(".graphql"));
const scalars = { UUID: "string", DateTime: "string", Date: "string", Decimal: "string", Rate: "string", JSON: "unknown" };
const text = await codegen({
  filename: "graphql.ts",
  schema: parse(readFileSync("../../schema.graphql", "utf8")),
  documents: documents.map((name) => ({ location: name, document: parse(readFileSync(`src/${name}`, "utf8")) })),
  config: { strictScalars: true, enumsAsTypes: true, scalars },
  plugins: [{ types: {} }, { operations: {} }],
  pluginMap: { types, operations },
});
mkdirSync("src/generated", { recursive: true });
writeFileSync("src/generated/graphql.ts", text);
