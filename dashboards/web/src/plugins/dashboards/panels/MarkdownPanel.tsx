// A text with headings, lists and links. Whatever else stands in it, scripts and frames too, is left out.

import DOMPurify from 'dompurify';
import { marked } from 'marked';
import { useMemo } from 'react';
import type { Panel } from '../../../api/schema';
import css from '../dashboards.module.css';

const ALLOWED = {
  ALLOWED_TAGS: ['a', 'b', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'hr', 'i', 'li', 'ol', 'p', 'pre', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul'],
  ALLOWED_ATTR: ['href', 'title'],
  ALLOWED_URI_REGEXP: /^(https?:|\/(?!\/)|#)/i,
};

export function MarkdownPanel({ panel }: { panel: Panel }) {
  const html = useMemo(() => DOMPurify.sanitize(marked.parse(panel.text ?? '', { async: false }), ALLOWED), [panel.text]);
  // Clean: of the tags above, and no attributes but where links lead.
  return <div className={css.markdown} dangerouslySetInnerHTML={{ __html: html }} />;
}
