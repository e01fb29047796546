// Requests. The key that a server may ask for lives in this tab only, and never in the address.

const KEY = "standings-key";
let key = null;
try { key = sessionStorage.getItem(KEY); } catch { /* storage may be forbidden: the key lasts until a reload */ }

export const hasKey = () => Boolean(key);
export function setKey(value) {
  key = value || null;
  try { if (key) sessionStorage.setItem(KEY, key); else sessionStorage.removeItem(KEY); } catch { /* as above */ }
}

/** An answer that is no 2xx, in the server's own words. */
export class Problem extends Error {
  constructor(status, detail, retryAfter) {
    super(detail);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

async function problem(answer) {
  let detail = answer.statusText || `status ${answer.status}`;
  try {
    const body = await answer.json();
    detail = body.detail || body.error || body.title || detail;
  } catch { /* not JSON: the status says it */ }
  return new Problem(answer.status, detail, Number(answer.headers.get("retry-after")) || null);
}

/** A request with the key, if there is one. Throws a Problem for anything but success. */
export async function request(path, { headers = {}, ...rest } = {}) {
  const all = key ? { ...headers, Authorization: `Bearer ${key}` } : headers;
  const answer = await fetch(path, { ...rest, headers: all });
  if (!answer.ok) throw await problem(answer);
  return answer;
}

/** JSON of an API path, such as `rankings`. */
export const get = async (path, options) => (await request(`api/v1/${path}`, options)).json();

export const part = encodeURIComponent;
/** A window is named by its start, or by `start/end`. */
export const windowPath = (ranking, start) => `rankings/${part(ranking)}/windows/${start.split("/").map(part).join("/")}`;
/** Keys in the query's order, each one part of the path. */
export const keyPath = (keys) => keys.map((k) => part(k)).join("/");
