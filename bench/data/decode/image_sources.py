"""Sources of a user's images, a folder or an array; each lists names and decodes pictures.

Names are relative, with ``/`` between folders, so that a folder and an archive of it agree. Hidden
files and files that are no images by their suffix are counted and otherwise ignored.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import Counter
from pathlib import Path, PurePosixPath

from PIL import Image

from bench.data.decode.image_files import SUFFIXES, channels_first, read_array
from bench.data.decode.picture import Picture, Unusable, read_picture
from catalog.errors import InvalidInput
from catalog.files import reason

HIDDEN = "hidden"
NO_SUFFIX = "without suffix"


class ImageSource(ABC):
    """Images by name.

    Attributes:
        names: of the image files, sorted.
        folders: all folders, those without images too.
        refused: image files that are not opened at all, each with the reason.
        ignored: how many other files there are, by suffix.
    """

    def __init__(self) -> None:
        self.names: list[str] = []
        self.folders: list[str] = []
        self.refused: dict[str, str] = {}
        self.ignored: Counter[str] = Counter()

    @abstractmethod
    def picture(self, name: str) -> Picture:
        """Decode one image; raises Unusable."""


def ignored_kind(name: str) -> str | None:
    """The reason to ignore a file, ``hidden`` or its suffix; None for an image."""
    path = PurePosixPath(name)
    if any(part.startswith(".") for part in path.parts):
        return HIDDEN
    suffix = path.suffix.lower()
    return None if suffix in SUFFIXES else suffix or NO_SUFFIX


class FolderSource(ImageSource):
    """The image files below a folder; links are followed only to files that lie below it too.

    Raises:
        InvalidInput: a folder cannot be listed.
    """

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root.resolve()
        try:
            for folder, subfolders, files in os.walk(self.root, onerror=_stop):
                self._list_folders(Path(folder), subfolders)
                for file in files:
                    self._list_file(Path(folder, file))
        except OSError as error:
            raise InvalidInput(f"{error.filename}: cannot be read ({reason(error)})") from error
        self.names.sort()
        self.folders.sort()

    def picture(self, name: str) -> Picture:
        """Decode one image; raises Unusable."""
        try:
            with (self.root / name).open("rb") as stream:
                return read_picture(stream)
        except OSError as error:
            raise Unusable(f"cannot be read ({reason(error)})") from error

    def _list_folders(self, parent: Path, subfolders: list[str]) -> None:
        """Note the folders of a folder, and leave in the list those to be entered."""
        for name in list(subfolders):
            path = parent / name
            if name.startswith("."):
                self.ignored[HIDDEN] += 1
                subfolders.remove(name)
            elif path.is_symlink():
                self.refused[self._relative(path)] = "a link to a folder, which is not followed"
            else:
                self.folders.append(self._relative(path))

    def _list_file(self, path: Path) -> None:
        name = self._relative(path)
        kind = ignored_kind(name)
        if kind is not None:
            self.ignored[kind] += 1
        elif path.is_symlink() and not path.resolve().is_relative_to(self.root):
            self.refused[name] = "a link to outside of the folder"
        elif not path.is_file():
            self.refused[name] = "not a regular file"
        else:
            self.names.append(name)

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.root).as_posix()


def _stop(error: OSError) -> None:
    raise error


class ArraySource(ImageSource):
    """The images of a ``.npy`` file of uint8; their names are their positions.

    Raises:
        InvalidInput: the file cannot be read, or dtype or shape is another one.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.images = channels_first(read_array(path), path)  # (N, C, H, W)
        self.names = [str(index) for index in range(len(self.images))]

    def picture(self, name: str) -> Picture:
        """One image as a picture."""
        pixels = self.images[int(name)].transpose(1, 2, 0)
        return Picture(Image.fromarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
