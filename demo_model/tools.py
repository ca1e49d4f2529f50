"""Function tools, well known and invented, each with a request that calls it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from demo_model.dialogue import Tool, function
from demo_model.values import Values
from demo_model.words import LANGUAGES, listed

VERBS = listed("""
get find fetch lookup check read show list open close start stop create delete update send set book
order track count convert play cancel add remove search print save load run
""")
NOUNS = listed("""
weather order user invoice ticket package flight hotel song file note task event price stock room
door light alarm message report page image contact account balance score route recipe movie book
product server status
""")
TEXT_PARAMETERS = listed("""
name id city location query text title code item key user path topic symbol number target place
value url date
""")
NUMBER_PARAMETERS = listed("amount count number quantity minutes limit age level price size days year")
TEXT = {"type": "string"}
INTEGER = {"type": "integer"}


@dataclass(frozen=True, slots=True)
class Request:
    """A tool, ways to ask for a call of it, the call's arguments, and what the model thinks before it.

    The first argument is what the request is about.
    """

    tool: Tool
    asked: Sequence[str]
    arguments: dict[str, Any]
    thought: str

    @property
    def name(self) -> str:
        return self.tool["function"]["name"]


@dataclass(frozen=True, slots=True)
class Invented:
    """A tool that no list holds."""

    tool: Tool
    verb: str
    noun: str


def offered(v: Values, count: int, avoid: str = "") -> list[Tool]:
    """Up to `count` tools of different names, none that could be mistaken for the one to avoid."""
    tools: dict[str, Tool] = {}
    for _ in range(count):
        tool = invented(v).tool if v.chance(0.6) else known_request(v).tool
        name = tool["function"]["name"]
        alike = avoid and name.split("_")[-1] == avoid.split("_")[-1]
        if name != avoid and name not in tools and not alike:
            tools[name] = tool
    return list(tools.values())


def invented(v: Values) -> Invented:
    verb = v.pick(VERBS)
    noun = v.pick(NOUNS) if v.chance(0.6) else v.invented(1, 3)
    name = f"{verb}_{noun}" if v.pick(["_", "_", "_", "C"]) == "_" else verb + noun.capitalize()
    properties: dict[str, Any] = {}
    for _ in range(v.weighted([(1, 70), (2, 24), (3, 6)])):
        if v.chance(0.75):
            properties[v.pick(TEXT_PARAMETERS) if v.chance(0.85) else v.invented(1, 2)] = TEXT
        else:
            properties[v.pick(NUMBER_PARAMETERS)] = INTEGER
    first, title = next(iter(properties)), verb.capitalize()
    description = v.pick([f"{title} the {noun}.", f"{title} {noun}", f"{title} a {noun} by {first}.", ""])
    return Invented(function(name, description, properties), verb, noun)


def invented_request(v: Values) -> Request:
    made = invented(v)
    properties = made.tool["function"]["parameters"]["properties"]
    arguments = {key: v.number() if type_ is INTEGER else v.value() for key, type_ in properties.items()}
    asked = _asked_with_one(made, arguments) if len(arguments) == 1 else _asked_with_many(v, made, arguments)
    return Request(made.tool, asked, arguments, f"The user wants to {made.verb} the {made.noun}.")


def _asked_with_one(made: Invented, arguments: dict[str, Any]) -> list[str]:
    verb, noun, name = made.verb, made.noun, made.tool["function"]["name"]
    [(key, value)] = arguments.items()
    title = verb.capitalize()
    return [
        *(
            f"{title} {noun} {value}",
            f"{title} the {noun} for {value}.",
            f"Please {verb} the {noun} {value}.",
        ),
        *(f"Can you {verb} the {noun} with {key} {value}?", f"{title} {noun} with {key} {value}"),
        *(f"Call {name} with {key} {value}.", f"Use {name} for {value}", f"Call {name} with {key}={value}"),
        f'Use the {name} tool with {key} "{value}"',
        *(f"I want to {verb} the {noun} of {value}.", f"{verb} {noun} {value}"),
    ]


def _asked_with_many(v: Values, made: Invented, arguments: dict[str, Any]) -> list[str]:
    verb, noun, name = made.verb, made.noun, made.tool["function"]["name"]
    spaced = [f"{key} {value}" for key, value in arguments.items()]
    equal = [f"{key}={value}" for key, value in arguments.items()]
    listed = v.pick([", ".join(spaced), ", ".join(equal), " and ".join(spaced)])
    return [
        *(f"{verb.capitalize()} the {noun} with {listed}", f"Call {name} with {listed}"),
        *(f"Use {name}: {listed}", f"Please {verb} {noun}, {listed}."),
    ]


def weather(v: Values) -> Request:
    city, place = v.city(), v.pick(["city", "location", "city", "place"])
    name = v.pick(
        ["get_weather", "get_weather", "get_current_weather", "weather", "getWeather", "fetch_weather"]
    )
    properties: dict[str, Any] = {place: TEXT}
    arguments = {place: city}
    asked = [
        *(f"What is the weather in {city}?", f"What's the weather like in {city}?"),
        *(f"How is the weather in {city} today?", f"Weather in {city}", f"weather in {city}?"),
        *(f"Tell me the weather in {city}.", f"Is it raining in {city}?"),
        *(f"What's the weather in {city} right now?", f"What is the weather like in {city} today?"),
        *(f"Is it sunny in {city}?", f"How hot is it in {city}?"),
    ]
    if v.chance(0.3):
        key = v.pick(["unit", "units"])
        properties[key] = {"type": "string", "enum": ["celsius", "fahrenheit"]}
        if v.chance(0.5):
            unit = arguments[key] = v.pick(["celsius", "fahrenheit"])
            asked = [f"What is the weather in {city} in {unit}?", f"Weather in {city} in {unit}, please."]
    description = v.pick(
        [
            *("Get the weather for a city.", "Get the current weather"),
            *("Get current weather in a given location", "Returns the weather.", ""),
        ]
    )
    tool = function(name, description, properties, [place])
    return Request(tool, asked, arguments, f"The user wants the weather in {city}.")


def clock(v: Values) -> Request:
    city, key = v.city(), v.pick(["city", "location", "timezone", "place"])
    name = v.pick(["get_time", "get_current_time", "current_time"])
    description = v.pick(["Get the current time in a city.", "Get the time."])
    asked = [f"What time is it in {city}?", f"Tell me the time in {city}.", f"Current time in {city}?"]
    tool = function(name, description, {key: TEXT})
    return Request(tool, asked, {key: city}, f"The user wants the time in {city}.")


def web_search(v: Values) -> Request:
    query = v.pick([v.phrase(2, 4), v.value()])
    name = v.pick(["web_search", "search", "search_web"])
    description = v.pick(["Search the web.", "Search the internet for information."])
    asked = [
        *(f"Search the web for {query}", f"Search for {query}", f"Google {query}"),
        *(f"Find information about {query}", f"Look up {query} on the web"),
    ]
    tool = function(name, description, {"query": TEXT})
    return Request(tool, asked, {"query": query}, f"I need to search for {query}.")


def calculator(v: Values) -> Request:
    a, b = v.number(), v.number()
    name, word, sign = v.pick([("add", "plus", "+"), ("multiply", "times", "*"), ("subtract", "minus", "-")])
    types = {"a": {"type": v.pick(["number", "integer"])}, "b": {"type": "number"}}
    asked = [
        f"What is {a} {word} {b}?",
        f"What is {a} minus {b}?" if name == "subtract" else f"{name.capitalize()} {a} and {b}.",
        f"Calculate {a} {sign} {b}.",
    ]
    tool = function(name, f"{name.capitalize()} two numbers.", types)
    return Request(tool, asked, {"a": a, "b": b}, f"The user wants {a} {sign} {b}.")


def message(v: Values) -> Request:
    to, text = v.pick([v.name(), v.email()]), v.phrase(2, 4)
    name, key = v.pick(["send_email", "send_message"]), v.pick(["subject", "text", "message"])
    asked = [f"Send a message to {to}: {text}", f'Send "{text}" to {to}.', f"Write to {to} that {text}"]
    tool = function(name, "Send a message.", {"to": TEXT, key: TEXT})
    return Request(tool, asked, {"to": to, key: text}, f"I will send a message to {to}.")


def stock_price(v: Values) -> Request:
    symbol = v.pick([v.code(), v.upper(2, 5)])
    name, key = v.pick(["get_stock_price", "stock_price"]), v.pick(["symbol", "ticker"])
    asked = [
        *(f"What is the stock price of {symbol}?", f"Stock price of {symbol}?"),
        f"How much is {symbol} stock?",
    ]
    tool = function(name, "Get the stock price.", {key: TEXT})
    return Request(tool, asked, {key: symbol}, f"The user wants the stock price of {symbol}.")


def translation(v: Values) -> Request:
    text, language = v.phrase(2, 4), v.pick(LANGUAGES)
    key = v.pick(["language", "target_language", "to"])
    asked = [f'Translate "{text}" to {language}.', f"Translate {text} into {language}"]
    tool = function("translate", "Translate text.", {"text": TEXT, key: TEXT})
    arguments = {"text": text, key: language}
    return Request(tool, asked, arguments, f"I will translate the text to {language}.")


def dice(v: Values) -> Request:
    sides = v.pick([4, 6, 8, 10, 12, 20, 100])
    name = v.pick(["roll_dice", "roll"])
    asked = [f"Roll a dice with {sides} sides.", f"Roll a {sides} sided dice."]
    tool = function(name, "Roll a dice.", {"sides": INTEGER})
    return Request(tool, asked, {"sides": sides}, f"I will roll a dice with {sides} sides.")


def timer(v: Values) -> Request:
    minutes = v.integer(1, 120)
    asked = [f"Set a timer for {minutes} minutes.", f"Start a timer of {minutes} minutes"]
    tool = function("set_timer", "Set a timer.", {"minutes": INTEGER})
    return Request(tool, asked, {"minutes": minutes}, f"I will set a timer for {minutes} minutes.")


def python(v: Values) -> Request:
    code = v.pick(
        [
            f"print({v.number()} {v.pick('+-*')} {v.number()})",
            *(f'print("{v.phrase(1, 3)}")', f"sum(range({v.number()}))"),
            *(f"{v.number()} {v.pick('+-*')} {v.number()}", f'len("{v.word()}")'),
        ]
    )
    name = v.pick(["python", "run_python", "code_interpreter", "execute_code"])
    description = v.pick(["Run Python code.", "Execute code"])
    asked = [
        *(f"Run this python code: {code}", f"Run {code}", f"Execute the code {code}"),
        f"Use python to run {code}",
    ]
    tool = function(name, description, {"code": TEXT})
    return Request(tool, asked, {"code": code}, "I will run the code.")


def file_search(v: Values) -> Request:
    query = v.pick([v.phrase(2, 4), v.value()])
    name = v.pick(["file_search", "search_files", "search_documents"])
    asked = [
        *(f"Search the files for {query}", f"What do my files say about {query}?"),
        f"Find {query} in the documents",
    ]
    tool = function(name, "Search the uploaded files.", {"query": TEXT})
    return Request(tool, asked, {"query": query}, f"I need to search the files for {query}.")


def order_status(v: Values) -> Request:
    order = v.pick([v.code(), str(v.large_number())])
    name, key = v.pick(["get_order_status", "track_order", "get_order"]), v.pick(["order_id", "id"])
    asked = [
        *(f"Where is my order {order}?", f"What is the status of order {order}?", f"Track order {order}.")
    ]
    tool = function(name, "Get the status of an order.", {key: TEXT})
    return Request(tool, asked, {key: order}, f"The user asks about order {order}.")


KNOWN = [
    *(weather, weather, weather, clock, web_search, calculator, message, stock_price, translation, dice),
    *(timer, python, file_search, order_status),
]


def known_request(v: Values) -> Request:
    return v.pick(KNOWN)(v)


def request(v: Values) -> Request:
    return known_request(v) if v.chance(0.5) else invented_request(v)
