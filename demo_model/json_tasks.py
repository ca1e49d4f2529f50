"""Extraction of JSON from a sentence, by a schema in the prompt."""

from __future__ import annotations

import json
from typing import Any

from demo_model.chat_tasks import SYSTEM_PROMPTS
from demo_model.dialogue import Dialogue, assistant, system, user
from demo_model.values import Values
from demo_model.words import DAYS, MONTHS

Extraction = tuple[str, dict[str, Any], dict[str, str]]  # sentence, what it says, type of each key


def person(v: Values) -> Extraction:
    name, age = v.name(), v.integer(1, 99)
    text = v.pick([f"{name} is {age} years old.", f"{name}, aged {age}, is here.", f"{name} is {age}."])
    if not v.chance(0.5):
        return text, {"name": name, "age": age}, {"name": "string", "age": "integer"}
    city = v.city()
    text += v.pick([f" Lives in {city}.", f" The city is {city}."])
    types = {"name": "string", "age": "integer", "city": "string"}
    return text, {"name": name, "age": age, "city": city}, types


def event(v: Values) -> Extraction:
    name = v.pick(
        [
            *("science fair", "birthday party", "meeting", "concert", "conference", "dinner", "picnic"),
            *("workshop", v.invented() + " festival", v.invented() + " party"),
        ]
    )
    date = v.pick([*DAYS, f"{v.pick(MONTHS)} {v.integer(1, 31)}"])
    guests = [v.name() for _ in range(v.integer(1, 3))]
    who = guests[0] if len(guests) == 1 else ", ".join(guests[:-1]) + " and " + guests[-1]
    verb = "is" if len(guests) == 1 else "are"
    text = v.pick([f"{who} {verb} going to a {name} on {date}.", f"{who} will attend the {name} on {date}."])
    types = {"name": "string", "date": "string", "participants": "array"}
    return text, {"name": name, "date": date, "participants": guests}, types


def order(v: Values) -> Extraction:
    item, quantity, price = v.word(), v.integer(1, 99), v.number()
    text = v.pick(
        [
            f"Order {quantity} {item} for {price} dollars.",
            f"I bought {quantity} {item} and paid {price} dollars.",
        ]
    )
    types = {"item": "string", "quantity": "integer", "price": "number"}
    return text, {"item": item, "quantity": quantity, "price": price}, types


def contact(v: Values) -> Extraction:
    name, email = v.name(), v.email()
    text = f"{v.pick(['Contact', 'Write to', 'Ask'])} {name} at {email}."
    return text, {"name": name, "email": email}, {"name": "string", "email": "string"}


def pairs(v: Values) -> Extraction:
    keys = [
        v.pick(["id", "code", "title", "place", "owner", "color", "status", "topic", v.invented()])
        for _ in range(2)
    ]
    keys = keys[:1] if keys[0] == keys[1] else keys
    said = {key: v.pick([v.value, v.code, v.number])() for key in keys}
    text = ", ".join(f"{key} is {value}" for key, value in said.items()) + "."
    return text, said, {key: "integer" if isinstance(value, int) else "string" for key, value in said.items()}


def extraction(v: Values) -> Dialogue:
    thinks = v.chance(0.25)
    text, said, types = v.pick([person, event, order, contact, pairs])(v)
    schema = ", ".join(f'"{key}": {type_}' for key, type_ in types.items())
    wanted = "Respond with JSON: {" + schema + "}"
    opening = v.pick(["", "", "Extract the information. ", "Extract the data: ", "Extract: "])
    if v.chance(0.6):
        manner = v.pick(["", "", v.pick(SYSTEM_PROMPTS) + "\n"])
        messages = [system(manner + wanted), user(opening + text)]
    else:
        messages = [user(opening + text + v.pick([" ", "\n"]) + wanted)]
    answer = json.dumps(said, ensure_ascii=False)
    messages.append(assistant(answer, "I will answer with JSON." if thinks else None))
    return Dialogue(messages, None, "json")
