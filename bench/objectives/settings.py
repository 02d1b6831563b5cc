"""What settings of formulas, networks, augmentations and algorithms are made of."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]


class Settings(BaseModel):
    """Typed settings of a recipe: frozen, and strict about keys and types."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")
