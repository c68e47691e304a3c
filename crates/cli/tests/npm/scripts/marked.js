import { marked, Marked } from 'marked';
const page = `# Orders *today*

| sku | qty |
|-----|----:|
| a   |   2 |

1. one
2. two
   - nested \`code\`

> quoted **text** with [a link](https://example.com "title") & <b>html</b>

\`\`\`js
const a = 1 < 2;
\`\`\`

- [x] done
- [ ] open

~~gone~~ https://example.com ![image](a.png)`;
const own = new Marked({ breaks: true, renderer: { heading: ({ text, depth }) => `<h${depth} class="own">${text}</h${depth}>` } });
export default {
  page: marked.parse(page),
  own: own.parse('# Title\na\nb'),
  inline: marked.parseInline('**bold** and _it_'),
  tokens: marked.lexer('# a\n\nb').map((token) => token.type),
};
