// Keeps the figures fresh: the server sends them drawn, whenever they changed.
const live = document.getElementById("live");
if (live) {
  new EventSource(live.dataset.source).addEventListener("figures", (event) => { live.innerHTML = JSON.parse(event.data); });
}
