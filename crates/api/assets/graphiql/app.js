"use strict";

// The token lives in this tab only: closing it forgets the token, and no other page of the browser sees it.
(function () {
  const KEY = "kith.graphiql.token";
  const field = (id) => document.getElementById(id);
  const status = (text, failed) => {
    field("status").textContent = text;
    field("status").className = failed ? "failed" : "";
  };

  const DEFAULT_QUERY = `# Kith's GraphQL API.
#
# Log in above or paste a token.
#
# Run:      Ctrl-Enter
# Complete: Ctrl-Space
# Schema:   the book at the left
#
# This one lists what can be asked:

query WhatIsThere {
  __schema {
    queryType {
      fields {
        name
        description
      }
    }
  }
}

# For example the first contacts:
#
# query FirstContacts {
#   contacts(first: 10) {
#     edges { node { id } }
#     pageInfo { hasNextPage endCursor }
#   }
# }
`;

  function keep(token) {
    field("token").value = token;
    if (token) sessionStorage.setItem(KEY, token);
    else sessionStorage.removeItem(KEY);
    render();
  }

  // What the server says is a problem document (RFC 9457), or nothing readable at all.
  async function problem(response) {
    const body = await response.json().catch(() => ({}));
    return body.detail || body.title || `the server answered ${response.status}`;
  }

  async function send(parameters, options) {
    const headers = { "Content-Type": "application/json", Accept: "application/graphql-response+json, application/json" };
    const token = field("token").value.trim();
    if (token) headers.Authorization = `Bearer ${token}`;
    Object.assign(headers, options && options.headers);
    const response = await fetch("/graphql", { method: "POST", headers, body: JSON.stringify(parameters), credentials: "same-origin" });
    const body = await response.json().catch(() => ({ errors: [{ message: `The server answered ${response.status} without JSON.` }] }));
    if (response.ok || body.errors) return body;
    // GraphiQL shows what has the form of a GraphQL answer.
    return { errors: [{ message: body.detail || body.title || `The server answered ${response.status}.`, extensions: body }] };
  }

  async function logIn(event) {
    event.preventDefault();
    status("Logging in …");
    const body = { email: field("email").value.trim(), password: field("password").value };
    const tenant = field("tenant").value.trim();
    if (tenant) body.tenant = tenant;
    try {
      const response = await fetch("/v1/auth/login", {
        method: "POST",
        headers: { "Content-Type": "application/json", Accept: "application/json" },
        body: JSON.stringify(body),
        credentials: "same-origin",
      });
      if (!response.ok) return status(await problem(response), true);
      const { accessToken } = await response.json();
      field("password").value = "";
      keep(accessToken);
      status(`Logged in as ${body.email}.`);
    } catch (error) {
      status(`The server does not answer (${error.message}).`, true);
    }
  }

  // A new key loads the schema anew, since another user may be allowed to see more of it.
  let generation = 0;
  const root = ReactDOM.createRoot(field("graphiql"));
  function render() {
    generation += 1;
    root.render(
      React.createElement(GraphiQL, {
        key: generation,
        fetcher: send,
        defaultQuery: DEFAULT_QUERY,
        shouldPersistHeaders: false,
        isHeadersEditorEnabled: true,
        defaultEditorToolsVisibility: false,
      }),
    );
  }

  field("login").addEventListener("submit", logIn);
  field("token").addEventListener("change", () => {
    keep(field("token").value.trim().replace(/^Bearer\s+/i, ""));
    status(field("token").value ? "Using the pasted token." : "");
  });
  field("logout").addEventListener("click", () => {
    keep("");
    status("Token forgotten.");
  });

  field("token").value = sessionStorage.getItem(KEY) || "";
  render();
})();
