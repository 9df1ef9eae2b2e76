// The list of jobs: dates in the viewer's zone, an address without empty parameters, rows in another order.

const form = document.querySelector("[data-filters]");

function asDate(moment) {
  const pad = (number) => String(number).padStart(2, "0");
  return `${moment.getFullYear()}-${pad(moment.getMonth() + 1)}-${pad(moment.getDate())}`;
}

for (const input of form.querySelectorAll("[data-moment-value]")) {
  input.value = asDate(new Date(input.dataset.momentValue));
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const wanted = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (!value) continue;
    // A day begins where the viewer is.
    wanted.set(name, form.elements[name].type === "date" ? new Date(`${value}T00:00`).toISOString() : value);
  }
  const query = wanted.toString();
  location.assign(form.action + (query ? `?${query}` : ""));
});

for (const select of form.querySelectorAll("select")) {
  select.addEventListener("change", () => form.requestSubmit());
}

const table = document.querySelector("[data-sortable]");
for (const head of table?.querySelectorAll("[data-sort]") ?? []) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => sort(head));
}

// The rows of this page alone; a reason goes along with the job above it.
function sort(head) {
  const falls = head.getAttribute("aria-sort") !== "descending";
  const column = [...head.parentElement.children].indexOf(head);
  const body = table.tBodies[0];
  const groups = [];
  for (const row of body.rows) {
    if (row.classList.contains("reason")) groups.at(-1).push(row);
    else groups.push([row]);
  }
  const value = (group) => Number(group[0].cells[column].dataset.value);
  groups.sort((one, other) => (falls ? value(other) - value(one) : value(one) - value(other)));
  body.append(...groups.flat());
  for (const other of head.parentElement.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", falls ? "descending" : "ascending");
}
