import { ref, shallowRef } from "vue";

/** useSubmit is how a dialog's form is sent: busy meanwhile, closed when it went well, and else `refused` is why not. */
export function useSubmit(task: () => Promise<unknown>, done: () => void) {
  const busy = ref(false);
  const refused = shallowRef<unknown>();
  async function submit() {
    busy.value = true;
    refused.value = undefined;
    try {
      await task();
      done();
    } catch (e) {
      refused.value = e;
    } finally {
      busy.value = false;
    }
  }
  return { busy, refused, submit };
}
