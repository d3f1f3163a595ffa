// `node http.mjs [PORT]`: GET /recipes/{id} with node:http.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";

const { recipes } = JSON.parse(readFileSync(new URL("recipes.json", import.meta.url)));
const byId = new Map(recipes.map((recipe) => [String(recipe.id), recipe]));

const server = createServer((request, response) => {
  const id = /^\/recipes\/(\d+)$/.exec(request.url)?.[1];
  const recipe = byId.get(id);
  const body = JSON.stringify(recipe ? { producer_pid: process.pid, recipe } : { error: "not_found", recipe_id: id });
  response.writeHead(recipe ? 200 : 404, { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(body) });
  response.end(body);
});
server.listen(Number(process.argv[2] ?? 4101), "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${server.address().port}`);
});
