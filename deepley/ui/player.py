"""What the browser does beside Gradio on the tab of a clip: JavaScript for its player and its timeline."""

SEEK = "(seconds) => { const v = document.querySelector('#clip video'); if (v) v.currentTime = seconds; }"

# What a browser records does not say how long it is, and the player shows "Infinity:NaN:NaN": its end is looked for.
LENGTH = """
() => {
  const v = document.querySelector('#clip video');
  if (!v || Number.isFinite(v.duration)) return;
  const before = v.currentTime;
  v.addEventListener('seeked', () => { v.currentTime = before; }, { once: true });
  v.currentTime = 1e9;
}
"""

# Gradio hands on no clicks on a plot: a click becomes an input to the slider beside it.
LISTEN = """
() => {
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
}
"""
