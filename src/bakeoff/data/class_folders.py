"""Folders of files by class: class/name, or that below train/, val/ and test/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bakeoff.data.folder_tree import Entry, folders_in, tree
from bakeoff.data.image_files import split_and_class, split_of
from bakeoff.errors import UserError

_LIKE_SPLITS = re.compile(r"(train|val|test|dev|eval)", re.IGNORECASE)
_SHOWN = 4


@dataclass(frozen=True)
class Kind:
    """What the files are."""

    plural: str
    example: str
    """Of a place of one."""
    named: Callable[[Path], bool]
    """Whether a file is called as one."""


@dataclass(frozen=True)
class Filed:
    """A file in the folder of its class."""

    file: Path
    label: str
    own: str
    """The split it comes with: train, validation or test, "" for none."""


def files_by_class(path: Path, kind: Kind, class_level: int = 0) -> list[Filed]:
    """Files as class/name, or below folders of splits, such as train/, val/ and test/.

    What is in folders of a class's folder is of that class. Hidden files do not count, nor what
    systems leave (see `folder_tree`).

    Args:
        path: the folder.
        kind: what they are.
        class_level: at which level of folders in it the classes are: 1 are its own folders. A level
            above or below, all of whose folders are splits, tells the splits. 0 finds them.

    Raises:
        UserError: there are no class folders, one is empty, files lie outside them, or as of
            `tree`; or, if the level is to be found, it could be several, other folders stand beside
            train/, or folders look like splits and none is train/.
    """
    entries = tree(path)
    if class_level and not any(len(entry.folders) >= class_level for entry in entries):
        raise UserError(
            f"{path}: no folders of level {class_level}; {_levels(entries) or 'there are none'}"
        )
    level = (class_level or _found_level(path, entries, kind)) - 1
    _refuse_unclassed(path, entries, level, kind)
    if not class_level:
        _refuse_several(path, entries, level, kind)
    files = sorted((e.file, e.folders) for e in entries if e.file and len(e.folders) > level)
    own = _own([folders for _, folders in files], level)
    return [
        Filed(file, folders[level], split)
        for (file, folders), split in zip(files, own, strict=True)
    ]


def _found_level(path: Path, entries: Sequence[Entry], kind: Kind) -> int:
    """The level of the class folders, from 1: below the splits, where the highest level is that."""
    top = _names(entries, 0)
    if _splits(top):
        level = 1
        # seg_train/seg_train/forest
        while level < min(_depths(entries, kind), default=0) and all(
            split_of(e.folders[level]) == split_of(e.folders[0])
            for e in entries
            if len(e.folders) > level
        ):
            level += 1
        return level + 1
    training = [name for name in top if split_of(name) == ("train", "")]
    others = [name for name in top if not split_of(name)[0]]
    alike = [name for name in top if name not in others]
    if len({split_of(name) for name in alike}) > 1:
        training = [name for name in alike if split_of(name)[0] == "train"]
    if others and any(folders_in(path / name) for name in training):
        raise UserError(
            f"{path} has the folder {others[0]!r} beside its training split; splits are train, val "
            "and test, so move everything else away (or say --class-level 1 if all are classes)"
        )
    like = [name for name in top if name in alike or _LIKE_SPLITS.match(name)]
    if top and like == top and all(folders_in(path / name) for name in top):
        raise UserError(
            f"{path} has no folder train, and {', '.join(top)} look like splits; name them train, "
            "val and test"
        )
    if len(top) == 1 and len(folders_in(path / top[0])) > 1:
        raise UserError(
            f"{path} has the folder {top[0]} only, which would be a single class; if its "
            f"folders are the classes, give {path / top[0]}"
        )
    return 1


def _names(entries: Iterable[Entry], level: int) -> list[str]:
    """Of the folders of a level, from 0, in order."""
    return sorted({e.folders[level] for e in entries if len(e.folders) > level})


def _depths(entries: Iterable[Entry], kind: Kind) -> list[int]:
    """How many folders each file of the kind lies in."""
    return [len(e.folders) for e in entries if e.folders and (e.file is None or kind.named(e.file))]


def _splits(names: Sequence[str]) -> bool:
    """Whether folders are the splits of one set: train, and no other twice."""
    found = [split_of(name) for name in names]
    splits = [split for split, _ in found]
    one = len({of for _, of in found}) == 1
    return one and "train" in splits and "" not in splits and len(set(splits)) == len(splits)


def _own(folders: Sequence[tuple[str, ...]], level: int) -> list[str]:
    """The split of each file by the highest level, other than the classes', that is of splits."""
    for number in range(min(map(len, folders))):
        names = sorted({of_file[number] for of_file in folders})
        if number != level and _splits(names):
            return [split_of(of_file[number])[0] for of_file in folders]
    return [""] * len(folders)


