/** The words of a passage, each coloured by its surprisal. The arrow keys go from word to word. */
import { count, figure } from "./figures.js";
import { html, useRef, useState } from "./html.js";

const LEVELS = 8;
const BITS_PER_LEVEL = 2;

/** How dark a word is: one hue, lighter or darker, so that nobody needs to tell hues apart. */
const levelOf = (bits) => Math.min(LEVELS - 1, Math.max(0, Math.floor(bits / BITS_PER_LEVEL)));

/**
 * @param {{ places: import("./passage.js").Place[], name: string, size: number, at: string, isOpen: boolean,
 *   describedBy: string, onLook: (key: string) => void, onChoose: (place: import("./passage.js").Place) => void }} props
 *   `onLook` is told the key of the word that is hovered or focused, "" when it no longer is
 */
export function Passage({ places, name, size, at, isOpen, describedBy, onLook, onChoose }) {
  const box = useRef(null);
  const chosen = places.findIndex((place) => place.key === at);
  const [focused, setFocused] = useState(null);
  const reached = Math.min(focused ?? Math.max(0, chosen), places.length - 1);
  const move = (event) => {
    const to = { ArrowRight: reached + 1, ArrowLeft: reached - 1, Home: 0, End: places.length - 1 }[event.key];
    if (to === undefined || !places[to]) return;
    event.preventDefault();
    box.current.children[to].querySelector("button").focus();
  };
  return html`
    <${Legend} hasUnknown=${places.some((place) => place.oov)} />
    <div class="passage" role="toolbar" aria-label=${`The passage as ${name} reads it`} ref=${box} onKeyDown=${move} onMouseLeave=${() => onLook("")}>
      ${places.map((place, number) => html`<${Word} key=${number} place=${place} size=${size} describedBy=${describedBy}
        isNext=${isOpen && number === places.length - 1} isChosen=${number === chosen} isReached=${number === reached}
        onFocus=${() => (setFocused(number), onLook(place.key))} onBlur=${() => onLook("")}
        onLook=${() => onLook(place.key)} onChoose=${() => onChoose(place)} />`)}
    </div>`;
}

function Word({ place, size, describedBy, isNext, isChosen, isReached, onFocus, onBlur, onLook, onChoose }) {
  const look = place.oov ? "oov" : `level-${levelOf(place.bits)}`;
  const kind = isNext ? "next" : place.isEnd ? `sentence-end ${look}` : look;
  return html`<span class=${place.onNewLine ? "new-line" : undefined}>
    <button type="button" class=${`word ${kind}`} tabindex=${isReached ? 0 : -1} aria-pressed=${isChosen} aria-label=${told(place, size, isNext)}
      aria-describedby=${describedBy} onFocus=${onFocus} onBlur=${onBlur} onMouseEnter=${onLook} onClick=${onChoose}>
      ${isNext ? "what next?" : place.isEnd ? "⏎" : place.token}</button>${" "}</span>`;
}

function told(place, size, isNext) {
  if (isNext) return "what next?";
  const what = place.isEnd ? "⏎ end of the sentence" : place.token;
  if (place.oov) return `${what}: unknown to the model`;
  return `${what}: ${bitsOf(place.bits)} bits, rank ${count(place.rank)} of ${count(size)}`;
}

/** Bits as they are told: 0.03, 4.2, 13.9 */
export const bitsOf = (bits) => (bits < 0.1 ? figure(Number(bits.toPrecision(1))) : bits.toFixed(1));

function Legend({ hasUnknown }) {
  const levels = Array.from({ length: LEVELS }, (_, level) => level);
  return html`<div class="surprisal">
    <span class="quiet" id="surprisal-label">Surprisal in bits</span>
    <span class="scale" role="img" aria-label="From 0 bits, light, to 14 and more, dark">
      ${levels.map((level) => html`<span key=${level} class=${`level-${level}`}>${level * BITS_PER_LEVEL}${level === LEVELS - 1 && "+"}</span>`)}</span>
    ${hasUnknown && html`<span><span class="word oov sample">word</span> <span class="quiet">unknown</span></span>`}
    <span class="quiet wide">−log₂ of the probability: 10 bits are 1 in 1,024</span>
  </div>`;
}
