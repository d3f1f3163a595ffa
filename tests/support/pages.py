"""Parsing an HTML page: its elements and texts, and whether it is well formed."""

from html.parser import HTMLParser

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """Elements with their attributes, texts, and errors of nesting."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.wrong: list[str] = []
        self._open: list[str] = []
        self._text_of: list[tuple[str, list[str]]] = []
        self.by_tag: dict[str, list[str]] = {}
        self.feed(content)
        self.close()
        self.wrong += [f"{tag} is not closed" for tag in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)
            self._text_of.append((tag, []))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.wrong.append(f"{tag} is closed within {self._open[-1:]}")
            return
        self._open.pop()
        name, texts = self._text_of.pop()
        self.by_tag.setdefault(name, []).append(" ".join("".join(texts).split()))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        for _, texts in self._text_of:
            texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of this name."""
        return [attributes for name, attributes in self.elements if name == tag]
