"""The tables of a comparison: what they say, and that a file of it says the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.beside.results import (
    Comparison,
    Footprint,
    Measured,
    Sample,
    Spent,
    read_comparison,
    write_comparison,
)
from benchmarks.beside.table import main, markdown, placed

if TYPE_CHECKING:
    from pathlib import Path


def sample(seconds: float, *, events: int = 33) -> Sample:
    return Sample(
        seconds=seconds,
        spent={
            "worker": Spent(cpu_seconds=0.25, memory_bytes=64 * 1024 * 1024),
            "daprd": Spent(cpu_seconds=1.5, memory_bytes=128 * 1024 * 1024),
        },
        footprint=Footprint(events=events, history_bytes=2_067, rows=35, row_bytes=5_308),
    )


def comparison(*, pairs: int = 15) -> Comparison:
    ours = [sample(0.105) for _ in range(pairs)]
    theirs = [sample(0.1, events=32) for _ in range(pairs)]
    chain = Measured(name="chain of 10", repeats=5, most=1.1, ours=ours, theirs=theirs)
    return Comparison(
        theirs="Dapr's SDK",
        conditions={"Dapr runtime": "1.18.1", "day": "2026-11-28"},
        workloads=[chain],
    )


def test_a_row_has_both_medians_the_ratio_and_its_interval() -> None:
    lines = markdown(comparison()).splitlines()
    assert lines[0] == "Dapr runtime 1.18.1, day 2026-11-28."
    assert "| chain of 10 | 100.0 ms | 105.0 ms | 1.05 | 1.05 to 1.05 | 1.10 | 15 |" in lines
    assert "| chain of 10 | 32 → 33 | 2,067 → 2,067 | 35 → 35 | 5,308 → 5,308 |" in lines
    assert lines.count("| what | daprd | worker |") == 2
    assert "| chain of 10 | 1.50 s → 1.50 s | 250.0 ms → 250.0 ms |" in lines
    assert "| chain of 10 | 128 MiB → 128 MiB | 64 MiB → 64 MiB |" in lines


def test_an_interval_of_few_pairs_is_not_shown() -> None:
    assert "| 1.05 | too few pairs | 1.10 | 3 |" in markdown(comparison(pairs=3))


def test_what_times_are_not_is_said_beside_each_table_of_them() -> None:
    caveat = "Times are those of a stand-in."
    lines = markdown(replace(comparison(), caveat=caveat)).splitlines()
    tables = [number for number, line in enumerate(lines) if line.startswith("| what |")]
    said = [number for number, line in enumerate(lines) if line.endswith(caveat)]
    assert said == [tables[0] - 2, tables[2] - 2]
    assert not any(
        "  " in line or line.endswith(" ") for line in markdown(comparison()).splitlines()
    )


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    write_comparison(path, comparison())
    assert read_comparison(path) == comparison()


def test_a_file_of_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"benchmarks": []}')
    with pytest.raises(ValueError, match="run the benchmark again"):
        read_comparison(path)


def test_tables_replace_what_is_between_the_marks() -> None:
    once = placed("# Speed\n\n<!-- figures -->\n\nMore.\n", "| a |\n")
    assert once == "# Speed\n\n<!-- figures -->\n| a |\n<!-- end of figures -->\n\nMore.\n"
    assert placed(once, "| b |\n") == once.replace("| a |", "| b |")


def test_a_document_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="<!-- figures -->"):
        placed("# Speed\n", "| a |\n")


def test_the_command_writes_into_a_document(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results, document = tmp_path / "results.json", tmp_path / "README.md"
    write_comparison(results, comparison())
    document.write_text("<!-- figures -->\n")
    main([str(results), str(document)])
    main([str(results)])
    assert capsys.readouterr().out in document.read_text()
