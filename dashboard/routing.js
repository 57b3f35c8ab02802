/** Which page is shown stands behind the address's #, so that any page can be reloaded, shared and gone back to. */
import { useEffect, useState } from "./html.js";

/**
 * @typedef {object} Route
 * @property {string[]} path  `#/jobs/job_1?x=2` has ["jobs", "job_1"]; the overview has none
 * @property {URLSearchParams} query
 */

/** @returns {Route} What the address says now. */
export function currentRoute() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query) };
}

/**
 * The address of a page.
 * @param {string[]} path
 * @param {Record<string, string | number | null | undefined>} [query]  what is empty is left out
 */
export function address(path, query = {}) {
  const written = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") written.set(name, String(value));
  }
  const asked = written.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${asked ? `?${asked}` : ""}`;
}

/** Go to a page; with `replace` going back does not come here again. */
export function go(to, { replace = false } = {}) {
  if (replace) location.replace(to);
  else location.hash = to;
}

/** @returns {Route} The route, kept up to date. */
export function useRoute() {
  const [route, setRoute] = useState(currentRoute);
  useEffect(() => {
    const moved = () => setRoute(currentRoute());
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return route;
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
