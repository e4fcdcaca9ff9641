// The page's own API.

// act posts one action. It returns the answer, with ok and error, whatever happens.
export async function act(name, body) {
  try {
    const response = await fetch(`/act/${name}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    return await response.json();
  } catch {
    return { ok: false, error: "The sandbox does not answer." };
  }
}

// inWords says what Slack would show a person instead of the bare code.
export function inWords(error, what) {
  if (error === "dispatch_failed") return `${what} failed with the error “dispatch_failed”: the app did not answer.`;
  return error ? `${what} failed: ${error}` : "";
}
