// Renders templates in the manner of Mustache: {{value}} escaped, {{{value}}} as it is, {{#list}}…{{/list}} for each
// element or if true, {{^list}}…{{/list}} if empty or false, {{.}} the element itself, {{a.b}} a path, {{! a remark }}.

const TAG = /\{\{(?:\{\s*(?<raw>[^}]+?)\s*\}\}\}|(?<sigil>[#^/!])?\s*(?<name>[^}]+?)\s*\}\})/g;
const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** The template as a tree of texts, values and sections. */
function parse(template) {
  const root = { children: [] };
  const open = [root];
  let end = 0;
  for (const match of template.matchAll(TAG)) {
    const { raw, sigil, name } = match.groups;
    const children = open.at(-1).children;
    children.push({ text: template.slice(end, match.index) });
    end = match.index + match[0].length;
    if (raw) children.push({ value: raw, raw: true });
    else if (!sigil) children.push({ value: name });
    else if (sigil === '/') {
      const section = open.pop();
      if (section.section !== name) throw new SyntaxError(`{{/${name}}} closes {{#${section.section ?? 'nothing'}}}`);
    } else if (sigil !== '!') {
      const section = { section: name, inverted: sigil === '^', children: [] };
      children.push(section);
      open.push(section);
    }
  }
  if (open.length > 1) throw new SyntaxError(`{{#${open.at(-1).section}}} is never closed`);
  root.children.push({ text: template.slice(end) });
  return root.children;
}

/** The value of a path, looked up from the innermost scope outwards. */
function lookup(path, scopes) {
  if (path === '.') return scopes.at(-1);
  const [first, ...rest] = path.split('.');
  const scope = scopes.findLast(scope => scope !== null && typeof scope === 'object' && Object.hasOwn(scope, first));
  return rest.reduce((value, key) => value?.[key], scope?.[first]);
}

function render(children, scopes) {
  return children.map(node => {
    if (node.text !== undefined) return node.text;
    if (node.value !== undefined) {
      const text = String(lookup(node.value, scopes) ?? '');
      return node.raw ? text : text.replace(/[&<>"']/g, char => ENTITIES[char]);
    }
    const value = lookup(node.section, scopes);
    const elements = Array.isArray(value) ? value : value ? [value] : [];
    if (node.inverted) return elements.length === 0 ? render(node.children, scopes) : '';
    return elements.map(element => render(node.children, [...scopes, element])).join('');
  }).join('');
}

export default input =>
  Object.fromEntries(Object.entries(input.templates).map(([name, text]) => [name, render(parse(text), [input.data])]));
