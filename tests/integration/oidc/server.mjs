// SPDX-License-Identifier: Apache-2.0
// server.mjs PORT TTL_S SECRET - a real authorisation server for the client credentials grant.
// Its clients are "client_secret_basic" and "client_secret_post", both with SECRET.
import { Provider } from 'oidc-provider';

const [port, ttl, secret] = [+process.argv[2], +process.argv[3], process.argv[4]];
const client = (method) => ({
  client_id: method,
  client_secret: secret,
  token_endpoint_auth_method: method,
  grant_types: ['client_credentials'],
  redirect_uris: [],
  response_types: [],
});
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: ['client_secret_basic', 'client_secret_post'].map(client),
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: () => true },
    revocation: { enabled: true, allowedPolicy: () => true },
    devInteractions: { enabled: false },
  },
  scopes: ['read', 'write'],
  ttl: { ClientCredentials: () => ttl },
});
provider.on('client_credentials.saved', (token) => console.log(`issued ${token.jti}`));
provider.on('grant.error', (ctx, error) => console.log(`refused ${error.error} ${error.error_detail ?? ''}`));
provider.listen(port, '127.0.0.1', () => console.log('ready'));
