// Plotly, loaded when a view first needs it, in the colours of the page.

let loading;

export function plotly() {
  loading ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = document.querySelector("meta[name=plotly]").content;
    script.onload = () => done(window.Plotly);
    script.onerror = () => failed(new Error("Plotly's JavaScript did not load."));
    document.head.append(script);
  });
  return loading;
}

// Plotly parses names and texts as HTML, including links.
export const plain = (text) => String(text).replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("%{", "% {");

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export async function draw(place, traces, layout) {
  const Plotly = await plotly();
  const axis = { gridcolor: colour("line"), linecolor: colour("line"), zerolinecolor: colour("line") };
  const axes = Object.fromEntries(Object.entries(layout).filter(([name]) => /^[xy]axis/.test(name)).map(([name, values]) => [name, { ...axis, ...values }]));
  const common = {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", font: { color: colour("text"), size: 12 },
    hoverlabel: { bgcolor: colour("panel"), bordercolor: colour("line"), font: { color: colour("text") } },
  };
  await Plotly.react(place, traces, { ...common, ...layout, ...axes }, { displaylogo: false, responsive: true, displayModeBar: false });
  return place;
}
