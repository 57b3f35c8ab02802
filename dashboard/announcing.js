/** Changes told to those who can't see them: the page has one polite live region. */

/** @param {string} sentence */
export function announce(sentence) {
  const region = document.getElementById("announcer");
  if (region && region.textContent !== sentence) region.textContent = sentence;
}
