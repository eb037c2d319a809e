import { markRaw, shallowRef, type Component } from "vue";

/** Open is a dialog that is shown. */
export interface Open {
  id: number;
  component: Component;
  props: Record<string, unknown>;
  done: (answer: unknown) => void;
}

/** Dialogs shows dialogs on top of each other and waits for their answers. A dialog emits "done" with its answer, or without one if it was closed. */
export class Dialogs {
  readonly open = shallowRef<Open[]>([]);
  private next = 1;

  /** show opens a dialog; undefined is what closing it gives. */
  async show<T>(component: Component, props: Record<string, unknown> = {}): Promise<T | undefined> {
    // A menu that led here gives the keys back first: where they were before it, they are to be again after the dialog.
    if (document.activeElement?.matches("body, [role=menu], [role=menu] *")) await new Promise((resolve) => setTimeout(resolve, 60));
    return new Promise((resolve) => {
      const id = this.next++;
      const done = (answer: unknown) => {
        this.open.value = this.open.value.filter((d) => d.id !== id);
        resolve(answer as T | undefined);
      };
      this.open.value = [...this.open.value, { id, component: markRaw(component), props, done }];
    });
  }
}
