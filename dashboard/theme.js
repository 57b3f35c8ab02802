/** The theme: the system's, unless another was chosen here. */
import { html, useLayoutEffect, useState } from "./html.js";

const KEY = "hindcast.theme";
const NAMES = { system: "auto", light: "light", dark: "dark" };
const ORDER = /** @type {const} */ (["system", "light", "dark"]);

/** A change of theme, told to what paints by itself. */
export const THEME_CHANGED = "hindcast-theme";

/** A button that goes through the themes. */
export function ThemeButton() {
  const [theme, setTheme] = useState(() => document.documentElement.dataset.theme ?? "system");
  useLayoutEffect(() => {
    if (theme === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // It lasts as long as the page.
    }
    dispatchEvent(new Event(THEME_CHANGED));
  }, [theme]);
  const next = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
  return html`<button type="button" class="theme" onClick=${() => setTheme(next)} title=${`Change to: ${NAMES[next]}`}>
    <span class="unseen">Theme: </span>${NAMES[theme]}
  </button>`;
}
