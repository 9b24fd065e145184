"""The page as text: Markdown and HTML give the same blocks, and what could hide a text is noticed."""

import pytest

from tests.oracle.page import Block, Label, read_page

MARKDOWN = r"""# A *b* \<c\>

One `x_y`,
two **three** \[4\].

- first
- second

> **Warning.** Mind.

| a | b |
|:---|---:|
| 1 \| 2 | `z` |
|  | <https://a.example/b> |

```sh
run  it
```

![A figure](figures/a.svg)
"""

HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="description" content="About it">
<title>T</title><style>p { color: red }</style></head><body>
<a class="skip" href="#content">Skip</a>
<nav aria-label="Contents"><p>Contents</p><ul><li><a href="#a">A b &lt;c&gt;</a></li></ul></nav>
<main id="content"><h1 id="a">A <em>b</em> &lt;c&gt;</h1>
<p>One <code>x_y</code>,
two <strong>three</strong> [4].</p>
<ul><li>first</li><li><p>second</p></li></ul>
<blockquote class="warning"><p><strong>Warning.</strong> Mind.</p></blockquote>
<div class="scroll" tabindex="0"><table><thead><tr><th style="text-align:left">a</th><th>b</th></tr></thead>
<tbody><tr><td>1 | 2</td><td><code>z</code></td></tr>
<tr><td></td><td><a href="https://a.example/b">https://a.example/b</a></td></tr></tbody></table></div>
<pre><code class="language-sh">run  it
</code></pre>
<figure><svg viewBox="0 0 1 1"><title>A figure</title><desc>In words</desc><style>.a{}</style>
<text x="1" y="2.5">0.5</text></svg>
<figcaption>A figure</figcaption>
<details><summary>The figure's data</summary><table><tr><th>s</th></tr><tr><td>7</td></tr></table></details></figure>
</main></body></html>
"""

BLOCKS = [
    Block("heading", "A b <c>", level=1),
    Block("text", "One x_y, two three [4]."),
    Block("item", "first"),
    Block("item", "second"),
    Block("quote", "Warning. Mind."),
    Block(
        "table",
        rows=[["a", "b"], ["1 | 2", "z"], ["", "https://a.example/b"]],
        links=[("https://a.example/b", "https://a.example/b")],
    ),
    Block("code", "run it"),
]


def test_both_formats_give_the_same_blocks() -> None:
    markdown, html = read_page(MARKDOWN), read_page(HTML)
    assert markdown.blocks[:-1] == BLOCKS
    assert html.blocks[:-1] == BLOCKS
    assert not markdown.oddities
    assert not html.oddities


def test_a_figure_is_an_image_in_markdown_and_its_texts_in_html() -> None:
    assert read_page(MARKDOWN).blocks[-1] == Block("figure", "A figure", path="figures/a.svg")
    figure = read_page(HTML).blocks[-1]
    assert figure.about == {
        "title": "A figure",
        "desc": "In words",
        "caption": "A figure",
        "summary": "The figure's data",
    }
    assert figure.labels == [Label("0.5", 1.0, 2.5)]
    assert figure.rows == [["s"], ["7"]]


def test_what_only_html_has() -> None:
    page = read_page(HTML)
    assert (page.title, page.description, page.aside) == ("T", "About it", ["Skip", "Contents"])
    assert page.contents == [("A b <c>", "#a")]
    assert page.anchors == {"a": "A b <c>"}


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("<p>One", "<!-- It improves. --><p>One", "a comment: It improves."),
        ("<p>One", "<script>1</script><p>One", "an element <script>"),
        ("<p>One", '<p title="It improves.">One', 'an attribute title="It improves." of <p>'),
        ("<p>One", '<p style="display:none">One', 'a style "display:none" of <p>'),
        ("<p>One", '<img alt="It improves."><p>One', "an element <img>"),
        ("color: red", 'content: "It improves."', "a style that adds or hides text, or loads something"),
        ("color: red }", "color: red } .warning { display: none }", "a style that adds or hides text"),
        ('class="warning"', 'class="warning skip"', "a text out of sight, in <blockquote>"),
        ('aria-label="Contents"', 'aria-label="It improves."', 'a label "It improves." of <nav>'),
        ("<text x", "<g>It improves.</g><text x", "a text within a drawing that is no label: It improves."),
    ],
)
def test_what_could_hide_a_text_is_noticed(old: str, new: str, noticed: str) -> None:
    found = read_page(HTML.replace(old, new, 1)).oddities
    assert any(oddity.startswith(noticed) for oddity in found), found


def test_a_link_definition_and_an_image_within_a_text_are_noticed() -> None:
    oddities = read_page(MARKDOWN + "\n[it]: https://a.example 'improves'\n\nSee ![x](y.svg) here.\n").oddities
    assert [oddity.split(":")[0] for oddity in oddities] == [
        "an image within a text",
        "a link definition that no reader sees",
    ]


def test_a_footnote_is_read_where_it_is_called() -> None:
    page = read_page("# A\n\nSources.[^1]\n\nB\n\nSources.[^2]\n\n[^1]: `x.json`.\n\n[^2]: `y.json` `/a`.\n")
    assert [block.text for block in page.blocks] == ["A", "Sources: x.json.", "B", "Sources: y.json /a."]
    assert not page.oddities


@pytest.mark.parametrize(
    "text",
    [
        "A\n\n[^1]: It improves.\n",
        "Sources.[^1]\n",
        "Sources.[^1]\n\nSources.[^1]\n\n[^1]: `x`.\n",
        "Sources.[^1]\n\n[^1]: `x`.\n\n[^1]: It improves.\n",
    ],
)
def test_a_footnote_that_nothing_calls_is_noticed(text: str) -> None:
    assert read_page(text).oddities == ["a footnote that is not called once, or a call of none"]
