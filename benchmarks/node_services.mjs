// `node node_services.mjs PROTOCOL RECIPES PACKAGES CONTRACT`: what a Node.js service of the contract does at least, by
// node:http, graphql-http or grpc-js, over recipes in a JSON file, until stdin ends. PACKAGES: the package.json beside
// the npm packages.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const [protocol, recipesFile, packages, contract] = process.argv.slice(2);
const require = createRequire(packages);
const recipes = new Map(JSON.parse(readFileSync(recipesFile, "utf8")).map((recipe) => [recipe.id, recipe]));
const announce = (scheme, port, path = "") => console.log(`listening ${scheme}://127.0.0.1:${port}${path} pid=${process.pid}`);

function serveHttp(answer, path) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1", () => announce("http", server.address().port, path));
}

const services = {
  http() {
    serveHttp((request, response) => {
      const recipe = recipes.get(Number(/^\/recipes\/(\d+)$/.exec(request.url)?.[1]));
      response.writeHead(recipe ? 200 : 404, { "Content-Type": "application/json" });
      response.end(JSON.stringify(recipe ? { producer_pid: process.pid, recipe } : { error: "not_found" }));
    });
  },
  graphql() {
    const { buildSchema } = require("graphql");
    const { createHandler } = require("graphql-http/lib/use/http");
    const rootValue = { recipe: ({ id }) => recipes.get(Number(id)) };
    serveHttp(createHandler({ schema: buildSchema(readFileSync(contract, "utf8")), rootValue }), "/graphql");
  },
  grpc() {
    const grpc = require("@grpc/grpc-js");
    const definition = require("@grpc/proto-loader").loadSync(contract, { includeDirs: [contract.replace(/[^/]*$/, "")] });
    const server = new grpc.Server();
    server.addService(grpc.loadPackageDefinition(definition).recipe.RecipeService.service, {
      GetRecipe: ({ request }, answer) => answer(null, recipes.get(request.id)),
    });
    server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => announce("grpc", port));
  },
};
services[protocol]();
process.stdin.resume().on("end", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
