// `node graphql.mjs [PORT]`: POST /graphql with graphql-http, which follows the GraphQL-over-HTTP specification.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { GraphQLError, buildSchema } from "graphql";
import { createHandler } from "graphql-http/lib/use/http";

const { recipes } = JSON.parse(readFileSync(new URL("recipes.json", import.meta.url)));
const byId = new Map(recipes.map((recipe) => [String(recipe.id), recipe]));

const schema = buildSchema(`
  type Query { recipe(id: ID): Recipe  pid: Int }
  type Recipe { id: ID!  name: String!  steps: String  ingredients: [Ingredient]! }
  type Ingredient { id: ID!  name: String!  quantity: String }
`);
const rootValue = {
  pid: process.pid,
  recipe({ id }) {
    const recipe = byId.get(id);
    if (!recipe) throw new GraphQLError(`no recipe ${id}`, { extensions: { code: "NOT_FOUND", recipeId: id } });
    return recipe;
  },
};

const handler = createHandler({ schema, rootValue });
const server = createServer((request, response) => {
  if (request.url === "/graphql") return handler(request, response);
  response.writeHead(404).end();
});
server.listen(Number(process.argv[2] ?? 4102), "127.0.0.1", () => {
  console.log(`listening http://127.0.0.1:${server.address().port}/graphql`);
});
