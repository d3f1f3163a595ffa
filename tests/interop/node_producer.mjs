// `node node_producer.mjs SCHEMA KEY CERTIFICATE`: the JSON and the GraphQL contract on Node.js, by node:http, node:https,
// and graphql-http over recipe.graphql. Announces its plain port and the one with TLS. gzip is used on request.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { gzipSync } from "node:zlib";
import { GraphQLError, buildSchema } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";

const [schemaFile, key, cert] = process.argv.slice(2);
const recipes = new Map(
  [42, 43, 44].map((id) => [
    id,
    { id, name: `Recipe ${id} 🍮`, steps: "", ingredients: [{ id: 1, name: "Salt", quantity: "½ tsp" }] },
  ]),
);
let nextId = 45;

const notFound = (id) => new GraphQLError(`no recipe has the id ${id}`, { extensions: { code: "NOT_FOUND", recipeId: String(id) } });
const found = (id) => recipes.get(Number(id)) ?? (() => { throw notFound(id); })();
const keep = (input) => {
  const ingredients = (input.ingredients ?? []).map((line, index) => ({ quantity: "", ...line, id: index + 1 }));
  const recipe = { steps: "", ...input, ingredients, id: nextId++ };
  recipes.set(recipe.id, recipe);
  return recipe;
};

const graphql = createHandler({
  schema: buildSchema(readFileSync(schemaFile, "utf8")),
  rootValue: {
    pid: process.pid,
    recipe: ({ id }) => found(id),
    recipesByIds: ({ ids }) => ids.map(found),
    recipes: ({ first }) => ({
      edges: [...recipes.values()].slice(0, first).map((node) => ({ cursor: String(node.id), node })),
      pageInfo: { hasNextPage: recipes.size > first, hasPreviousPage: false, startCursor: "a", endCursor: "b" },
    }),
    createRecipe: ({ input }) => keep(input),
  },
});

function json(response, status, body) {
  response.writeHead(status, { "Content-Type": status < 400 ? "application/json" : "application/problem+json" });
  response.end(JSON.stringify(body));
}

async function rest(request, response, url) {
  const producer_pid = process.pid;
  const one = /^\/recipes\/(\d+)$/.exec(url.pathname);
  if (url.pathname === "/pid") return json(response, 200, { producer_pid });
  if (one) {
    const recipe = recipes.get(Number(one[1]));
    if (!recipe) return json(response, 404, { error: "not_found", recipe_id: one[1] });
    const fields = url.searchParams.get("fields")?.split(",");
    return json(response, 200, { producer_pid, recipe: fields ? Object.fromEntries(fields.map((name) => [name, recipe[name]])) : recipe });
  }
  if (url.pathname !== "/recipes") return json(response, 404, { error: "not_found" });
  if (request.method === "POST") {
    const parts = [];
    for await (const part of request) parts.push(part);
    return json(response, 201, { producer_pid, recipe: keep(JSON.parse(Buffer.concat(parts))) });
  }
  const ids = url.searchParams.get("ids")?.split(",").map(Number);
  const unknown = ids?.find((id) => !recipes.has(id));
  if (unknown !== undefined) return json(response, 404, { error: "not_found", recipe_id: String(unknown) });
  const size = Number(url.searchParams.get("page_size") ?? 20);
  const page = ids ? ids.map((id) => recipes.get(id)) : [...recipes.values()].slice(0, size);
  return json(response, 200, { recipes: page, next_page_token: !ids && recipes.size > size ? "more" : "" });
}

// Both kinds of responses are sent here, with gzip on request.
function inGzip(request, response) {
  if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return;
  const { writeHead, end } = response;
  response.writeHead = (status, ...rest) => {
    const headers = Object.entries(rest.at(-1)).filter(([name]) => name.toLowerCase() !== "content-length");
    return writeHead.call(response, status, { ...Object.fromEntries(headers), "content-encoding": "gzip" });
  };
  response.end = (body) => end.call(response, gzipSync(body));
}

function answer(request, response) {
  const url = new URL(request.url, "http://localhost");
  inGzip(request, response);
  return url.pathname === "/graphql" ? graphql(request, response) : rest(request, response, url);
}

const servers = [createServer(answer), createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer)];
for (const server of servers) await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
console.log(servers.map((server) => server.address().port).join(" "));
process.stdin.on("end", () => process.exit(0)).resume();
