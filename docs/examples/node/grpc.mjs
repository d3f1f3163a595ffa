// `node grpc.mjs [PORT]`: recipe.RecipeService with grpc-js.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Server, ServerCredentials, loadPackageDefinition, status } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

const { recipes } = JSON.parse(readFileSync(new URL("recipes.json", import.meta.url)));
const byId = new Map(recipes.map((recipe) => [recipe.id, recipe]));

const contract = fileURLToPath(new URL("../../../protos/recipe.proto", import.meta.url));
const { recipe } = loadPackageDefinition(loadSync(contract, { keepCase: true }));

const server = new Server();
server.addService(recipe.RecipeService.service, {
  GetRecipe({ request }, answer) {
    const found = byId.get(request.id);
    answer(found ? null : { code: status.NOT_FOUND, details: `no recipe ${request.id}` }, found);
  },
  GetMetaData: (_, answer) => answer(null, { pid: process.pid }),
});
server.bindAsync(`127.0.0.1:${process.argv[2] ?? 4103}`, ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`listening grpc://127.0.0.1:${port}`);
});
