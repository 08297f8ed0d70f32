// SPDX-License-Identifier: Apache-2.0
// An OpenID Connect provider for the journeys: oidc.mjs PORT HOME.  Anybody signs in by a name; groups are in the name: ada+ml+admins.
import { createRequire } from "node:module";

const require = createRequire(process.env.OIDC_PACKAGES + "/x.js");
const { Provider } = await import(require.resolve("oidc-provider"));
const [port, home] = process.argv.slice(2);
const resource = "urn:gw";

const provider = new Provider(`http://127.0.0.1:${port}`, {
	clients: [{ client_id: "gw", client_secret: "gw-secret", redirect_uris: [`${home}/oidc/callback`], response_types: ["code"],
		grant_types: ["authorization_code", "refresh_token", "client_credentials"] }],
	claims: { openid: ["sub"], email: ["email"], profile: ["name", "groups"] },
	conformIdTokenClaims: false,
	findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id, email: `${id.split("+")[0]}@example.org`, name: id.split("+")[0],
		groups: id.split("+").slice(1) }) }),
	features: { clientCredentials: { enabled: true }, resourceIndicators: { enabled: true, defaultResource: () => resource,
		getResourceServerInfo: (ctx, indicator) => ({ scope: "llm litellm_proxy_admin", accessTokenFormat: "jwt", audience: indicator,
			accessTokenTTL: Number(process.env.OIDC_TTL ?? 60) }) } },
	extraTokenClaims: (ctx, token) => ({ team: process.env.OIDC_TEAM, groups: ["one", "two"] }),
});
provider.listen(Number(port), "127.0.0.1");
