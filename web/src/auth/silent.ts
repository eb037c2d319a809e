// Inside the hidden frame that renews a session: hands the answer to the page around it, in the words that oidc-client-ts waits for.
window.parent.postMessage({ source: "oidc-client", url: location.href, keepOpen: false }, location.origin);
