// A place to drop files or choose them, reachable by keyboard; they go to the server at once.
export default {
  template: `
    <label class="drop" :class="{ over: isOver }" @dragover.prevent="isOver = true" @dragleave="isOver = false" @drop.prevent="dropped">
      <input type="file" :accept="accept" :multiple="multiple" :disabled="isSending" @change="chosen">
      <span>{{ isSending ? sending : label }}</span>
    </label>`,
  props: { url: String, label: String, sending: String, accept: String, multiple: Boolean, most: Number },
  data: () => ({ isOver: false, isSending: false }),
  methods: {
    dropped(event) {
      this.isOver = false;
      this.send([...event.dataTransfer.files]);
    },
    chosen(event) {
      const files = [...event.target.files];
      // So that the same file, mended, can be chosen again.
      event.target.value = "";
      this.send(files);
    },
    async send(files) {
      if (this.isSending || !files.length) return;
      if (files.reduce((sum, file) => sum + file.size, 0) > this.most) {
        this.$emit("rejected");
        return;
      }
      const form = new FormData();
      files.forEach((file, place) => form.append(`file${place}`, file, file.name));
      this.isSending = true;
      try {
        const answer = await fetch((window.path_prefix || "") + this.url, { method: "POST", body: form });
        if (!answer.ok) this.$emit("rejected");
      } catch {
        this.$emit("rejected");
      }
      this.isSending = false;
    },
  },
};
