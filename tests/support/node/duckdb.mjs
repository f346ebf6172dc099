// Runs the statements of a file of SQL in DuckDB, in memory and in this folder: the rows of each, as JSON, a line each.
//
// usage: node duckdb.mjs FILE.sql
import { readFileSync } from 'node:fs';
import { DuckDBInstance } from '@duckdb/node-api';

const connection = await (await DuckDBInstance.create(':memory:')).connect();
const statements = await connection.extractStatements(readFileSync(process.argv[2], 'utf8'));
for (let i = 0; i < statements.count; i++) {
  const reader = await (await statements.prepare(i)).runAndReadAll();
  for (const row of reader.getRowObjectsJson()) console.log(JSON.stringify(row));
}
