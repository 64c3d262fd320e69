"""Pages for people: one plain look for master and agent."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from local.mesos.http import Response

STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 52rem; margin: 2rem auto; padding: 0 1rem; }
h1 { margin-bottom: 0; font-size: 1.6rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
.note { border-left: .3rem solid #c60; padding: .2rem 1rem; background: #c602; }
table { border-collapse: collapse; width: 100%; } td, th { padding: .2rem .8rem .2rem 0; text-align: left; }
th { border-bottom: 1px solid #8888; font-weight: 600; } code { font-size: .9em; overflow-wrap: anywhere; }
"""

PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><style>{style}</style></head>
<body>{body}</body></html>
"""


def answer(title: str, *parts: str) -> Response:
    """A whole page of parts that are HTML already."""
    text = PAGE.format(title=html.escape(title), style=STYLE, body="\n".join(parts))
    return Response(200, text.encode(), {"Content-Type": "text/html; charset=utf-8"})


def code(value: object) -> str:
    """Something to be read letter by letter."""
    return f"<code>{html.escape(str(value))}</code>"


def link(address: str, text: str) -> str:
    """A link."""
    return f'<a href="{html.escape(address, quote=True)}">{html.escape(text)}</a>'


def links(targets: Mapping[str, str]) -> str:
    """A table of addresses and what is there."""
    return table((), [(link(address, address), html.escape(text)) for address, text in targets.items()])


def items(texts: Iterable[str]) -> str:
    """A list of sentences."""
    return f"<ul>{''.join(f'<li>{text}</li>' for text in texts)}</ul>"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    head = f"<tr>{''.join(f'<th>{html.escape(text)}</th>' for text in heads)}</tr>" if heads else ""
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table>{head}{body}</table>"
