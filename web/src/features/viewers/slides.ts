import { defineStore } from "pinia";
import { ref } from "vue";

/** useSlides is whether pictures follow by themselves; it outlives the single picture. */
export const useSlides = defineStore("slides", () => ({ running: ref(false) }));
