// Code that runs in the browser beside Gradio's own. Events of the page call the functions of `deepley`.

// Gradio's image input ignores Ctrl+V, so a pasted picture is put into its file input.
document.addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((f) => f.type.startsWith("image/"));
  const photo = document.querySelector("#photo");
  if (!file || !photo || photo.offsetParent === null) return;
  event.preventDefault();
  const clear = photo.querySelector('[aria-label="Remove Image"]');
  if (clear) clear.click();
  setTimeout(() => {
    const input = photo.querySelector("input[type=file]");
    if (!input) return;
    const transfer = new DataTransfer();
    transfer.items.add(file);
    input.files = transfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  }, 120);
});

window.deepley = {
  // Copies a text to the clipboard.
  copy: async (text) => {
    try { await navigator.clipboard.writeText(text); }
    catch {  // a page served over plain http has no clipboard
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    return "Copied";
  },

  // Moves the player of a clip to a time in seconds.
  seek: (seconds) => { const v = document.querySelector('#clip video'); if (v) v.currentTime = seconds; },

  // A recording by the browser has no length, and the player shows "Infinity:NaN:NaN". Seeking its end gives it one.
  findLength: () => {
    const v = document.querySelector('#clip video');
    if (!v || Number.isFinite(v.duration)) return;
    const before = v.currentTime;
    v.addEventListener('seeked', () => { v.currentTime = before; }, { once: true });
    v.currentTime = 1e9;
  },

  // Gradio has no event for clicks on a plot, so a click becomes an input of the slider beside it.
  listenToTimeline: () => {
    const listen = (tries) => {
      const plot = document.querySelector("#timeline .js-plotly-plot");
      if (!plot || !plot.on) { if (tries) setTimeout(listen, 200, tries - 1); return; }
      plot.removeAllListeners("plotly_click");
      plot.on("plotly_click", (event) => {
        const input = document.querySelector("#moment input[type=number]");
        input.value = event.points[0].x;
        input.dispatchEvent(new Event("input", { bubbles: true }));
      });
    };
    listen(50);
  },
};
