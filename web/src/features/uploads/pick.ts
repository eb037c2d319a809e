/** pick opens the browser's dialog for files, or for a folder, and returns what was chosen. It must be called in answer to a click or key. */
export function pick(folder = false): Promise<File[]> {
  return new Promise((resolve) => {
    const input = document.createElement("input");
    input.type = "file";
    input.multiple = true;
    input.webkitdirectory = folder;
    input.hidden = true;
    const done = () => {
      resolve([...(input.files ?? [])]);
      input.remove();
    };
    input.addEventListener("change", done);
    input.addEventListener("cancel", done);
    document.body.append(input); // some browsers need it in the page
    input.click();
  });
}
