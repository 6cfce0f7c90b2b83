import { send } from './answer.ts';
import type { ScimContext } from './context.ts';

/** For people who open the bridge's address in a browser. Says nothing that a stranger may not know. */
export function sendFrontPage(ctx: ScimContext): void {
  ctx.set(HEADERS);
  send(ctx, 200, PAGE);
}

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  // Nothing is loaded, nothing runs, nobody may frame it.
  'Content-Security-Policy':
    "default-src 'none'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>op-scim: the bridge runs</title>
</head>
<body>
<h1>The bridge runs</h1>
<p>This is op-scim, a SCIM 2.0 bridge. It is made for identity providers; here is what you can do next.
ADDRESS stands for what your browser shows, without <code>/app</code>; TOKEN for the bearer token that came
with the scimsession file.</p>
<ol>
<li>See whether the bridge takes your token:
<pre>curl --header "Authorization: Bearer TOKEN" ADDRESS/scim/Users</pre>
It answers with the list of people. The first request with the token also unlocks the bridge.</li>
<li>See how the bridge is:
<pre>curl --header "Authorization: Bearer TOKEN" ADDRESS/health</pre></li>
<li>Let it check its own settings, where it runs:
<pre>op-scim doctor
kubectl exec deploy/op-scim-bridge -- op-scim doctor</pre></li>
<li>Enter ADDRESS and TOKEN in your identity provider.</li>
</ol>
</body>
</html>
`;
