// Validates docs/openapi.json and docs/asyncapi.yaml against the specifications that they claim to follow.
//
//     node specs.mjs OPENAPI.json ASYNCAPI.yaml
import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Parser } from "@asyncapi/parser";

const [openapi, asyncapi] = process.argv.slice(2);

const { valid, errors } = await new Validator().validate(JSON.parse(await readFile(openapi, "utf8")));
if (!valid) console.error(openapi, JSON.stringify(errors, null, 2));

const { document, diagnostics } = await new Parser().parse(await readFile(asyncapi, "utf8"));
// 0 is an error and 1 a warning; what is only advice (contact, tags) is left to taste.
const wrong = diagnostics.filter(({ severity }) => severity <= 1);
for (const { code, message, path } of wrong) console.error(asyncapi, code, path.join("/"), message);

if (!valid || !document || wrong.length > 0) process.exit(1);
console.log(`${openapi} and ${asyncapi} are valid`);
