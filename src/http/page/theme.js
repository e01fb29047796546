// Light or dark before the first paint, so a plain script in the head: the system's choice unless one was made here,
// or in the address of a wall screen (?wall&theme=dark).
(() => {
  const root = document.documentElement, query = new URLSearchParams(location.search);
  let kept = null;
  try { kept = localStorage.getItem("theme"); } catch { /* storage may be forbidden */ }
  const chosen = query.get("theme") || kept;
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
  if (query.has("wall")) root.dataset.wall = "";
})();
