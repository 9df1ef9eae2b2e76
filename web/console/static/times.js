// Timestamps in the viewer's time zone and language.

const language = document.documentElement.lang;
const full = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });
const hour = new Intl.DateTimeFormat(language, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
// The chart's days are UTC days, wherever the viewer is.
const day = new Intl.DateTimeFormat(language, { day: "numeric", month: "short", timeZone: "UTC" });

export function localiseTimes(root = document) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    time.textContent = full.format(moment);
    time.title = exact.format(moment);
  }
  for (const tick of root.querySelectorAll("[data-moment]")) {
    tick.textContent = (tick.dataset.span === "day" ? day : hour).format(new Date(tick.dataset.moment));
  }
}

export function duration(seconds) {
  if (seconds == null) return "–";
  const rounded = Math.round(seconds);
  if (rounded < 60) return `${rounded} s`;
  if (rounded < 3600) return `${Math.floor(rounded / 60)} min ${rounded % 60} s`;
  return `${Math.floor(rounded / 3600)} h ${Math.floor((rounded % 3600) / 60)} min`;
}
