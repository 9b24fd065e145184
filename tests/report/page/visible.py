"""What of a page is in sight before anything is opened by hand."""

from tests.oracle.page import Block, read_page


def visible_lines(markdown: str) -> list[str]:
    """Returns the lines of a Markdown page, empty ones too, outside of what is folded.

    >>> visible_lines("a\\n\\n<details>\\n<summary>b</summary>\\n\\nc\\n\\n</details>\\nd")
    ['a', '', 'd']
    """
    lines, depth = [], 0
    for line in markdown.splitlines():
        depth += line == "<details>"
        if depth == 0:
            lines.append(line)
        depth -= line == "</details>"
    return lines


def visible(page: str) -> list[Block]:
    """Returns the blocks of a page that are not folded."""
    blocks, depth = [], 0
    for block in read_page(page).blocks:
        depth += block.kind == "fold"
        if depth == 0:
            blocks.append(block)
        depth -= block.kind == "end"
    return blocks


def section(blocks: list[Block], title: str) -> list[Block]:
    """Returns the blocks below the heading of the second level that begins with ``title``."""
    inside, found = False, []
    for block in blocks:
        if block.kind == "heading" and block.level <= 2:
            inside = block.text.startswith(title)
        elif inside:
            found.append(block)
    return found


def words(block: Block) -> list[str]:
    """Returns the words of a block: of a paragraph, of a code block or of all cells of a table."""
    text = " ".join(cell for row in block.rows for cell in row) if block.kind == "table" else block.text
    return text.split()
