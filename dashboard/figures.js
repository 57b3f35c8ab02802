/** Numbers, sizes and times as people read them. */
import { html, useEffect, useState } from "./html.js";

const NOTHING = "–";
/** Halves go to the even neighbour, as in the tables that the server writes. */
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0, roundingMode: "halfEven" });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const told = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" });

/** 33279 → "33,279" */
export const count = (number) => (isNumber(number) ? whole.format(number) : NOTHING);

/** 1234567 → "1.2M" */
export const shortCount = (number) => (isNumber(number) ? short.format(number) : NOTHING);

/** A perplexity: 91.6, and 1,284 where the tenth says nothing. */
export const perplexity = (number) => {
  if (!isNumber(number)) return NOTHING;
  return number < 1000 ? number.toFixed(1) : whole.format(number);
};

/** A share: 0.1234 → "12.3 %" */
export const percent = (share, digits = 1) => (isNumber(share) ? `${(100 * share).toFixed(digits)} %` : NOTHING);

/** A change: -0.062 → "−6.2 %" */
export const change = (share) => {
  if (!isNumber(share)) return NOTHING;
  const size = Math.abs(100 * share).toFixed(1);
  return `${size === "0.0" ? "±" : share < 0 ? "−" : "+"}${size} %`;
};

/** Any figure whose kind isn't known: 0.0000377 → "3.78e-5", 20979.4 → "20,979" */
export const figure = (number) => {
  if (!isNumber(number)) return NOTHING;
  if (Number.isInteger(number) || Math.abs(number) >= 1000) return whole.format(number);
  return Math.abs(number) < 0.001 ? number.toExponential(2) : String(Number(number.toPrecision(4)));
};

/** 2340 bytes → "2.3 kB" */
export const bytes = (number) => {
  if (!isNumber(number)) return NOTHING;
  const units = ["B", "kB", "MB", "GB", "TB"];
  let place = 0;
  while (number >= 1000 && place < units.length - 1) {
    number /= 1000;
    place += 1;
  }
  return `${place && number < 100 ? number.toFixed(1) : whole.format(number)} ${units[place]}`;
};

/** 3725 seconds → "1 h 2 min" */
export const duration = (seconds) => {
  if (!isNumber(seconds)) return NOTHING;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds < 600 ? `${minutes} min ${Math.floor(seconds % 60)} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
};

/** Seconds from one RFC 3339 moment to another, or to now. */
export const secondsBetween = (from, to) => ((to ? Date.parse(to) : Date.now()) - Date.parse(from)) / 1000;

/** How long ago a moment was, in words; the moment itself is its title. */
export function Ago({ at }) {
  useTick(at ? 10_000 : 0);
  if (!at) return NOTHING;
  return html`<time datetime=${at} title=${told.format(new Date(at))}>${ago(secondsBetween(at))}</time>`;
}

/** How long something took, or takes until now. */
export function Took({ from, to }) {
  useTick(from && !to ? 1000 : 0);
  return from ? duration(Math.max(0, secondsBetween(from, to))) : NOTHING;
}

function ago(seconds) {
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds / 10) * 10} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 48 * 3600) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} days ago`;
}

function useTick(milliseconds) {
  const [, setTick] = useState(0);
  useEffect(() => {
    if (!milliseconds) return undefined;
    const timer = setInterval(() => setTick((tick) => tick + 1), milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}
