// A figure that follows the page's theme: the server sends its data and layout once, and the two templates.
import { Plotly } from "nicegui-plotly";

const narrow = window.matchMedia("(max-width: 600px), (pointer: coarse)");
const settings = { displaylogo: false, displayModeBar: false, responsive: false, scrollZoom: false, typesetMath: false };

export default {
  template: `<figure class="osetra-figure"><div class="plot" ref="plot" role="img" :aria-label="label"></div><figcaption v-if="caption">{{ caption }}</figcaption></figure>`,
  props: { options: Object, templates: Object, label: String, caption: String },
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
      const { data, layout } = this.options;
      const template = this.templates[document.documentElement.dataset.theme === "dark" ? "dark" : "light"];
      // A finger that drags means to scroll. What a person zoomed to stays while new points come.
      const own = { uirevision: "kept", ...layout, template, ...(narrow.matches ? { dragmode: false } : {}) };
      Plotly.react(this.$refs.plot, data, own, settings).then((plot) => {
        if (this.heard) return;
        this.heard = true;
        plot.on("plotly_click", (event) => {
          const point = event.points?.[0];
          if (point) this.$emit("point", { x: point.x, y: point.y, curve: point.curveNumber, name: point.data.name, custom: point.customdata ?? null });
        });
      });
    },
  },
};
