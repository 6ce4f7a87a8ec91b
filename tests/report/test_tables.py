import io

from rich.console import Console

from bakeoff.report.markdown import write_markdown
from bakeoff.report.terminal import leaderboard_table


def printed(results: dict, width: int) -> list[str]:
    stream = io.StringIO()
    Console(file=stream, width=width).print(leaderboard_table(results))
    return stream.getvalue().replace("\u202f", " ").splitlines()


def test_terminal_shows_a_line_a_model_and_marks_the_chosen_one(two_classes: dict) -> None:
    lines = printed(two_classes, 120)
    for row in two_classes["leaderboard"]:
        line = next(line for line in lines if f" {row['model']} " in line)
        assert f"{100 * row['accuracy']:.1f} %" in line
        assert line.startswith("★") == (row["model"] == "bilstm-glove")


def test_terminal_fits_eighty_columns(two_classes: dict) -> None:
    lines = printed(two_classes, 80)
    assert max(map(len, lines)) <= 80
    assert "…" not in "\n".join(lines)


def test_markdown_is_one_table_with_the_answer_above(two_classes: dict) -> None:
    lines = write_markdown(two_classes).replace("\u202f", " ").splitlines()
    assert lines[0].startswith("**No clear winner: bilstm-glove")
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 6
    assert {line.count("|") for line in table} == {8}
    assert table[2].startswith("| **bilstm-glove** | 89.")
