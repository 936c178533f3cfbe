"""What `mkdocs build` does for the site beside its own work: a hook of mkdocs.yml.

Folders in the navigation: `decisions/*.md` stands for the pages of that folder that no other line names, by name.
Links out of docs/: a file of the project is no page of the site. It becomes a link into the repository where
`repo_url` is known, else its path.
Blocks with a name behind their language (```sql drift), by which tests find them, show it as their title.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Config = Any  # mkdocs.config.defaults.MkDocsConfig, which is typed for a newer Python's checker than ours
_NAMED = re.compile(r"^( *```\w+) +([^\n=]+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((\.\./[^)\s]+)\)")


def on_config(config: Config) -> Config:
    """The navigation with its folders filled in; an empty one goes."""
    docs = Path(config.docs_dir)
    config.nav = _filled(config.nav, docs, set(_named(config.nav)))
    return config


def _named(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    for item in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _named(item)


def _filled(part: Any, docs: Path, named: set[str]) -> Any:
    if isinstance(part, list):
        found = [item for each in part for item in _pages(each, docs, named)]
        return [item for item in found if item]
    if isinstance(part, dict):
        filled = {title: _filled(item, docs, named) for title, item in part.items()}
        return {title: item for title, item in filled.items() if item}
    return part


def _pages(item: Any, docs: Path, named: set[str]) -> list[Any]:
    if not isinstance(item, str) or "*" not in item:
        return [_filled(item, docs, named)]
    return [page for path in sorted(docs.glob(item)) if (page := path.relative_to(docs).as_posix()) not in named]


def on_page_markdown(markdown: str, *, page: Any, config: Config, **_: Any) -> str:
    """The page with its links to files of the project mended, and the names of its blocks as titles."""

    def mended(link: re.Match[str]) -> str:
        text, target = link[1], link[2]
        place = posixpath.normpath(posixpath.join("docs", posixpath.dirname(page.file.src_uri), target))
        if place.startswith("docs/"):
            return link[0]
        if config.repo_url:
            return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{place})"
        return text if f"`{place}`" == text else f"{text} (`{place.partition('#')[0]}`)"

    return _LINK.sub(mended, _NAMED.sub(r'\1 title="\2"', markdown))
