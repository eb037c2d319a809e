import { defineAsyncComponent, defineComponent, h } from "vue";
import { useApp } from "@/app/app";
import type { Feature } from "@/app/registry";

const Bar = defineAsyncComponent(() => import("./EmbedBar.vue"));
const InFrame = defineComponent(() => {
  const app = useApp();
  return () => (app.embed && app.session.token ? h(Bar, { embed: app.embed }) : null);
});

export default { bars: [InFrame] } satisfies Feature;
