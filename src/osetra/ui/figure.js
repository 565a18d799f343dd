// A figure that follows the page's theme: the server sends its data and layout once, and the two templates.
import { Plotly } from "nicegui-plotly";

const narrow = window.matchMedia("(max-width: 600px), (pointer: coarse)");
const settings = { displaylogo: false, displayModeBar: false, responsive: false, scrollZoom: false, typesetMath: false };

export default {
  template: `<figure class="osetra-figure"><div class="plot" ref="plot" role="img" :aria-label="label"></div><figcaption v-if="caption">{{ caption }}</figcaption></figure>`,
  props: { drawn: String, templates: Object, label: String, caption: String },
  mounted() {
    this.follow = () => this.draw();
    window.addEventListener("osetra-theme", this.follow);
    this.draw();
    this.observer = new ResizeObserver(() => { if (this.$refs.plot.offsetWidth) Plotly.Plots.resize(this.$refs.plot); });
    this.observer.observe(this.$refs.plot);
  },
  updated() { this.draw(); },
  unmounted() {
    window.removeEventListener("osetra-theme", this.follow);
    this.observer?.disconnect();
    if (this.$refs.plot) Plotly.purge(this.$refs.plot);
  },
  methods: {
    draw() {
      // Not under a hand that is drawing a box or turning a label.
      if (this.held) { this.late = true; return; }
      const { data, layout } = JSON.parse(this.drawn);
      const template = this.templates[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
      // A finger that drags means to scroll. What a person zoomed to or hid stays while new points come.
      const own = { uirevision: "kept", ...layout, template, ...(narrow.matches ? { dragmode: false } : {}) };
      for (const [axis, { range, type }] of Object.entries(this.zoomed ?? {})) {
        if ((layout[axis]?.type ?? null) === type) own[axis] = { ...own[axis], range: [...range], autorange: false };
      }
      Plotly.react(this.$refs.plot, data, own, settings).then((plot) => {
        if (this.heard) return;
        this.heard = true;
        plot.addEventListener("mousedown", () => {
          this.held = true;
          window.addEventListener("mouseup", () => setTimeout(() => {
            this.held = false;
            if (this.late) { this.late = false; this.draw(); }
          }), { once: true });
        }, true);
        plot.on("plotly_relayout", (event) => this.keep(plot, event));
        plot.on("plotly_click", (event) => {
          const point = event.points?.[0];
          if (point) this.$emit("point", { x: point.x, y: point.y, curve: point.curveNumber, name: point.data.name, custom: point.customdata ?? null });
        });
      });
    },
    keep(plot, event) {
      this.zoomed ??= {};
      for (const key of Object.keys(event)) {
        const [, axis, what] = key.match(/^([xy]axis\d*)\.(range|autorange)/) ?? [];
        if (!axis) continue;
        const { layout } = JSON.parse(this.drawn);
        const range = plot.layout[axis].range;
        // A double click shows what the figure itself shows, or all.
        const own = layout[axis]?.range;
        if (what === "autorange" || (own && own[0] === range[0] && own[1] === range[1])) delete this.zoomed[axis];
        else this.zoomed[axis] = { range: [...range], type: layout[axis]?.type ?? null };
      }
    },
  },
};
