"""The comparison → one self-contained HTML page, and a short Markdown table."""

from kfp import dsl

from bakeoff.container import IMAGE


@dsl.component(base_image=IMAGE, install_kfp_package=False)
def report(
    comparison: dsl.Input[dsl.Artifact],
    page: dsl.Output[dsl.HTML],
    summary: dsl.Output[dsl.Markdown],
) -> None:
    """Draw the report.

    Args:
        comparison: results.json from `compare`.
        page: The whole report; opens without a network.
        summary: The leaderboard in Markdown.
    """
    from pathlib import Path

    from bakeoff import events
    from bakeoff.artifacts import read_json, read_manifest
    from bakeoff.report import write_markdown, write_report
    from bakeoff.step import step

    with step("report"):
        read_manifest(comparison.path, "comparison")
        results = read_json(Path(comparison.path) / "results.json")
        write_report(results, Path(page.path))
        Path(summary.path).write_text(write_markdown(results), encoding="utf-8")
        events.tell(f"wrote the report of {len(results['models'])} trainings to {page.path}")
