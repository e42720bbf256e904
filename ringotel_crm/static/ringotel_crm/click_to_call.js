// Places a call on click and shows the result next to the number. Without it, the link opens a
// page with a form.
"use strict";
document.addEventListener("click", async (event) => {
    const link = event.target.closest('a.ringotel-call[href*="?number="]');
    const token = document.querySelector("[name=csrfmiddlewaretoken]");
    if (!link || !token || event.ctrlKey || event.metaKey || event.shiftKey || link.getAttribute("aria-busy")) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin) return;
    event.preventDefault();
    let status = link.nextElementSibling;
    if (!status || !status.classList.contains("ringotel-call-status")) {
        status = document.createElement("small");
        status.className = "ringotel-call-status";
        status.setAttribute("role", "status");
        link.after(status);
    }
    link.setAttribute("aria-busy", "true");
    status.textContent = " …";
    try {
        const response = await fetch(url.pathname, {
            method: "POST",
            headers: {"X-CSRFToken": token.value, "Accept": "text/plain"},
            body: new URLSearchParams({number: url.searchParams.get("number")}),
        });
        const isText = (response.headers.get("Content-Type") || "").startsWith("text/plain");
        status.textContent = " " + (isText ? await response.text() : `${response.status} ${response.statusText}`);
        if (response.status === 409) { // the Ringotel app cannot ring
            const other = document.createElement("a");
            other.href = other.textContent = `tel:${url.searchParams.get("number")}`;
            status.append(" ", other);
        }
    } catch (error) {
        status.textContent = " " + error.message;
    } finally {
        link.removeAttribute("aria-busy");
    }
});
