// Notes whatever runs on a page of articles, provokes it, and says what the browser made of each.
"use strict";

const noted = [];
let provoked = null;
// As they were before any article could put something in their place.
const { closest } = Element.prototype;
const later = setTimeout;

function articleOf(node) {
  const element = node instanceof Element ? node : null;
  return element && closest.call(element, "body > article");
}

function note(what, node) {
  const found = [node, document.currentScript, provoked, window.event?.target];
  noted.push([articleOf(found.find(articleOf))?.id ?? null, what]);
}

for (const name of [
  "alert", "confirm", "prompt", "print", "open", "eval", "fetch", "XMLHttpRequest", "WebSocket",
  "EventSource", "Worker", "SharedWorker", "Image",
]) {
  window[name] = function () { note(name); };
}
document.open = () => note("open");
document.write = document.writeln = () => note("write");
navigator.sendBeacon = () => note("sendBeacon");
addEventListener("error", (event) => { if (event instanceof ErrorEvent) note("error"); });
addEventListener("unhandledrejection", () => note("error"));
addEventListener("message", (event) => note(`message ${event.data}`));
addEventListener("securitypolicyviolation", (event) =>
  note(`policy ${event.effectiveDirective}`, event.target));

// A link to code is followed, so that it runs; any other would lead away from the page.
addEventListener("click", (event) => {
  const link = closest.call(event.target, "a, area");
  const address = String(link?.href?.baseVal ?? link?.href ?? "");
  if (!/^\s*javascript:/i.test(address)) event.preventDefault();
}, true);
addEventListener("submit", (event) => {
  note("submit", event.target);
  if (!/^javascript:/i.test(event.target.action)) event.preventDefault();
}, true);

function provoke(element) {
  provoked = element;
  for (const { name } of [...element.attributes]) {
    if (name.startsWith("on")) element.dispatchEvent(new Event(name.slice(2), { bubbles: true }));
  }
  for (const name of ["pointerover", "mouseover", "mouseenter", "mousedown", "keydown"]) {
    element.dispatchEvent(new Event(name, { bubbles: true }));
  }
  element.focus?.({ preventScroll: true });
  element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  if (element instanceof HTMLFormElement) element.requestSubmit();
  provoked = null;
}

// Its name, its attributes, and the addresses that the browser would use.
function describe(element) {
  const attributes = [...element.attributes].map(({ name, value }) => [name, value]);
  const addresses = ["href", "src", "currentSrc", "poster", "data", "action"]
    .map((name) => element[name]?.baseVal ?? element[name])
    .filter((value) => typeof value === "string" && value !== "");
  return [element.localName, Object.fromEntries(attributes), addresses];
}

function whole(element) {
  return [element.nodeName, element.id ?? "", element.attributes?.length ?? 0].join(" ");
}

function report() {
  const around = [document.documentElement, document.head, document.body];
  const articles = [...document.querySelectorAll("body > article")];
  const said = {
    noted,
    around: [...around, ...document.body.childNodes].map(whole),
    sheets: document.styleSheets.length,
    base: document.baseURI === location.href,
    articles: articles.map((each) => [...each.querySelectorAll("*")].map(describe)),
  };
  document.documentElement.textContent = encodeURIComponent(JSON.stringify(said));
}

// As a reader's client does; and once more, as one does that keeps what it has shown.
function insert(bodies) {
  bodies.forEach((body, number) => {
    document.body.insertAdjacentHTML("beforeend", `<article id="${number}"></article><hr>after`);
    const article = document.body.lastElementChild.previousSibling;
    article.innerHTML = body;
    article.innerHTML = article.innerHTML;
  });
}

addEventListener("load", () => {
  for (const element of document.querySelectorAll("body > article *")) provoke(element);
  later(report, 1000);
});
