"use strict";
// Fetches the page again and again, and changes in place what differs: what somebody reads, has
// unfolded, selected or focused stays. How things look is known to the server alone.

const interval = 2000;
const line = document.getElementById("connection");
const button = document.getElementById("pause");
let paused = false;
let timer;

function mergeAttributes(shown, fresh) {
    for (const { name, value } of fresh.attributes) {
        if (shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    }
    for (const { name } of [...shown.attributes]) {
        if (!fresh.hasAttribute(name) && name !== "open") shown.removeAttribute(name);
    }
}

// Children with an id are found by it wherever they have moved, the others by their order.
function merge(shown, fresh) {
    if (shown.isEqualNode(fresh)) return;
    mergeAttributes(shown, fresh);
    let next = shown.firstChild;
    for (const child of [...fresh.childNodes]) {
        const named = child.id && [...shown.children].find((one) => one.id === child.id);
        const match = child.id ? named : next;
        if (!match || match.nodeName !== child.nodeName || (match.id || "") !== (child.id || "")) {
            shown.insertBefore(child, next);
            continue;
        }
        if (match === next) next = next.nextSibling;
        else shown.insertBefore(match, next);
        if (match.nodeType === Node.ELEMENT_NODE) merge(match, child);
        else if (match.data !== child.data) match.data = child.data;
    }
    while (next) {
        const gone = next;
        next = next.nextSibling;
        gone.remove();
    }
}

function show(fresh) {
    const focused = document.activeElement;
    document.title = fresh.title;
    for (const id of ["as-of", "main"]) {
        merge(document.getElementById(id), fresh.getElementById(id));
    }
    if (focused.isConnected) focused.focus({ preventScroll: true }); // where it was moved
}

function say(text) {
    if (line.textContent !== text) line.textContent = text;
}

async function refresh() {
    try {
        const answer = await fetch(location.pathname, { cache: "no-store", signal: AbortSignal.timeout(10000) });
        if (!answer.ok) throw new Error(answer.statusText);
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
        say("");
    } catch {
        say("Connection lost. This is how it was; trying again.");
    }
    wait();
}

function wait() {
    clearTimeout(timer);
    if (!paused && !document.hidden) timer = setTimeout(refresh, interval);
}

button.hidden = false;
button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Go on" : "Pause";
    say(paused ? "Paused." : "");
    if (paused) clearTimeout(timer);
    else refresh();
});
document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    if (!paused && !document.hidden) refresh();
});
wait();
