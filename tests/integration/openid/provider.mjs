// A real OpenID provider with people of our choice.  Its settings are its argument; each line of its input is an order:
// {"groups": {"anna": ["vision"]}} changes somebody's groups, {"rotate": true} its key.  It answers each with a line.

import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import Provider from "oidc-provider";

const { port, people, client } = JSON.parse(process.argv[2]);
// Another site than the gateway, for which cookies count as those of a stranger.
const issuer = `http://localhost:${port}`;
let number = 0;
let answer;

function newKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  number += 1;
  return { ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: `key-${number}` };
}

function start() {
  const provider = new Provider(issuer, {
    clients: [client],
    jwks: { keys: [newKey()] },
    cookies: { keys: ["only for tests"] },
    scopes: ["openid", "profile", "email", "groups"],
    claims: {
      openid: ["sub"],
      profile: ["preferred_username"],
      email: ["email", "email_verified"],
      groups: ["groups"],
    },
    findAccount: (_, sub) => (people[sub] ? { accountId: sub, claims: () => ({ sub, ...people[sub] }) } : undefined),
    pkce: { required: () => true },
    features: { devInteractions: { enabled: true } },
  });
  answer = provider.callback();
}

start();
const server = createServer((request, response) => answer(request, response));
server.listen(port, "localhost", () => console.log("ready"));

createInterface({ input: process.stdin }).on("line", (line) => {
  const order = JSON.parse(line);
  for (const [name, groups] of Object.entries(order.groups ?? {})) people[name].groups = groups;
  if (order.rotate) start();
  console.log("done");
});
process.stdin.on("end", () => process.exit(0));
