// Holds a compose file, as JSON on standard input, to the Compose Specification's schema, which comes
// with dclint, by ajv; prints a JSON list of what is wrong.

"use strict";

const { readFileSync } = require("fs");
const Ajv = require("ajv");

const file = require.resolve("dclint/package.json").replace("package.json", "schemas/compose.schema.json");
const schema = JSON.parse(readFileSync(file, "utf8"));
delete schema.$schema; // draft-07, which ajv knows under another address
const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
validate(JSON.parse(readFileSync(0, "utf8")));
const problems = (validate.errors || []).map(
  ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`);
process.stdout.write(JSON.stringify(problems));
