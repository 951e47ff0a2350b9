"""Encoded pictures, opened without trust: their claims are checked before they are unpacked."""

from __future__ import annotations

import io
import warnings
from typing import Any

from tensorfleet.errors import DataInvalid

MOST_PIXELS = 64_000_000
"""A picture that claims more is refused before it is unpacked."""
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
SUFFIXES = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp")


def open_picture(data: bytes, what: str) -> Any:
    """A loaded `PIL.Image`; `what` names it in errors.

    Raises:
        DataInvalid: it is none, is damaged, or has too many pixels.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            if picture.width * picture.height > MOST_PIXELS:
                raise DataInvalid(f"{what} has {picture.width} by {picture.height} pixels; too many")
            picture.load()
    except UnidentifiedImageError as error:
        raise DataInvalid(f"{what} cannot be read: it is none of {', '.join(FORMATS)}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataInvalid(f"{what} cannot be read: {str(error)[:120]}") from error
    return picture
