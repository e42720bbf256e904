// Calls with one click, and says beside the number what happened. Without it, the link leads to a page that asks.
"use strict";
document.addEventListener("click", async (event) => {
    const link = event.target.closest('a.ringotel-call[href*="?number="]');
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    if (!link || !token || event.ctrlKey || event.metaKey || event.shiftKey || link.getAttribute("aria-busy")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    event.preventDefault();
    let said = link.nextElementSibling;
    if (!said || !said.classList.contains("ringotel-said")) {
        said = document.createElement("small");
        said.className = "ringotel-said";
        said.setAttribute("role", "status");
        link.after(said);
    }
    link.setAttribute("aria-busy", "true");
    said.textContent = " …";
    try {
        const answer = await fetch(url.pathname, {
            method: "POST",
            headers: {"X-CSRFToken": token.value, "Accept": "text/plain"},
            body: new URLSearchParams({number: url.searchParams.get("number")}),
        });
        const isText = (answer.headers.get("Content-Type") || "").startsWith("text/plain");
        said.textContent = " " + (isText ? await answer.text() : `${answer.status} ${answer.statusText}`);
        if (answer.status === 409) { // the Ringotel app cannot ring
            const other = document.createElement("a");
            other.href = other.textContent = `tel:${url.searchParams.get("number")}`;
            said.append(" ", other);
        }
    } catch (error) {
        said.textContent = " " + error.message;
    } finally {
        link.removeAttribute("aria-busy");
    }
});
