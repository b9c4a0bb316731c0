// Validates AsyncAPI documents offline with the reference parser.
// Usage: node validate_asyncapi.mjs FILE…   Exits 1 and names every error with its path if one is invalid.
import { readFile } from "node:fs/promises";
import { DiagnosticSeverity, Parser } from "@asyncapi/parser";

const parser = new Parser();
let invalid = 0;
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(await readFile(file, "utf8"), { source: file });
  const errors = diagnostics.filter((found) => found.severity === DiagnosticSeverity.Error);
  for (const error of errors) console.error(`${file}: ${error.path.join(".") || "document"}: ${error.message}`);
  if (errors.length > 0 || document === undefined) {
    invalid += 1;
  } else {
    const { length: channels } = document.channels().all();
    const { length: operations } = document.operations().all();
    console.log(`${file}: valid AsyncAPI ${document.version()}, ${channels} channels, ${operations} operations`);
  }
}
process.exit(invalid > 0 ? 1 : 0);
