/** Colours of the style sheet for what paints by itself. */

/** A colour of the style sheet as canvases understand it: colour("--accent"). */
export function colour(name) {
  const probe = document.createElement("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}