def _refuse_unclassed(path: Path, entries: Sequence[Entry], level: int, kind: Kind) -> None:
    """Refuse files outside the class folders, folders without any, and empty class folders."""
    for entry in entries:
        if len(entry.folders) <= level and entry.file and kind.named(entry.file):
            raise UserError(
                f"{entry.file} lies outside the class folders; put it into the folder of its class "
                f"({kind.example})"
            )
    around: dict[tuple[str, ...], bool] = {} if level else {(): False}
    around |= {e.folders[:level]: False for e in entries if len(e.folders) >= level}
    classes: dict[tuple[str, ...], bool] = {}
    for entry in entries:
        if len(entry.folders) > level:
            around[entry.folders[:level]] = True
            of_class = entry.folders[: level + 1]
            classes[of_class] = classes.get(of_class, False) or entry.file is not None
    for folders, holds in sorted(around.items()):
        if not holds:
            raise UserError(
                f"{path.joinpath(*folders)} holds no {kind.plural}; put them into a folder a "
                f"class: {kind.example}"
            )
    for folders, holds in sorted(classes.items()):
        if not holds:
            raise UserError(
                f"{path.joinpath(*folders)} is an empty class folder; add {kind.plural}, or "
                "remove it"
            )


def _refuse_several(path: Path, entries: Sequence[Entry], level: int, kind: Kind) -> None:
    """Refuse folders of which no class folder holds files itself, but several folders that do;
    such a folder beside classes that holds folders called like them; and classes that are called
    by a split as well.
    """
    direct = {
        e.folders[level]
        for e in entries
        if e.file and kind.named(e.file) and len(e.folders) == level + 1
    }
    if not direct and len(_names(entries, level + 1)) > 1:
        raise UserError(
            f"{path}: {_levels(entries)}, which may all be classes; say which with --class-level"
        )
    for entry in entries:
        own, within = entry.folders[level : level + 1], entry.folders[level + 1 : level + 2]
        if direct.issuperset(within) and within and direct.isdisjoint(own):
            raise UserError(
                f"{path.joinpath(*entry.folders[: level + 1])} has no {kind.plural} of its own and "
                f"the folder {within[0]!r}, as a class is called; move it away (or say "
                f"--class-level {level + 1} if it is a class)"
            )
    splits: dict[str, dict[str, str]] = {}
    for name in _names(entries, level):
        split, of = split_and_class(name)
        splits.setdefault(of, {})[split] = name
    several = [found for of, found in splits.items() if of and len(found) > 1]
    if several and "" not in splits:
        raise UserError(
            f"{path}: {' and '.join(several[0].values())} each name a split and a class; put them "
            f"into folders of splits, as in train/{next(iter(splits))} (or say --class-level "
            f"{level + 1} if all are classes)"
        )


def _levels(entries: Sequence[Entry]) -> str:
    """What folders there are, level by level."""
    levels = []
    for level in range(max(len(e.folders) for e in entries) if entries else 0):
        names = _names(entries, level)
        more = f", … ({len(names):,})" if len(names) > _SHOWN else ""
        levels.append(f"level {level + 1} has {', '.join(names[:_SHOWN])}{more}")
    return "; ".join(levels)
