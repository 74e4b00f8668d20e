// Holds Kubernetes objects, a JSON list of them on standard input, to the schemas of Kubernetes'
// OpenAPI documents and of the operators' CRDs; prints a JSON list of what is wrong.
//
// The schemas of kubernetes-models say what a field is, not that there is no other; API servers
// refuse unknown ones, or drop them. Here each object notes which of its fields the schema looked
// at: the others are unknown to it.

"use strict";

const PACKAGES = [
  [/^monitoring\.coreos\.com\//, "@kubernetes-models/prometheus-operator"],
  [/^cert-manager\.io\//, "@kubernetes-models/cert-manager"],
  [/^/, "kubernetes-models"],
];

function schemaOf({ apiVersion, kind }) {
  const name = PACKAGES.find(([pattern]) => pattern.test(apiVersion))[1];
  return require(`${name}/${apiVersion}/${kind}`)[kind];
}

function watched(value, path, seen) {
  if (value === null || typeof value !== "object") return value;
  const fields = new Map();
  seen.push({ path, value, fields });
  return new Proxy(value, {
    get(target, key) {
      if (!fields.has(key)) fields.set(key, watched(target[key], `${path}/${String(key)}`, seen));
      return fields.get(key);
    },
  });
}

function problemsOf(object) {
  const name = `${object.kind} ${object.metadata && object.metadata.name}`;
  let schema;
  try {
    schema = schemaOf(object);
  } catch (error) {
    return [`${name}: no schema of ${object.apiVersion}`];
  }
  const problems = [];
  const seen = [];
  try {
    schema.prototype.validate.call(watched(object, "", seen));
  } catch (error) {
    problems.push(`${name}: ${error.message}`);
  }
  for (const { path, value, fields } of seen) {
    for (const key of Object.keys(value)) {
      if (!fields.has(key)) problems.push(`${name}: unknown field ${path}/${key}`);
    }
  }
  return problems;
}

const objects = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(objects.flatMap(problemsOf)));
