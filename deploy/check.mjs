// Validates objects of operators (one JSON array on standard input) by the validators that their npm packages carry; prints
// what is wrong, one a line. Argument: the folder with node_modules.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import path from "node:path";

const PACKAGES = {
  "keda.sh/v1alpha1": ["keda", "ComGithubKedacoreKedaV2ApisKedaV1alpha1"],
  "monitoring.coreos.com/v1": ["prometheus-operator", "ComGithubPrometheusOperatorPrometheusOperatorPkgApisMonitoringV1"],
};
const require = createRequire(path.join(path.resolve(process.argv[2]), "any.js"));
for (const object of JSON.parse(readFileSync(0, "utf8"))) {
  const [name, prefix] = PACKAGES[object.apiVersion] ?? [];
  if (!name) {
    console.log(`no schema for ${object.apiVersion} ${object.kind}`);
    continue;
  }
  const file = require.resolve(`@kubernetes-models/${name}/package.json`).replace("package.json", `_schemas/${prefix}${object.kind}.js`);
  const { validate } = await import(pathToFileURL(file));
  if (!validate(object))
    for (const e of validate.errors) console.log(`${object.kind} ${e.instancePath}: ${e.message ?? e.keyword} ${JSON.stringify(e.params)}`);
}
// The validators keep a worker alive.
process.exit(0);
