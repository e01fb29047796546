// Numbers, names and times as people read them. Decimals are strings and stay exact: they are grouped as text.

const parts = new Intl.NumberFormat().formatToParts(12345.6);
const part = (type, other) => (parts.find((p) => p.type === type) || { value: other }).value;
const GROUP = part("group", ","), POINT = part("decimal", ".");
const DAY = 86400000;

/** Whole part and fraction, grouped: ["1,234", ".50"]. */
export function figure(value) {
  if (value === null || value === undefined) return ["–", ""];
  const [whole, fraction] = String(value).split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, GROUP), fraction ? POINT + fraction : ""];
}
export const text = (value) => figure(value).join("");
/** A count; "–" where it is not known. */
export const count = (value) => value === null || value === undefined ? "–" : text(String(Math.round(value)));
/** A large count in little room: 12,345 then 123 k, 1.2 M. */
export function brief(value) {
  if (value === null || value === undefined) return "–";
  if (value < 100000) return count(value);
  for (const [unit, size] of [["G", 1e9], ["M", 1e6], ["k", 1e3]])
    if (value >= size) return (value / size).toFixed(value / size < 100 ? 1 : 0) + " " + unit;
  return count(value);
}
export const bytes = (n) => n < 1024 ? `${n} B` : n < 1 << 20 ? `${Math.round(n / 1024)} KiB` : `${(n / (1 << 20)).toFixed(1)} MiB`;

/** A column's or ranking's name as words: total_sales, Total sales. */
export const plain = (name) => name.replaceAll("_", " ");
export const words = (name) => { const t = plain(name); return t[0].toUpperCase() + t.slice(1); };

/** One measure as a short fact: "934 transactions", "avg 167.32". */
export function fact(field, value) {
  if (field.kind !== "integer") return `${field.name.match(/^(avg|min|max)(?=_)/)?.[0] || plain(field.name)} ${text(value)}`;
  const counted = field.name.match(/^(.*)_count$/);
  return `${text(value)} ${counted ? plain(counted[1]) + (value === 1 ? "" : "s") : plain(field.name)}`;
}

/** Exact sum of decimals, with as many digits as the one that has most. */
export const sum = (values) => exact(values, 2);

function exact(values, least) {
  const parted = values.map((value) => String(value ?? "0").split("."));
  const digits = Math.max(least, ...parted.map(([, fraction = ""]) => fraction.length));
  const unscaled = parted.map(([whole, fraction = ""]) => BigInt(whole + fraction.padEnd(digits, "0")));
  const all = unscaled.reduce((a, b) => a + b, 0n);
  const size = String(all < 0n ? -all : all).padStart(digits + 1, "0");
  if (!digits) return `${all < 0n ? "-" : ""}${size}`;
  return `${all < 0n ? "-" : ""}${size.slice(0, -digits)}.${size.slice(-digits)}`;
}

/** a - b of decimals, exact, as a text. */
export function minus(a, b) {
  const negated = String(b ?? "0").startsWith("-") ? String(b).slice(1) : `-${b ?? "0"}`;
  return exact([a, negated], 0);
}

const plural = (word) => /[^aeiou]y$/.test(word) ? word.replace(/y$/, "ies") : /man$/.test(word) ? word.replace(/man$/, "men")
  : /(s|x|ch|sh)$/.test(word) ? `${word}es` : `${word}s`;
/** "city" to "cities"; a number's name ("salesman_id") is of what it numbers. */
export const many = (key) => plural(plain(key).replace(/ id$/, ""));
/** "orders" to "order". */
export const one = (noun) => /ies$/.test(noun) ? noun.replace(/ies$/, "y") : /([sxz]|ch|sh)es$/.test(noun) ? noun.replace(/es$/, "") : noun.replace(/s$/, "");

/** What a ranking is called: its name in words. "per city" would be of each city; where it is of all, they are the cities. */
export function title(ranking) {
  const keys = ranking.shape.keys.map((k) => k.name), per = ranking.name.match(/^top_.*_per_(.+)$/);
  return per && !ranking.partition.length && keys.length === 1 && keys[0] === per[1] ? `Top ${many(per[1])}` : words(ranking.name);
}

export const latency = (ms) => ms === null || ms === undefined ? "–" : ms < 10 ? ms.toFixed(1) + " ms" : ms < 1000 ? Math.round(ms) + " ms" : (ms / 1000).toFixed(1) + " s";

/** A length of time in one or two units: 12 s, 4 min, 2 h 5 min, 3 d 4 h. */
export function span(ms) {
  if (ms === null || ms === undefined) return "–";
  const s = Math.max(0, Math.round(ms / 1000));
  const two = (a, one, b, other) => b ? `${a} ${one} ${b} ${other}` : `${a} ${one}`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return two(Math.floor(s / 60), "min", s < 600 ? s % 60 : 0, "s");
  if (s < 86400) return two(Math.floor(s / 3600), "h", Math.floor(s / 60) % 60, "min");
  return two(Math.floor(s / 86400), "d", Math.floor(s / 3600) % 24, "h");
}

/** Event time is UTC, as the windows are. */
export const day = (iso) => iso.slice(0, 10);
export const clock = (iso) => iso.slice(11, 16);
export const moment = (iso) => iso ? iso.slice(0, 19).replace("T", " ") : "–";
export const second = (iso) => iso ? iso.slice(11, 19) : "–";
/** Wall time is the reader's own. */
export const wallTime = (date) => new Date(date).toLocaleTimeString();

const date = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

/** A day is shown as its date, anything else with its hours. */
export function windowTitle(start, end) {
  if (!start) return "All time";
  const name = date.format(new Date(start));
  if (clock(start) === "00:00" && Date.parse(end) - Date.parse(start) === DAY) return name;
  const to = day(start) === day(end) ? clock(end) : `${date.format(new Date(end))} ${clock(end)}`;
  return `${name} ${clock(start)}–${to}`;
}
