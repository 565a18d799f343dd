// A table of plain texts, patched in place: what a person scrolls to, hovers over or has selected stays as rows change.
export default {
  template: `
    <figure class="osetra-table">
      <figcaption v-if="caption && named">{{ caption }}</figcaption>
      <div class="scroll" role="region" :aria-label="caption" tabindex="0" v-if="rows.length">
        <table>
          <thead v-if="headed"><tr>
            <component :is="column.label ? 'th' : 'td'" v-for="column in columns" :key="column.name" :scope="column.label ? 'col' : null"
              :class="column.kind" :title="column.title || null"
              :aria-sort="column.name === sort ? (descending ? 'descending' : 'ascending') : null">
              <button v-if="column.sortable" type="button" @click="$emit('sort', column.name)">{{ column.label
                }}<span class="arrow" aria-hidden="true">{{ column.name === sort ? (descending ? '↓' : '↑') : '' }}</span></button>
              <template v-else>{{ column.label }}</template>
            </component>
          </tr></thead>
          <tbody>
            <tr v-for="row in rows" :key="row.key" :class="row.mark">
              <td v-for="(column, place) in columns" :key="column.name" :class="column.kind">
                <template v-for="cell in [row.cells[place]]">
                  <a v-if="cell.href" :href="cell.href">{{ cell.text }}</a>
                  <span v-else-if="cell.state" :class="'state ' + cell.state">{{ cell.text }}</span>
                  <template v-else>{{ cell.text }}</template>
                  <span v-if="cell.note" class="note">{{ ' ' + cell.note }}</span>
                  <progress v-if="cell.share != null" :value="cell.share" max="1" :aria-label="cell.text || 'progress'"></progress>
                </template>
              </td>
            </tr>
          </tbody>
        </table>
      </div>
    </figure>`,
  props: { caption: String, named: Boolean, headed: Boolean, columns: Array, rows: Array, sort: String, descending: Boolean },
};
