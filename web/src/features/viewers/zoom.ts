/** steps of zoom that buttons and keys go by; 1 is whole on the screen. */
const steps = [1, 1.25, 1.5, 2, 3, 4, 6, 8];

/** zoomed is the next step up (by 1) or down (by -1). */
export function zoomed(scale: number, by: 1 | -1): number {
  return by > 0 ? (steps.find((s) => s > scale + 0.01) ?? scale) : (steps.filter((s) => s < scale - 0.01).at(-1) ?? 1);
}
