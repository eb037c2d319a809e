// Leaving the page is asked about while something is being done that would break off.
let held = 0;
const ask = (e: Event) => e.preventDefault();

/** hold lets nobody leave unasked until what it returns is called. */
export function hold(): () => void {
  if (held++ === 0) addEventListener("beforeunload", ask);
  let released = false;
  return () => {
    if (!released && --held === 0) removeEventListener("beforeunload", ask);
    released = true;
  };
}
