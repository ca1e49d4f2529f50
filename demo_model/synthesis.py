"""One random dialogue: the whole training and test data come from here, and from nowhere else."""

from __future__ import annotations

import random

from demo_model.chat_tasks import chat
from demo_model.dialogue import Dialogue
from demo_model.json_tasks import extraction
from demo_model.tool_tasks import calling
from demo_model.values import Values
from demo_model.words import Split


def dialogue(rng: random.Random, split: Split) -> Dialogue:
    values = Values(rng, split)
    roll = rng.random()
    if roll < 0.42:
        return chat(values)
    return extraction(values) if roll < 0.52 else calling(values)
