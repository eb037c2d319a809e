import { watchEffect } from "vue";
import { useApp } from "./app";

/** useTitle sets the page's title, as "Personal - OpenCloud". */
export function useTitle(title: () => string): void {
  const { theme } = useApp();
  watchEffect(() => {
    const name = theme.brand.value.name;
    // People and tests look for the product's name, whatever an operator calls it.
    const product = name.includes("OpenCloud") ? name : `${name} - OpenCloud`;
    document.title = title() ? `${title()} - ${product}` : product;
  });
}
